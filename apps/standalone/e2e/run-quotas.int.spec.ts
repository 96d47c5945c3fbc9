import { eventually } from '@sluice/testing';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

const account = '17841465550001234';
let sluice: InProcess;
beforeAll(async () => {
  sluice = await inProcess();
}, 60_000);
afterAll(async () => sluice?.close());

/** A tenant of its own with a workflow that a message or a call begins; it waits at `gate` where the text says so. */
async function tenant(quotas: object) {
  const { body } = await sluice.call('POST', '/api/tenants', { name: 't' }, sluice.platformKey);
  const { id, key } = body;
  const setQuotas = (changed: object) => sluice.call('PUT', `/api/tenants/${id}/quotas`, changed, sluice.platformKey);
  await setQuotas(quotas);
  const call = (method: string, path: string, sent?: unknown) => sluice.call(method, path, sent, key);
  const workflow = {
    name: 'w',
    nodes: [
      { id: 'in', type: 'trigger.webhook', config: {} },
      { id: 'manual', type: 'trigger.manual', config: {} },
      { id: 'seen', type: 'data.set', config: { values: { done: true } } },
    ],
    edges: [
      { source: 'in', target: 'seen' },
      { source: 'manual', target: 'seen' },
    ],
  };
  const workflowId = (await call('POST', '/api/workflows', workflow)).body.id;
  await call('POST', `/api/workflows/${workflowId}/publish`);
  const channel = { provider: 'instagram', name: 'c', externalAccountId: account, credentials: { signingSecrets: [signingSecret] } };
  const channelId = (await call('POST', '/api/channels', channel)).body.id;
  await call('POST', '/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider: 'instagram', config: { channelId } });
  return {
    id,
    workflowId,
    call,
    setQuotas,
    deliver: (text: string) => sluice.message(channelId, text, account),
    statuses: () => sluice.eventStatuses(channelId),
    trigger: () => call('POST', `/api/workflows/${workflowId}/nodes/manual/trigger`, { input: { a: 1 }, metadata: { note: 'n' } }),
    runs: async () => (await sluice.db.query('SELECT id FROM workflow_executions WHERE tenant_id = $1', [id])).rows.map((row) => row.id),
    told: async () =>
      (await sluice.db.query(`SELECT payload FROM domain_events WHERE tenant_id = $1 AND type = 'tenant.quota.exceeded'`, [id])).rows.map(
        ({ payload }) => payload,
      ),
    /** Runs of its own that stand in the way: under way, and nobody goes on with them */
    occupy: async (count: number) =>
      sluice.db.query(
        `INSERT INTO workflow_executions (tenant_id, id, workflow_id, workflow_version, version_id, version, status, start_key, entry_node_id,
           trigger_meta, correlation_id, input, started_at)
         SELECT $1, gen_random_uuid(), $2, 1, v.id, 1, 'running', 'occupied:' || n, 'manual', '{}', 'c', 'null', now() - interval '2 days'
         FROM workflow_versions v, generate_series(1, $3) n WHERE v.tenant_id = $1 AND v.workflow_id = $2`,
        [id, workflowId, count],
      ),
    leave: async () =>
      sluice.db.query(
        `UPDATE workflow_executions SET status = 'completed', completed_at = now() WHERE tenant_id = $1 AND start_key LIKE 'occupied:%'`,
        [id],
      ),
  };
}

describe('dailyExecutions', () => {
  it('at the limit events are accepted and wait, the tenant is told once, calls of the API are refused; raised, all of them run', async () => {
    const one = await tenant({ dailyExecutions: 3 });
    for (let n = 0; n < 8; n += 1) expect(await one.deliver(`n${n}`)).toBe(200);
    await eventually(async () => expect(await one.statuses()).toEqual({ processed: 3, received: 5 }));
    const day = new Date().toISOString().slice(0, 10);
    await eventually(async () =>
      expect(await one.told()).toEqual([
        { quota: 'dailyExecutions', limit: 3, from: `${day}T00:00:00.000Z`, until: expect.stringMatching(/T00:00:00\.000Z$/) },
      ]),
    );

    const refused = await one.trigger();
    expect(refused).toMatchObject({ status: 429, body: { type: '/problems/daily_executions_used_up' } });
    const [ran] = await one.runs();
    expect((await one.call('POST', `/api/executions/${ran}/rerun`, {})).status).toBe(429);
    expect(await one.runs()).toHaveLength(3);

    await one.setQuotas({ dailyExecutions: 10 });
    await eventually(async () => expect(await one.statuses()).toEqual({ processed: 8 }), { timeoutMs: 20_000 });
    expect((await one.trigger()).status).toBe(202);
    expect((await one.trigger()).status).toBe(202);
    expect((await one.trigger()).status).toBe(429);
    await eventually(async () => expect(await one.runs()).toHaveLength(10));
  }, 60_000);

  it('is counted anew with the day: what waited begins', async () => {
    const one = await tenant({ dailyExecutions: 2 });
    for (let n = 0; n < 4; n += 1) expect(await one.deliver(`n${n}`)).toBe(200);
    await eventually(async () => expect(await one.statuses()).toEqual({ processed: 2, received: 2 }));
    await sluice.db.query(
      `WITH gone AS (UPDATE workflow_executions SET started_at = started_at - interval '1 day' WHERE tenant_id = $1)
       UPDATE daily_runs SET day = day - 1 WHERE tenant_id = $1`,
      [one.id],
    );
    await eventually(async () => expect(await one.statuses()).toEqual({ processed: 4 }));
  });

  it('of today’s runs begun before it was set', async () => {
    const one = await tenant({});
    for (let n = 0; n < 3; n += 1) expect((await one.trigger()).status).toBe(202);
    await one.setQuotas({ dailyExecutions: 4 });
    expect((await one.trigger()).status).toBe(202);
    expect((await one.trigger()).status).toBe(429);
  });
});

describe('maxConcurrentExecutions', () => {
  it('holds back what an event and what a call of the API begins; both begin when there is room, and the promised run is the one', async () => {
    const one = await tenant({ maxConcurrentExecutions: 1 });
    await one.occupy(1);
    expect(await one.deliver('held')).toBe(200);
    const answer = await one.trigger();
    expect(answer.status).toBe(202);
    const asked = () => sluice.db.query(`SELECT kind, ticketed_at, payload FROM tasks WHERE tenant_id = $1 ORDER BY kind`, [one.id]);
    await eventually(async () =>
      expect((await asked()).rows).toMatchObject([
        { kind: 'begin', ticketed_at: null, payload: { executionId: answer.body.executionId } },
        { kind: 'start', ticketed_at: null },
      ]),
    );
    expect(await one.statuses()).toEqual({ received: 1 });

    await one.leave();
    await eventually(async () => expect(await one.statuses()).toEqual({ processed: 1 }));
    await eventually(async () => expect(await one.runs()).toContain(answer.body.executionId));
    await eventually(async () => {
      const { body } = await one.call('GET', `/api/executions/${answer.body.executionId}`);
      expect(body).toMatchObject({ status: 'completed' });
    });
    const { rows } = await sluice.db.query(
      `SELECT type, payload FROM domain_events WHERE aggregate_id = $1 ORDER BY aggregate_version LIMIT 2`,
      [answer.body.executionId],
    );
    expect(rows).toMatchObject([
      { type: 'workflow.node.triggered', payload: { metadata: { custom: { note: 'n' } }, input: { a: 1 } } },
      { type: 'workflow.execution.started' },
    ]);
  });

  it('lets a call of the API begin at once while there is room', async () => {
    const one = await tenant({ maxConcurrentExecutions: 2 });
    const { body } = await one.trigger();
    expect(await one.runs()).toEqual([body.executionId]);
  });
});
