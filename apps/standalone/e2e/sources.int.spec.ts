import { eventually, metaJson, signInstagram } from '@sluice/testing';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

const account = '17841465550001234';
const workflow = (text: string, settings: object = {}) => ({
  name: 'Seen',
  nodes: [
    { id: 'in', type: 'trigger.webhook', config: {} },
    { id: 'seen', type: 'data.set', config: { values: { text } } },
  ],
  edges: [{ source: 'in', target: 'seen' }],
  settings,
});

let sluice: InProcess;
beforeAll(async () => {
  sluice = await inProcess();
});
afterAll(() => sluice.close());

async function connect(): Promise<string> {
  const credentials = { signingSecrets: [signingSecret] };
  return sluice.made('/api/channels', { provider: 'instagram', name: 'Shop', externalAccountId: account, credentials });
}
const listen = (channelId: string, workflowId: string, config: object = {}) =>
  sluice.made('/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider: 'instagram', config: { channelId, ...config } });
const runsOf = async (workflowId: string) =>
  (
    await sluice.db.query(
      `SELECT e.id, e.workflow_version AS version, e.trigger_meta AS trigger, e.output, e.status FROM workflow_executions e
       WHERE e.workflow_id = $1 ORDER BY e.started_at, e.id`,
      [workflowId],
    )
  ).rows;
const eventsOf = async (channelId: string): Promise<string[]> =>
  (await sluice.db.query('SELECT id FROM webhook_events WHERE channel_id = $1 ORDER BY id', [channelId])).rows.map(({ id }) => id);

describe('a replay', () => {
  const period = () => ({ dateFrom: new Date(Date.now() - 3_600_000).toISOString(), dateTo: new Date().toISOString() });
  const ended = async (replayId: string, expected: object) => {
    await sluice.shows(`/api/replays/${replayId}`, { status: 'completed', ...expected });
    return (await sluice.call('GET', `/api/replays/${replayId}`)).body;
  };

  it('starts each event’s workflows once more, on the newest version or that of then, in the order of each customer', async () => {
    const channelId = await connect();
    const workflowId = await sluice.published(workflow('{{ trigger.text }}', { concurrency: { key: 'trigger.customerId', limit: 1 } }));
    await listen(channelId, workflowId);
    const texts = ['a', 'b', 'c', 'd', 'e'];
    for (const text of texts) expect(await sluice.message(channelId, text, account)).toBe(200);
    await eventually(async () => expect(await sluice.eventStatuses(channelId)).toEqual({ processed: 5 }));
    await sluice.call('PUT', `/api/workflows/${workflowId}`, { ...workflow('{{ "new " & trigger.text }}'), settings: undefined });
    await sluice.call('POST', `/api/workflows/${workflowId}/publish`);

    const asked = { name: 'Again', filter: { channelId, ...period() }, ratePerSecond: 200, reason: 'the shop was closed' };
    expect(await sluice.call('POST', '/api/webhook-events/replay', { ...asked, dryRun: true })).toEqual({
      status: 200,
      body: { count: 5 },
    });
    for (const [version, expected] of [
      ['newest', texts.map((text) => `new ${text}`)],
      ['same', texts],
    ] as const) {
      const { status, body } = await sluice.call('POST', '/api/webhook-events/replay', { ...asked, version });
      expect(status).toBe(202);
      const shown = await ended(body.replayId, { events: { total: 5, done: 5, failed: 0 }, executions: 5 });
      expect(shown).toMatchObject({ name: 'Again', version, ratePerSecond: 200, reason: 'the shop was closed', filter: { channelId } });
      const runs = (await runsOf(workflowId)).filter(({ trigger }) => trigger.replayId === body.replayId);
      expect(runs.map(({ output }) => output.text)).toEqual(expected);
      expect(runs.every(({ trigger }) => trigger.source === 'replay' && trigger.webhookId === undefined)).toBe(true);
    }
    expect(await runsOf(workflowId)).toHaveLength(15);
    expect(await sluice.eventStatuses(channelId)).toEqual({ processed: 5 });

    const [eventId = ''] = await eventsOf(channelId);
    const one = await sluice.call('POST', `/api/webhook-events/${eventId}/replay`, { reason: 'only this one' });
    expect(one.status).toBe(202);
    await ended(one.body.replayId, { events: { total: 1, done: 1 }, executions: 1 });
    const event = (await sluice.call('GET', `/api/webhook-events/${eventId}`)).body;
    expect(event.executionIds).toHaveLength(4);
    const { rows } = await sluice.db.query(
      `SELECT payload FROM domain_events WHERE aggregate_id = $1 AND type = 'webhook.replayed' ORDER BY aggregate_version`,
      [eventId],
    );
    expect(rows.at(-1)?.payload).toMatchObject({ replayId: one.body.replayId, reason: 'only this one', by: expect.any(String) });
    const audit = await sluice.call('GET', '/api/audit?limit=5');
    expect(JSON.stringify(audit.body)).toContain('replays.startOne');
  });

  it('is for the workflows that are named', async () => {
    const channelId = await connect();
    const [first, second] = [await sluice.published(workflow('1')), await sluice.published(workflow('2'))];
    for (const workflowId of [first, second]) await listen(channelId, workflowId);
    await sluice.message(channelId, 'a', account);
    await eventually(async () => expect(await sluice.eventStatuses(channelId)).toEqual({ processed: 1 }));
    const [eventId = ''] = await eventsOf(channelId);
    const { body } = await sluice.call('POST', `/api/webhook-events/${eventId}/replay`, {
      workflowIds: [second],
      reason: 'r',
      version: 'same',
    });
    await ended(body.replayId, { executions: 1 });
    expect([(await runsOf(first)).length, (await runsOf(second)).length]).toEqual([1, 2]);
  });
});

describe('a test delivery', () => {
  const tested = async (webhookId: string) => {
    const { status, body } = await sluice.call('POST', `/api/webhooks/${webhookId}/test`);
    expect(status).toBe(200);
    return body;
  };
  const okOf = ({ steps }: { steps: { name: string; ok: boolean }[] }) => Object.fromEntries(steps.map(({ name, ok }) => [name, ok]));
  const good = { route: true, signature: true, parse: true, record: true };

  it('goes the whole way, says so at each step, and is marked; no secret is told', async () => {
    const channelId = await connect();
    const workflowId = await sluice.published(workflow('{{ trigger.test }}'));
    const webhookId = await listen(channelId, workflowId);
    const first = await tested(webhookId);
    expect(okOf(first)).toEqual({ ...good, listeners: true, run: true });
    expect(okOf(await tested(webhookId))).toEqual({ ...good, listeners: true, run: true });
    expect(JSON.stringify(first)).not.toContain(signingSecret);
    const runs = await runsOf(workflowId);
    expect(runs).toHaveLength(2);
    expect(runs[0]).toMatchObject({ id: first.executionId, trigger: { source: 'webhook', test: true, webhookEventId: first.eventId } });
    await eventually(async () => expect((await runsOf(workflowId))[0]).toMatchObject({ status: 'completed', output: { text: true } }));
    await sluice.shows(`/api/webhook-events/${first.eventId}`, { test: true, status: 'processed', executionIds: [first.executionId] });
    const { rows } = await sluice.db.query('SELECT headers FROM webhook_deliveries WHERE channel_or_app_id = $1', [channelId]);
    expect(rows).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toContain('x-sluice-test');
  });

  it('T-10: whoever writes the mark himself has an ordinary delivery', async () => {
    const channelId = await connect();
    const workflowId = await sluice.published(workflow('x'));
    await listen(channelId, workflowId);
    const item = { sender: { id: '1' }, recipient: { id: account }, timestamp: Date.now(), message: { mid: 'm', text: 'hello' } };
    const body = metaJson({ object: 'instagram', entry: [{ id: account, time: Date.now(), messaging: [item] }] });
    const answer = await fetch(`${sluice.base}/webhooks/${channelId}/instagram/all`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-hub-signature-256': signInstagram(signingSecret, body),
        'x-sluice-test': 'A'.repeat(43),
      },
      body,
    });
    expect(answer.status).toBe(200);
    const items = await sluice.db.query(`SELECT item ->> 'test' AS test FROM webhook_events WHERE channel_id = $1`, [channelId]);
    expect(items.rows).toEqual([{ test: null }]);
  });

  it('says at which step it ends', async () => {
    const channelId = await connect();
    const workflowId = await sluice.published(workflow('x'));
    const comments = await tested(await listen(channelId, workflowId, { actionTypes: ['comment'] }));
    expect(okOf(comments)).toEqual({ ...good, listeners: false });
    expect(comments.steps.at(-1).detail).toContain('takes comment, and the test is a message');

    const filtered = await tested(await listen(channelId, workflowId, { filter: "trigger.text = 'never'" }));
    expect(okOf(filtered)).toEqual({ ...good, listeners: true, run: false });
    expect(filtered.steps.at(-1).detail).toContain('filter');

    await sluice.call('POST', `/api/channels/${channelId}/hold`);
    const held = await tested(await listen(channelId, workflowId));
    expect(okOf(held)).toEqual({ ...good, listeners: true, run: false });
    expect(held.steps.at(-1).detail).toContain('held');
  });

  const listeningTo = async (provider: string, config: object) => {
    const credentials = { signingSecrets: [signingSecret] };
    const channelId = await sluice.made('/api/channels', { provider, name: 'c', config, credentials });
    const workflowId = await sluice.published(workflow('x'));
    const webhookId = await sluice.made('/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider, config: { channelId } });
    return { channelId, webhookId };
  };

  it('of one who signs the address has that of this process, where nobody told another', async () => {
    const { webhookId } = await listeningTo('twilio', {});
    expect(okOf(await tested(webhookId))).toEqual({ ...good, listeners: true, run: true });
  });

  it('is refused where there is nothing to sign with', async () => {
    const { channelId, webhookId } = await listeningTo('hmac', { header: 'X-Signature' });
    await sluice.db.query(`UPDATE channels SET config = '{}' WHERE id = $1`, [channelId]);
    const { status, body } = await sluice.call('POST', `/api/webhooks/${webhookId}/test`);
    expect([status, body.type]).toEqual([422, '/problems/test_unavailable']);
  });
});

it('T-12: a source tells what came, what was refused and why, and what came twice with other words; guesses leave nothing behind', async () => {
  const channelId = await connect();
  await listen(channelId, await sluice.published(workflow('x')));
  const send = (mid: string, text: string) => {
    const item = { sender: { id: '1' }, recipient: { id: account }, timestamp: 1793611795800, message: { mid, text } };
    const body = metaJson({ object: 'instagram', entry: [{ id: account, time: 1793611795800, messaging: [item] }] });
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(signingSecret, body) };
    return fetch(`${sluice.base}/webhooks/${channelId}/instagram/all`, { method: 'POST', headers, body });
  };
  for (const [mid, text] of [
    ['m1', 'yes'],
    ['m2', 'yes'],
    ['m1', 'yes'],
    ['m1', 'no'],
  ] as const)
    expect((await send(mid, text)).status).toBe(200);
  for (let n = 0; n < 12; n += 1) expect(await sluice.message(channelId, 'x', account, 'another-secret-of-somebody-else')).toBe(401);
  await sluice.message('01900000-0000-7000-8000-00000000000a', 'x', account);

  await eventually(
    async () => {
      const { body } = await sluice.call('GET', `/api/channels/${channelId}/source`);
      expect(body).toMatchObject({
        status: 'failing',
        calls: { received: 16, accepted: 4, rejected: { signature_mismatch: 12 } },
        events: { accepted: 2, ignored: 0, duplicate: 2, conflicting: 1 },
        lastRejection: 'signature_mismatch',
        alerts: [{ type: 'signature_failures', details: { failures: 12, calls: 16 } }],
        conflicts: [{ differs: ['text'], dedupeKey: expect.stringContaining('m1') }],
      });
    },
    // Figures of ten seconds are told at once, what comes after them a minute later.
    { timeoutMs: 90_000 },
  );
  const { rows } = await sluice.db.query('SELECT count(*)::int AS sources FROM source_figures WHERE source_id = $1', [
    '01900000-0000-7000-8000-00000000000a',
  ]);
  expect(rows).toEqual([{ sources: 0 }]);
}, 120_000);
