import type { CommandBus } from '@nestjs/cqrs';
import type { Graph } from '@sluice/engine';
import { newId } from '@sluice/kernel';
import { NodeFailure, type OutboundRequest, type OutboundResponse } from '@sluice/nodes';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions } from '@sluice/platform-database';
import { CommandStore, readLog } from '@sluice/platform-event-log';
import type { Notifications } from '@sluice/platform-notifications';
import { type TaskTicket, Tickets, TicketWindows } from '@sluice/platform-queue';
import { createLogger } from '@sluice/platform-telemetry';
import { eventually, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { register } from 'prom-client';
import { CancelExecution, CancelExecutionHandler } from './cancel-execution.js';
import { FailingTasks } from './dead-letters/failing-tasks.js';
import type { EffectToolbox } from './effects/effect-toolbox.js';
import { PutOff } from './effects/put-off.js';
import type { RequestRunner } from './requests/request-runner.js';
import { Blobs } from './steps/blobs.js';
import { Callees } from './steps/callees.js';
import type { Committed, Work } from './steps/commit-steps.js';
import { Committer, CommitSteps, CommitStepsHandler } from './steps/committer.js';
import { CompiledVersions } from './steps/compiled-versions.js';
import { Leases } from './steps/leases.js';
import { fireDueTimers, renewOldTickets, requeueExpiredLeases } from './sweeps/sweep-queries.js';
import type { Dispatcher } from './sweeps/dispatcher.js';
import { giveTickets } from './sweeps/give-tickets.js';
import { WakeUps } from './sweeps/wake-ups.js';
import { TaskRunner } from './task-runner.js';
import { TenantDirectory } from './tenant-directory.js';

const tenantId = newId();
let stores: TestDatabase;
let database: Database;
let admin: pg.Pool;
let api: Database;

beforeAll(async () => {
  stores = await testDatabase();
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 8, role: 'sluice_service', app: 'test', schema: commandStoreSchema };
  database = new Database(await dataSourceFor(options).initialize(), options);
  const apiOptions: DatabaseOptions = { ...options, role: 'sluice_api', poolSize: 4 };
  api = new Database(await dataSourceFor(apiOptions).initialize(), apiOptions);
  admin = new pg.Pool({ connectionString: stores.commandUrl });
  await admin.query(`INSERT INTO tenants (id, name, effect_secret) VALUES ($1, 'test', 'secret')`, [tenantId]);
});

afterAll(async () => {
  await database.onApplicationShutdown();
  await api.onApplicationShutdown();
  await admin.end();
  await stores.drop();
});

/** Nothing looks for tickets here but the test itself. */
const idle = { took: () => {}, ended: () => {} } as unknown as Dispatcher;
/** Of all that is due */
const dueTickets = async () => (await database.withClient((client) => giveTickets(client)))?.tickets ?? [];

class HeldTickets extends Tickets {
  readonly out: TaskTicket[] = [];

  issue(tickets: readonly TaskTicket[]): Promise<boolean> {
    this.out.push(...tickets);
    return Promise.resolve(true);
  }

  keeper(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  waiting(): Promise<number> {
    return Promise.resolve(0);
  }
}

/** Lets a test say when each work is written. */
class GatedCommitter extends Committer {
  gate: (work: Work) => Promise<void> = () => Promise.resolve();
  readonly committed: Committed[] = [];

  override async add(work: Work): Promise<Committed> {
    await this.gate(work);
    const committed = await super.add(work);
    this.committed.push(committed);
    return committed;
  }
}

type Send = (request: OutboundRequest, idempotencyKey: string) => Promise<OutboundResponse>;

function worker(send: Send = () => Promise.reject(new Error('nothing is sent here')), fusion = true) {
  const logger = createLogger('test', 'silent');
  const tickets = new HeldTickets();
  const handler = new CommitStepsHandler(database, new TicketWindows(database));
  const bus = { execute: (command: CommitSteps) => handler.execute(command) } as unknown as CommandBus;
  const committer = new GatedCommitter(bus, { emit: () => {} } as unknown as Notifications, tickets, logger);
  const leases = new Leases(database);
  const toolbox = {
    toolsFor: (_job: unknown, idempotencyKey: string, signal: AbortSignal) => ({
      idempotencyKey,
      signal,
      send: (request: OutboundRequest) => send(request, idempotencyKey),
    }),
  } as unknown as EffectToolbox;
  const slowFor = () => () => Promise.reject(new Error('no slow expression is used here'));
  const versions = new CompiledVersions(database);
  const blobs = new Blobs(database);
  const runner = new TaskRunner(
    database,
    versions,
    new TenantDirectory(database),
    leases,
    committer,
    tickets,
    idle,
    new WakeUps(),
    toolbox,
    blobs,
    new Callees(database, versions),
    { begin: () => Promise.resolve() } as unknown as RequestRunner,
    new FailingTasks(database, committer, new WakeUps(), logger),
    { fusion, slowFor, publicUrl: 'http://localhost' },
    logger,
  );
  return { runner, tickets, committer, leases, versions, blobs };
}

async function publish(graph: Graph, settings: object = {}): Promise<{ workflowId: string; versionId: string }> {
  const workflowId = newId();
  const versionId = newId();
  await admin.query(
    `INSERT INTO workflows (tenant_id, id, name, status, revision, version, published_revision, draft, created_by)
     VALUES ($1, $2, 'w', 'published', 1, 1, 1, $3, 'test')`,
    [tenantId, workflowId, JSON.stringify(graph)],
  );
  await admin.query(
    `INSERT INTO workflow_versions (tenant_id, id, workflow_id, version, graph, settings, published_by) VALUES ($1, $2, $3, 1, $4, $5, 'test')`,
    [tenantId, versionId, workflowId, JSON.stringify(graph), JSON.stringify(settings)],
  );
  return { workflowId, versionId };
}

async function listen(graph: Graph, channel = newId(), settings: object = {}) {
  const { workflowId, versionId } = await publish(graph, settings);
  await admin.query(
    `INSERT INTO webhooks (tenant_id, id, name, workflow_id, node_id, provider, channel_id, trigger_type, action_types, endpoint, status, created_by)
     VALUES ($1, $2, 'h', $3, 'in', 'instagram', $4, 'instagram', '{message}', '/', 'active', 'test')`,
    [tenantId, newId(), workflowId, channel],
  );
  return { workflowId, versionId, channel };
}

/** A received event and its start task. */
async function receive(channel: string, text = 'hello'): Promise<TaskTicket> {
  const id = newId();
  const at = new Date().toISOString();
  const item = {
    id,
    kind: 'message',
    action: 'message',
    dedupeKey: id,
    accountId: 'a',
    customerId: 'c',
    direction: 'in',
    triggers: true,
    text,
    provider: 'instagram',
    channelId: channel,
    occurredAt: at,
    receivedAt: at,
  };
  await admin.query(
    `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, customer_id, item, status, correlation_id,
                                 occurred_at, received_at)
     VALUES ($1, $2::uuid, $2::uuid, $3, 'message', 'message', $2::uuid::text, 'c', $4, 'received', 'corr', now(), now())`,
    [tenantId, id, channel, JSON.stringify(item)],
  );
  const { rows } = await admin.query(
    `INSERT INTO tasks (tenant_id, kind, webhook_event_id, order_key, ticketed_at) VALUES ($1, 'start', $2, line_of($3, 'c'), now()) RETURNING id, gen`,
    [tenantId, id, channel],
  );
  return { id: Number(rows[0].id), gen: rows[0].gen };
}

const runsOf = async (workflowId: string) =>
  (await admin.query(`SELECT * FROM workflow_executions WHERE workflow_id = $1 ORDER BY id`, [workflowId])).rows;
const eventTypes = async (executionId: string): Promise<string[]> =>
  (await admin.query(`SELECT type FROM domain_events WHERE aggregate_id = $1 ORDER BY aggregate_version`, [executionId])).rows.map(
    ({ type }) => type,
  );
const tasksLeft = async (workflowId: string) =>
  (
    await admin.query(
      `SELECT t.* FROM tasks t JOIN workflow_executions e ON e.id = t.execution_id WHERE e.workflow_id = $1 ORDER BY t.id`,
      [workflowId],
    )
  ).rows.map((row) => ({ id: Number(row.id), gen: row.gen, kind: row.kind, node: row.node_id, status: row.status, crashes: row.crashes }));

const node = (id: string, type: string, config: Graph['nodes'][number]['config'] = {}, policy?: Graph['nodes'][number]['policy']) => ({
  id,
  type,
  config,
  ...(policy === undefined ? {} : { policy }),
});
const edge = (source: string, target: string, sourceHandle?: string) => ({
  source,
  target,
  ...(sourceHandle === undefined ? {} : { sourceHandle }),
});
const outage = () => Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' });
/** The next statement of this name finds the database away. */
function awayFor(name: string): void {
  const { pool } = database;
  const query = pool.query.bind(pool) as (...given: unknown[]) => unknown;
  const once = (...given: [{ readonly name?: string }]) => {
    if (given[0].name !== name) return query(...given);
    Object.assign(pool, { query });
    return Promise.reject(outage());
  };
  Object.assign(pool, { query: once });
}
const ok = (body: object): OutboundResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(body)),
});

const chain: Graph = {
  nodes: [
    node('in', 'trigger.webhook'),
    node('pick', 'logic.switch', { value: '{{ trigger.text }}', cases: [{ name: 'hi', equals: 'hello' }] }),
    node('set', 'data.set', { values: { said: '{{ trigger.text }}' } }),
    node('other', 'data.set', { values: { said: 'something else' } }),
  ],
  edges: [edge('in', 'pick'), edge('pick', 'set', 'hi'), edge('pick', 'other', 'default')],
};

describe('a webhook event', () => {
  it('starts each listening workflow once and runs it to its end in one commit', async () => {
    const { workflowId, channel } = await listen(chain);
    const { runner } = worker();
    const before = Number((await admin.query('SELECT count(*) FROM event_commits')).rows[0].count);
    await runner.handle([await receive(channel)]);
    const [run] = await runsOf(workflowId);
    expect(run).toMatchObject({ status: 'completed', output: { said: 'hello' }, customer_id: 'c' });
    expect(await eventTypes(run.id)).toEqual([
      'workflow.execution.started',
      'node.execution.completed',
      'node.execution.completed',
      'node.execution.skipped',
      'node.execution.completed',
      'workflow.execution.completed',
    ]);
    expect(Number((await admin.query('SELECT count(*) FROM event_commits')).rows[0].count)).toBe(before + 1);
    const { rows } = await admin.query(`SELECT status FROM webhook_events WHERE channel_id = $1`, [channel]);
    expect(rows).toEqual([{ status: 'processed' }]);
  });

  it('R-11: starts nothing twice, however often and in whatever order its tickets come', async () => {
    const { workflowId, channel } = await listen(chain);
    const workers = [worker(), worker(), worker()];
    const tickets = [await receive(channel), await receive(channel)];
    await Promise.all(workers.flatMap(({ runner }) => [runner.handle(tickets), runner.handle([...tickets].reverse())]));
    expect(await runsOf(workflowId)).toHaveLength(2);
  });

  it.each([
    ['is not there', [node('start', 'trigger.manual')], []],
    [
      'follows on an approval',
      [node('start', 'trigger.manual'), node('ask', 'flow.approval', { title: 'Send it?' }), node('in', 'data.set', { values: {} })],
      [edge('start', 'ask'), edge('ask', 'in', 'approved')],
    ],
  ])('starts nothing at a node that %s in what is published', async (_, nodes, edges) => {
    const { workflowId, channel } = await listen({ nodes, edges });
    await worker().runner.handle([await receive(channel)]);
    expect(await runsOf(workflowId)).toEqual([]);
    const { rows } = await admin.query(
      `SELECT w.status, e.payload -> 'executionIds' AS ids FROM webhook_events w JOIN domain_events e ON e.aggregate_id = w.id WHERE w.channel_id = $1`,
      [channel],
    );
    expect(rows).toEqual([{ status: 'processed', ids: [] }]);
  });

  it('R-12: forged tickets do nothing', async () => {
    const { runner } = worker();
    await runner.handle([
      { id: 987_654_321, gen: 1 },
      { id: 1, gen: 99 },
    ]);
  });
});

describe('an effect', () => {
  const withCall = (policy?: Graph['nodes'][number]['policy']): Graph => ({
    nodes: [
      node('in', 'trigger.webhook'),
      node('call', 'http.request', { method: 'POST', url: 'http://target.test/', body: { text: '{{ trigger.text }}' } }, policy),
    ],
    edges: [edge('in', 'call')],
  });

  it('is called with a stable key, recorded before and after, and ends the run', async () => {
    const { workflowId, channel } = await listen(withCall());
    const keys: string[] = [];
    const { runner, tickets } = worker((_request, key) => {
      keys.push(key);
      return Promise.resolve(ok({ fine: true }));
    });
    await runner.handle([await receive(channel)]);
    await runner.handle(tickets.out);
    await eventually(async () => expect((await runsOf(workflowId))[0].status).toBe('completed'));
    const [run] = await runsOf(workflowId);
    expect(run.output).toMatchObject({ status: 200, body: { fine: true } });
    const { rows } = await admin.query('SELECT state, effect_key, attempts FROM effects WHERE execution_id = $1', [run.id]);
    expect(rows).toEqual([{ state: 'succeeded', effect_key: keys[0], attempts: 1 }]);
    expect(await tasksLeft(workflowId)).toEqual([]);
  });

  it('F-14 F-15: is sent again with the same key when its worker died', async () => {
    const { workflowId, channel } = await listen(withCall());
    const keys: string[] = [];
    const dying = worker((_request, key) => {
      keys.push(key);
      return new Promise(() => {});
    });
    await dying.runner.handle([await receive(channel)]);
    await dying.runner.handle(dying.tickets.out);
    await eventually(async () => expect(keys).toHaveLength(1));
    await admin.query(`UPDATE tasks SET lease_until = now() - interval '1 second' WHERE status = 'leased'`);
    await requeueExpiredLeases(database.pool, 0);
    const next = worker((_request, key) => {
      keys.push(key);
      return Promise.resolve(ok({}));
    });
    await next.runner.handle(await dueTickets());
    await eventually(async () => expect((await runsOf(workflowId))[0].status).toBe('completed'));
    expect(keys).toEqual([keys[0], keys[0]]);
  });

  it('F-20 F-21: whoever lost its lease while it was calling commits nothing; who has it now does', async () => {
    const { workflowId, channel } = await listen(withCall());
    const answers = [Promise.withResolvers<OutboundResponse>(), Promise.withResolvers<OutboundResponse>()];
    const keys: string[] = [];
    const calling = () => worker((_request, key) => answers[keys.push(key) - 1]?.promise ?? Promise.reject(new Error('nobody else calls')));
    const [zombie, successor] = [calling(), calling()];
    await zombie.runner.handle([await receive(channel)]);
    await zombie.runner.handle(zombie.tickets.out);
    await eventually(() => expect(keys).toHaveLength(1));
    await admin.query(`UPDATE tasks SET lease_until = now() - interval '1 second' WHERE status = 'leased'`);
    await requeueExpiredLeases(database.pool, 0);
    await successor.runner.handle(await dueTickets());
    await eventually(() => expect(keys).toHaveLength(2));

    answers[0]?.resolve(ok({ by: 'zombie' }));
    await eventually(() => expect(zombie.committer.committed.at(-1)).toMatchObject({ outcome: 'gone' }));
    answers[1]?.resolve(ok({ by: 'successor' }));
    await eventually(async () =>
      expect((await runsOf(workflowId))[0]).toMatchObject({ status: 'completed', output: { body: { by: 'successor' } } }),
    );
    expect(keys).toEqual([keys[0], keys[0]]);
  });

  it('N-13 N-14: its run finishes on the version it began with, though another is published or the workflow archived meanwhile', async () => {
    const graph = withCall();
    const { workflowId, channel } = await listen(graph);
    const answers: PromiseWithResolvers<OutboundResponse>[] = [];
    const one = worker(() => {
      const answer = Promise.withResolvers<OutboundResponse>();
      answers.push(answer);
      return answer.promise;
    });
    await one.runner.handle(await Promise.all(Array.from({ length: 50 }, () => receive(channel))));
    await one.runner.handle(one.tickets.out.splice(0));
    await eventually(() => expect(answers).toHaveLength(50));

    const next: Graph = {
      nodes: [...graph.nodes, node('after', 'data.set', { values: { by: 'the second version' } })],
      edges: [...graph.edges, edge('call', 'after')],
    };
    await admin.query(
      `INSERT INTO workflow_versions (tenant_id, id, workflow_id, version, graph, settings, published_by) VALUES ($1, $2, $3, 2, $4, '{}', 'test')`,
      [tenantId, newId(), workflowId, JSON.stringify(next)],
    );
    for (const answer of answers.splice(0, 25)) answer.resolve(ok({}));
    await eventually(async () => expect((await runsOf(workflowId)).filter(({ status }) => status === 'completed')).toHaveLength(25));
    await admin.query(`UPDATE workflows SET status = 'archived' WHERE id = $1`, [workflowId]);
    for (const answer of answers) answer.resolve(ok({}));
    await eventually(async () => expect((await runsOf(workflowId)).filter(({ status }) => status === 'completed')).toHaveLength(50));
    const runs = await runsOf(workflowId);
    expect(new Set(runs.map(({ version_id: version }) => version)).size).toBe(1);
    expect(runs.filter(({ output }) => 'by' in output)).toEqual([]);
    expect(await tasksLeft(workflowId)).toEqual([]);
  });

  it('N-08: whose lease was written while the database\u2019s clock was ahead is found again, and no crash is counted', async () => {
    const { workflowId, channel } = await listen(withCall());
    let sent = 0;
    const dying = worker(() => {
      sent += 1;
      return new Promise(() => {});
    });
    await dying.runner.handle([await receive(channel)]);
    await dying.runner.handle(dying.tickets.out);
    await eventually(() => expect(sent).toBe(1));
    const tasksWere = await tasksLeft(workflowId);
    await admin.query(`INSERT INTO workers (id, beat_at) SELECT lease_owner, now() + interval '10 years' FROM tasks WHERE id = $1`, [
      tasksWere[0]?.id,
    ]);
    await requeueExpiredLeases(database.pool, 30_000);
    expect(await tasksLeft(workflowId)).toEqual(tasksWere);
    await admin.query(`UPDATE tasks SET lease_until = now() + interval '10 years' WHERE id = $1`, [tasksWere[0]?.id]);
    await requeueExpiredLeases(database.pool, 30_000);
    expect(await tasksLeft(workflowId)).toMatchObject([{ status: 'ready', crashes: 0 }]);
    const next = worker(() => Promise.resolve(ok({})));
    await next.runner.handle(await dueTickets());
    await eventually(async () => expect((await runsOf(workflowId))[0].status).toBe('completed'));
  });

  it('F-16: marked at_most_once, is not sent again but asks', async () => {
    const { workflowId, channel } = await listen(withCall({ effect: 'at_most_once' }));
    let sent = 0;
    const dying = worker(() => {
      sent += 1;
      return new Promise(() => {});
    });
    await dying.runner.handle([await receive(channel)]);
    await dying.runner.handle(dying.tickets.out);
    await eventually(async () => expect(sent).toBe(1));
    await admin.query(`UPDATE tasks SET lease_until = now() - interval '1 second' WHERE status = 'leased'`);
    await requeueExpiredLeases(database.pool, 0);
    const next = worker(() => {
      sent += 1;
      return Promise.resolve(ok({}));
    });
    await next.runner.handle(await dueTickets());
    await eventually(async () => expect((await runsOf(workflowId))[0].status).toBe('waiting'));
    expect(sent).toBe(1);
    const { rows } = await admin.query('SELECT state FROM effects WHERE execution_id = $1', [(await runsOf(workflowId))[0].id]);
    expect(rows).toEqual([{ state: 'in_doubt' }]);
  });

  it('retries as its policy says and then takes its error handle', async () => {
    const graph = withCall({ retry: { maxAttempts: 2, delayMs: 1, backoff: 'fixed' } });
    const { workflowId, channel } = await listen({
      nodes: [...graph.nodes, node('sorry', 'data.set', { values: { why: '{{ input.error.code }}' } })],
      edges: [...graph.edges, edge('call', 'sorry', 'error')],
    });
    const { runner, tickets } = worker(() => Promise.reject(new NodeFailure('connection_failed', 'refused', { retryable: true })));
    await runner.handle([await receive(channel)]);
    await runner.handle(tickets.out.splice(0));
    await eventually(async () => {
      // With jitter the pause may come out as none: then its ticket was issued at once.
      await runner.handle([...tickets.out.splice(0), ...(await dueTickets())]);
      expect((await runsOf(workflowId))[0].status).toBe('completed');
    });
    expect((await runsOf(workflowId))[0].output).toEqual({ why: 'connection_failed' });
  });

  it('F-18: that stops its worker three times fails its run, with the reason', async () => {
    const { workflowId, channel } = await listen(withCall());
    const { runner, tickets } = worker();
    await runner.handle([await receive(channel)]);
    expect(tickets.out).toHaveLength(1);
    await admin.query(`UPDATE tasks SET crashes = 3 WHERE id = $1`, [tickets.out[0]?.id]);
    await runner.handle(tickets.out);
    await eventually(async () => expect((await runsOf(workflowId))[0]).toMatchObject({ status: 'failed', error: { code: 'crash_loop' } }));
  });

  it('its outcome is kept while the database is away for a moment: it is sent once', async () => {
    const { workflowId, channel } = await listen(withCall({ effect: 'at_most_once' }));
    let sent = 0;
    const { runner, tickets, committer } = worker(() => {
      sent += 1;
      return Promise.resolve(ok({}));
    });
    await runner.handle([await receive(channel)]);
    let away = 3;
    committer.gate = () => {
      away -= 1;
      return away < 0 ? Promise.resolve() : Promise.reject(outage());
    };
    await runner.handle(tickets.out);
    await eventually(async () => expect((await runsOf(workflowId))[0].status).toBe('completed'));
    expect([sent, away < 0]).toEqual([1, true]);
  });

  it('P-03: one that cannot be put off fails alone: those under way beside it are sent once, and their outcomes count', async () => {
    const [slow, paced] = [await listen(withCall({ effect: 'at_most_once' })), await listen(withCall())];
    const answer = Promise.withResolvers<OutboundResponse>();
    const keys: string[] = [];
    let mayCall = false;
    const { runner, tickets } = worker((request, key) => {
      if (JSON.stringify(request.body).includes('paced') && !mayCall) {
        return Promise.reject(new PutOff('paced', 'Later.', { afterMs: 60_000, isFirstCall: true, ends: false }));
      }
      keys.push(key);
      return answer.promise;
    });
    await runner.handle([await receive(slow.channel), await receive(paced.channel, 'paced')]);
    awayFor('put-off-effect');
    await runner.handle(tickets.out.splice(0));
    await eventually(async () => expect(await tasksLeft(paced.workflowId)).toMatchObject([{ status: 'ready', gen: 2 }]));
    await eventually(() => expect(keys).toHaveLength(1));
    expect(await tasksLeft(slow.workflowId)).toMatchObject([{ status: 'leased', gen: 1 }]);
    // Whatever is due by now is looked for: that of the slow one is not.
    mayCall = true;
    await eventually(async () => {
      await runner.handle(await dueTickets());
      expect(keys).toHaveLength(2);
    });
    answer.resolve(ok({ once: true }));
    for (const { workflowId } of [slow, paced]) {
      await eventually(async () =>
        expect(await runsOf(workflowId)).toMatchObject([{ status: 'completed', output: { body: { once: true } } }]),
      );
    }
    expect(new Set(keys).size).toBe(2);
    expect(keys).toHaveLength(2);
  });

  it('none keeps a lease or a place because those without a place could not be put off', async () => {
    const { workflowId, channel } = await listen(withCall());
    // 4 of its calls have a place.
    await admin.query(`UPDATE tenants SET quotas = '{"weight": 0.0025}' WHERE id = $1`, [tenantId]);
    let sent = 0;
    const { runner, tickets } = worker(() => {
      sent += 1;
      return Promise.resolve(ok({}));
    });
    const starts: TaskTicket[] = [];
    for (let n = 0; n < 6; n += 1) starts.push(await receive(channel));
    await runner.handle(starts);
    await admin.query(`UPDATE tenants SET quotas = '{}' WHERE id = $1`, [tenantId]);
    const calls = tickets.out.splice(0);
    awayFor('put-off-tasks');
    await runner.handle(calls);
    expect((await tasksLeft(workflowId)).map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 'ready'));
    expect(sent).toBe(0);
    // The places are free again: as many as may, go at once.
    await runner.handle(calls);
    await eventually(async () => {
      expect((await runsOf(workflowId)).filter(({ status }) => status === 'completed')).toHaveLength(4);
    });
    expect(await tasksLeft(workflowId)).toMatchObject([{ status: 'ready' }, { status: 'ready' }]);
    await eventually(async () => {
      await runner.handle(await dueTickets());
      expect(await tasksLeft(workflowId)).toEqual([]);
    });
    expect(sent).toBe(6);
  });
});

describe('what could keep a run from ever ending', () => {
  const call = (id: string) => node(id, 'http.request', { method: 'POST', url: 'http://target.test/', body: {} });

  it('B-04: an error text that Postgres refuses is cleaned, and its call is not repeated', async () => {
    const { workflowId, channel } = await listen({ nodes: [node('in', 'trigger.webhook'), call('call')], edges: [edge('in', 'call')] });
    let sent = 0;
    const { runner, tickets } = worker(() => {
      sent += 1;
      return Promise.resolve({ status: 400, headers: { 'content-type': 'text/plain' }, body: Buffer.from('no\u0000 such thing') });
    });
    await runner.handle([await receive(channel)]);
    await runner.handle(tickets.out);
    await eventually(async () => expect((await runsOf(workflowId))[0].status).toBe('failed'));
    expect(sent).toBe(1);
    expect(await tasksLeft(workflowId)).toEqual([]);
  });

  it('N-15: many branches that end at the same moment all count', async () => {
    const branches = Array.from({ length: 60 }, (_, n) => `call${n}`);
    const { workflowId, channel } = await listen({
      nodes: [node('in', 'trigger.webhook'), ...branches.map(call), node('join', 'logic.merge', { mode: 'all' })],
      edges: branches.flatMap((id) => [edge('in', id), edge(id, 'join')]),
    });
    const keys: string[] = [];
    const { runner, tickets } = worker((_request, key) => {
      keys.push(key);
      return Promise.resolve(ok({}));
    });
    await runner.handle([await receive(channel)]);
    await runner.handle(tickets.out);
    await eventually(async () => expect((await runsOf(workflowId))[0].status).toBe('completed'));
    expect([keys.length, new Set(keys).size]).toEqual([60, 60]);
    const { rows } = await admin.query(
      `SELECT count(*) FROM domain_events WHERE aggregate_id = $1 AND type = 'node.execution.completed' AND payload ->> 'nodeId' = 'join'`,
      [(await runsOf(workflowId))[0].id],
    );
    expect(Number(rows[0].count)).toBe(1);
  });

  it('an entry that puts out nothing puts out nothing after its run was read again', async () => {
    const { workflowId } = await publish({
      nodes: [
        node('in', 'data.transform', { expression: 'nothing.here' }),
        node('call', 'http.request', { method: 'POST', url: 'http://target.test/', body: { got: '{{ input }}' } }),
      ],
      edges: [edge('in', 'call')],
    });
    const bodies: unknown[] = [];
    const { runner, tickets } = worker((request) => {
      bodies.push(JSON.parse(String(request.body)));
      return Promise.resolve(ok({}));
    });
    // As a person begins at a node of their choice
    const { rows } = await admin.query(
      `INSERT INTO tasks (tenant_id, kind, payload, ticketed_at) VALUES ($1, 'begin', $2, now()) RETURNING id, gen`,
      [tenantId, { workflowId, nodeId: 'in', startKey: newId(), trigger: {}, input: null, correlationId: 'corr' }],
    );
    await runner.handle([{ id: Number(rows[0].id), gen: rows[0].gen }]);
    await runner.handle(tickets.out);
    await eventually(async () => expect((await runsOf(workflowId))[0].status).toBe('completed'));
    expect(bodies).toEqual([{ got: null }]);
  });

  it('F-30: a call that its own worker called off is no failure of the node: the next worker sends it with the same key', async () => {
    const { workflowId, channel } = await listen({
      nodes: [node('in', 'trigger.webhook'), { ...call('call'), policy: { retry: { maxAttempts: 1 } } }],
      edges: [edge('in', 'call')],
    });
    const keys: string[] = [];
    const calledOff = Promise.withResolvers<OutboundResponse>();
    const stopping = worker((_request, key) => {
      keys.push(key);
      return calledOff.promise;
    });
    await stopping.runner.handle([await receive(channel)]);
    await stopping.runner.handle(stopping.tickets.out);
    await eventually(async () => expect(keys).toHaveLength(1));
    await stopping.leases.giveBackAll();
    calledOff.reject(new NodeFailure('outbound_connection_lost', 'aborted', { retryable: true, outcomeUnknown: true }));
    const next = worker((_request, key) => {
      keys.push(key);
      return Promise.resolve(ok({}));
    });
    await eventually(async () => {
      await next.runner.handle(await dueTickets());
      expect((await runsOf(workflowId))[0].status).toBe('completed');
    });
    expect(keys).toEqual([keys[0], keys[0]]);
    expect(await eventTypes((await runsOf(workflowId))[0].id)).not.toContain('node.execution.failed');
  });

  it('a version that was found is answered, however many others are read meanwhile', async () => {
    const { versionId } = await publish(chain);
    const { versionId: other } = await publish(chain);
    const { rows } = await admin.query(
      `INSERT INTO workflow_versions (tenant_id, id, workflow_id, version, graph, published_by)
       SELECT tenant_id, gen_random_uuid(), workflow_id, n, graph, 'test' FROM workflow_versions, generate_series(2, 700) n WHERE id = $1 RETURNING id`,
      [versionId],
    );
    const versions = new CompiledVersions(database);
    await versions.get([versionId]);
    const [found] = await Promise.all([versions.get([versionId, other]), versions.get(rows.map(({ id }) => id))]);
    expect([...found.keys()]).toEqual([versionId, other]);
  });

  it('B-09: a version that nobody can work with ends its run, with the reason', async () => {
    const { workflowId, channel } = await listen({
      nodes: [node('in', 'trigger.webhook'), node('wait', 'flow.delay', { ms: 1 }), node('then', 'data.set', { values: {} })],
      edges: [edge('in', 'wait'), edge('wait', 'then')],
    });
    await worker().runner.handle([await receive(channel)]);
    const broken = { nodes: [{ id: 'in', type: 'no.such.type', config: {} }], edges: [] };
    await admin.query('UPDATE workflow_versions SET graph = $2 WHERE workflow_id = $1', [workflowId, JSON.stringify(broken)]);
    const later = worker();
    await eventually(async () => {
      await later.runner.handle(await fireDueTimers(database.pool));
      expect((await runsOf(workflowId))[0]).toMatchObject({ status: 'failed', error: { code: 'workflow_broken' } });
    });
    // Nobody works on it any more: what is left is for a person.
    expect(await tasksLeft(workflowId)).toMatchObject([{ kind: 'resume', node: 'wait', status: 'dead' }]);
  });
});

describe('flow.delay', () => {
  it('waits in a timer and goes on where it was', async () => {
    const { workflowId, channel } = await listen({
      nodes: [
        node('in', 'trigger.webhook'),
        node('wait', 'flow.delay', { ms: 20 }),
        node('then', 'data.set', { values: { got: '{{ input.text }}' } }),
      ],
      edges: [edge('in', 'wait'), edge('wait', 'then')],
    });
    const { runner } = worker();
    await runner.handle([await receive(channel)]);
    expect((await runsOf(workflowId))[0].status).toBe('waiting');
    await eventually(async () => {
      await runner.handle(await fireDueTimers(database.pool));
      expect((await runsOf(workflowId))[0]).toMatchObject({ status: 'completed', output: { got: 'hello' } });
    });
  });
});

describe('two branches that end at the same moment on two workers', () => {
  const fork: Graph = {
    nodes: [
      node('in', 'trigger.webhook'),
      node('a', 'http.request', { method: 'GET', url: 'http://target.test/a' }),
      node('b', 'http.request', { method: 'GET', url: 'http://target.test/b' }),
      node('join', 'logic.merge', { mode: 'all' }),
      node('end', 'data.set', { values: { both: true } }),
    ],
    edges: [edge('in', 'a'), edge('in', 'b'), edge('a', 'join'), edge('b', 'join'), edge('join', 'end')],
  };

  it.each([
    ['a first', 0],
    ['b first', 1],
  ])(
    'the join runs once and the run ends: %s, 100 times',
    async (_name, first) => {
      const { workflowId, channel } = await listen(fork);
      const send: Send = () => Promise.resolve(ok({}));
      for (let round = 0; round < 100; round += 1) {
        const starter = worker();
        await starter.runner.handle([await receive(channel)]);
        // Both have read the run and have their outcome before either may write; then one writes, and the other finds itself fenced.
        const workers = [worker(send), worker(send)] as const;
        const decided = workers.map(() => Promise.withResolvers<void>());
        const written = Promise.withResolvers<void>();
        for (const [index, { committer }] of workers.entries()) {
          committer.gate = async () => {
            decided[index]?.resolve();
            await Promise.all(decided.map(({ promise }) => promise));
            if (index !== first) await written.promise;
          };
        }
        await Promise.all(workers.map(({ runner }, index) => runner.handle(starter.tickets.out.slice(index, index + 1))));
        const open = async () => (await runsOf(workflowId)).filter(({ status }) => status === 'running');
        await eventually(async () => {
          const [run] = await open();
          const { rows } = await admin.query(
            `SELECT count(*) FROM node_executions WHERE workflow_execution_id = $1 AND status = 'completed'`,
            [run?.id],
          );
          expect(Number(rows[0].count)).toBe(2);
        });
        written.resolve();
        await eventually(async () => {
          // On a busy machine a step may end at its 50 ms and leave the rest to another.
          for (const { runner, tickets } of workers) await runner.handle(tickets.out.splice(0));
          expect(await open()).toEqual([]);
        });
      }
      const runs = await runsOf(workflowId);
      expect(runs.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 'completed'));
      const { rows } = await admin.query(
        `SELECT aggregate_id, count(*) FILTER (WHERE payload ->> 'nodeId' = 'join') AS joins, count(*) FILTER (WHERE type LIKE 'workflow.execution.completed') AS ends
       FROM domain_events WHERE aggregate_id = ANY ($1) GROUP BY 1`,
        [runs.map(({ id }) => id)],
      );
      expect(rows.every(({ joins, ends }) => joins === 1 && ends === 1)).toBe(true);
    },
    60_000,
  );
});

describe('cancelling', () => {
  const silent = { emit: () => {} } as unknown as Notifications;
  const cancel = (executionId: string) =>
    new CancelExecutionHandler(new CommandStore(api, silent), new HeldTickets()).execute(new CancelExecution(tenantId, executionId, 'ada'));
  const ends = (types: readonly string[]) =>
    types.filter((type) => /^workflow\.execution\.(completed|failed|cancelled|incomplete)$/.test(type));
  const waiting: Graph = {
    nodes: [node('in', 'trigger.webhook'), node('wait', 'flow.delay', { ms: 60_000 }), node('then', 'data.set', { values: {} })],
    edges: [edge('in', 'wait'), edge('wait', 'then')],
  };
  const calling: Graph = {
    nodes: [node('in', 'trigger.webhook'), node('call', 'http.request', { method: 'POST', url: 'http://target.test/' })],
    edges: [edge('in', 'call')],
  };

  it('ends a waiting run with its timer, once', async () => {
    const { workflowId, channel } = await listen(waiting);
    await worker().runner.handle([await receive(channel)]);
    const { id } = (await runsOf(workflowId))[0];
    await cancel(id);
    await expect(cancel(id)).rejects.toMatchObject({ kind: 'conflict', code: 'execution_is_over' });
    expect((await runsOf(workflowId))[0]).toMatchObject({ status: 'cancelled', completed_at: expect.any(Date) });
    expect((await admin.query('SELECT 1 FROM timers WHERE execution_id = $1', [id])).rowCount).toBe(0);
    expect(ends(await eventTypes(id))).toEqual(['workflow.execution.cancelled']);
  });

  it('takes tasks that nobody works on with it, and late resumptions come to nothing', async () => {
    const { workflowId, channel } = await listen(calling);
    const { runner, tickets } = worker();
    await runner.handle([await receive(channel)]);
    const { id } = (await runsOf(workflowId))[0];
    await cancel(id);
    expect(await tasksLeft(workflowId)).toEqual([]);
    await admin.query(`INSERT INTO tasks (tenant_id, kind, execution_id, node_id, ticketed_at) VALUES ($1, 'resume', $2, 'call', now())`, [
      tenantId,
      id,
    ]);
    await runner.handle([...tickets.out, ...(await tasksLeft(workflowId)).map((task) => ({ id: task.id, gen: task.gen }))]);
    expect(await tasksLeft(workflowId)).toEqual([]);
    expect(ends(await eventTypes(id))).toEqual(['workflow.execution.cancelled']);
  });

  it('cannot call back what is being sent: the ledger and the log say that it was sent after all', async () => {
    const { workflowId, channel } = await listen(calling);
    const answered = Promise.withResolvers<OutboundResponse>();
    const sending = Promise.withResolvers<void>();
    const { runner, tickets } = worker(() => {
      sending.resolve();
      return answered.promise;
    });
    await runner.handle([await receive(channel)]);
    await runner.handle(tickets.out);
    await sending.promise;
    const { id } = (await runsOf(workflowId))[0];
    await cancel(id);
    answered.resolve(ok({}));
    await eventually(async () => expect(await tasksLeft(workflowId)).toEqual([]));
    expect((await admin.query('SELECT state FROM effects WHERE execution_id = $1', [id])).rows).toEqual([{ state: 'succeeded' }]);
    const { rows } = await admin.query(
      `SELECT e.aggregate_version, e.payload FROM domain_events e JOIN node_executions n ON n.id = e.aggregate_id
       WHERE e.type = 'node.effect.sent_after_cancel' AND n.workflow_execution_id = $1`,
      [id],
    );
    expect(rows).toEqual([
      { aggregate_version: 1, payload: expect.objectContaining({ executionId: id, nodeId: 'call', outcome: 'succeeded' }) },
    ]);
    expect(ends(await eventTypes(id))).toEqual(['workflow.execution.cancelled']);
  });

  it('N-12: racing with completion, a run ends exactly once', async () => {
    const { workflowId, channel } = await listen({
      ...waiting,
      nodes: waiting.nodes.map((one) => (one.id === 'wait' ? { ...one, config: { ms: 1 } } : one)),
    });
    const { runner } = worker();
    const rounds = 60;
    for (let round = 0; round < rounds; round += 1) await runner.handle([await receive(channel)]);
    const due: TaskTicket[] = [];
    await eventually(async () => {
      due.push(...(await fireDueTimers(database.pool)));
      expect(due).toHaveLength(rounds);
    });
    const runs = await runsOf(workflowId);
    const outcomes = await Promise.all(
      runs.map(({ id }, index) => {
        const finishing = runner.handle(due.slice(index, index + 1));
        return Promise.all([cancel(id).catch(({ code }: { code: string }) => code), finishing]);
      }),
    );
    for (const [index, { id, status }] of (await runsOf(workflowId)).entries()) {
      expect(ends(await eventTypes(id))).toEqual([`workflow.execution.${status}`]);
      expect(outcomes[index]?.[0]).toEqual(status === 'cancelled' ? { id, status } : 'execution_is_over');
    }
    await eventually(async () => expect(await tasksLeft(workflowId)).toEqual([]));
  });
});

describe('an event that came before a run waited, and whose start is late', () => {
  const asking = (exclusive = true): Graph => ({
    nodes: [
      node('in', 'trigger.webhook'),
      node('ask', 'flow.waitForEvent', { exclusive }),
      node('again', 'flow.waitForEvent', { exclusive }),
      node('end', 'data.set', { values: { first: '{{ nodes.ask.output.text }}', second: '{{ nodes.again.output.text }}' } }),
    ],
    edges: [edge('in', 'ask'), edge('ask', 'again'), edge('again', 'end')],
  });
  /** All that these tickets lead to */
  const toItsEnd = async ({ runner, tickets }: ReturnType<typeof worker>, first: readonly TaskTicket[]) => {
    for (let next = first; next.length > 0; next = tickets.out.splice(0)) await runner.handle(next);
  };
  const waitsOf = async (workflowId: string) =>
    (await admin.query(`SELECT node_id FROM waits WHERE workflow_id = $1 ORDER BY node_id`, [workflowId])).rows.map(
      ({ node_id: id }) => id,
    );
  const textsOf = async (workflowId: string) => (await runsOf(workflowId)).map(({ input }) => input.text);

  it('answers one question, and begins runs of other workflows only', async () => {
    const { workflowId, channel } = await listen(asking());
    const other = await listen(chain, channel);
    const one = worker();
    await one.runner.handle([await receive(channel)]);
    const late = await receive(channel, 'yes');
    await toItsEnd(one, one.tickets.out.splice(0));
    expect(await waitsOf(workflowId)).toEqual(['again']);

    await toItsEnd(one, [late]);
    expect(await waitsOf(workflowId)).toEqual(['again']);
    expect(await textsOf(workflowId)).toEqual(['hello']);
    expect(await textsOf(other.workflowId)).toEqual(['hello', 'yes']);
    await toItsEnd(one, [await receive(channel, 'really')]);
    expect(await runsOf(workflowId)).toMatchObject([{ status: 'completed', output: { first: 'yes', second: 'really' } }]);
  });

  it('begins a run, too, where the wait was not exclusive', async () => {
    const { workflowId, channel } = await listen(asking(false));
    const one = worker();
    await one.runner.handle([await receive(channel)]);
    const late = await receive(channel, 'yes');
    await toItsEnd(one, one.tickets.out.splice(0));
    await one.runner.handle([late]);
    expect(await textsOf(workflowId)).toEqual(['hello', 'yes']);
    expect(await waitsOf(workflowId)).toEqual(['again', 'ask']);
  });

  it('ends every wait that was open when the run went on with it', async () => {
    const { nodes } = asking();
    const { workflowId, channel } = await listen({ nodes: nodes.slice(0, 3), edges: [edge('in', 'ask'), edge('in', 'again')] });
    const one = worker();
    await one.runner.handle([await receive(channel)]);
    const [match] = one.tickets.out.splice(0);
    const late = await receive(channel, 'yes');
    if (match === undefined) throw new Error('nobody looks for its event');
    await toItsEnd(one, [match]);
    expect(await waitsOf(workflowId)).toHaveLength(1);
    await toItsEnd(one, [late]);
    expect(await runsOf(workflowId)).toMatchObject([{ status: 'completed' }]);
  });

  it.each([
    ['before its start looks who waits', 0],
    ['after its start saw the wait', 1],
    ['after its start saw that nobody waited', 2],
  ])('answers one question, and begins no run, if it is taken %s', async (_when, later) => {
    const { workflowId, channel } = await listen(asking());
    const [one, another] = [worker(), worker()];
    const [first, late] = [await receive(channel), await receive(channel, 'yes')];
    const waits = () => one.runner.handle([first]);
    const takes = () => toItsEnd(one, one.tickets.out.splice(0));
    const both = [waits, takes];
    const meanwhile = both.splice(2 - later);
    for (const step of both) await step();
    another.committer.gate = async () => {
      for (const step of meanwhile.splice(0)) await step();
    };
    await toItsEnd(another, [late]);
    expect(await waitsOf(workflowId)).toEqual(['again']);
    expect(await textsOf(workflowId)).toEqual(['hello']);
  });

  it('is not taken again if its start was not late', async () => {
    const { workflowId, channel } = await listen(asking());
    const one = worker();
    await one.runner.handle([await receive(channel)]);
    const looks = one.tickets.out.splice(0);
    await toItsEnd(one, [await receive(channel, 'yes')]);
    await toItsEnd(one, looks);
    expect(await waitsOf(workflowId)).toEqual(['again']);
    expect(await textsOf(workflowId)).toEqual(['hello']);
  });
});

it('of events that come together, one ends a wait, and each of the others begins a run', async () => {
  const { workflowId, channel } = await listen({
    nodes: [node('in', 'trigger.webhook'), node('ask', 'flow.waitForEvent', { condition: "trigger.text = 'hello'" })],
    edges: [edge('in', 'ask')],
  });
  const { runner } = worker();
  await runner.handle([await receive(channel)]);
  const together: TaskTicket[] = [];
  for (let n = 0; n < 20; n += 1) together.push(await receive(channel, String(n)));
  await runner.handle(together);
  const { rows } = await admin.query(
    `SELECT w.item ->> 'text' AS text FROM wait_matches m JOIN webhook_events w ON w.id = m.event_id WHERE w.channel_id = $1`,
    [channel],
  );
  const began = (await runsOf(workflowId)).map(({ input }) => input.text);
  expect(rows).toHaveLength(1);
  expect([...began, rows[0].text].toSorted()).toEqual([...Array.from({ length: 20 }, (_, n) => String(n)), 'hello'].toSorted());
});

describe('events of one customer where runs take turns', () => {
  it('begin in the order in which they came, whoever’s ticket is taken first, up to one that somebody else has', async () => {
    const { workflowId, channel } = await listen(chain, newId(), { concurrency: { key: 'customer.id', limit: 1 } });
    const { runner } = worker();
    const begun = async () => (await runsOf(workflowId)).map(({ input }) => input.text);
    const [, second, third] = [await receive(channel, 'first'), await receive(channel, 'second'), await receive(channel, 'third')];
    await admin.query(`UPDATE tasks SET status = 'leased', lease_until = now() + interval '1 minute' WHERE id = $1`, [second?.id]);
    if (second === undefined || third === undefined) throw new Error('not received');

    await runner.handle([third]);
    expect(await begun()).toEqual(['first']);
    await runner.handle([third]);
    expect(await begun()).toEqual(['first']);
    await admin.query(`UPDATE tasks SET status = 'ready', lease_until = NULL WHERE id = $1`, [second.id]);
    await runner.handle([second]);
    expect(await begun()).toEqual(['first', 'second', 'third']);
    expect(await begun()).toHaveLength(3);
  });

  it('begin once and in order when many workers look at once', async () => {
    const { workflowId, channel } = await listen(chain, newId(), { concurrency: { key: 'customer.id', limit: 1 } });
    const tickets: TaskTicket[] = [];
    for (let n = 0; n < 120; n += 1) tickets.push(await receive(channel, String(n).padStart(3, '0')));
    const shuffled = tickets.toSorted(() => Math.random() - 0.5);
    await Promise.all(Array.from({ length: 6 }, (_, n) => worker().runner.handle(shuffled.filter((_ticket, index) => index % 6 === n))));
    await eventually(async () => {
      await worker().runner.handle(await renewOldTickets(database.pool, 0));
      expect(await runsOf(workflowId)).toHaveLength(120);
    });
    const { rows } = await admin.query(
      `SELECT e.input ->> 'text' AS text FROM workflow_executions e JOIN domain_events d ON d.aggregate_id = e.id AND d.aggregate_version = 1
       JOIN event_commits c ON c.id = d.commit_id WHERE e.workflow_id = $1 ORDER BY c.id, d.ord`,
      [workflowId],
    );
    expect(rows.map(({ text }) => text)).toEqual(rows.map(({ text }) => text).toSorted());
  });

  it('F-18: one whose start its worker dies of three times fails, and those behind it begin', async () => {
    const { workflowId, channel } = await listen(chain, newId(), { concurrency: { key: 'customer.id', limit: 1 } });
    const [deadly, next] = [await receive(channel, 'deadly'), await receive(channel, 'next')];
    await admin.query('UPDATE tasks SET crashes = 3 WHERE id = $1', [deadly.id]);
    await worker().runner.handle([deadly]);
    expect((await runsOf(workflowId)).map(({ input }) => input.text)).toEqual(['next']);
    const { rows } = await admin.query('SELECT id, dead_reason FROM tasks WHERE id = ANY ($1)', [[deadly.id, next.id]]);
    expect(rows).toEqual([{ id: deadly.id, dead_reason: 'crash_loop' }]);
  });

  it.each([
    ['its worker died with', `crashes = 1, run_after = now() - interval '1 millisecond'`],
    ['is tried again later', `failures = 1, run_after = now() + interval '5 minutes'`],
  ])('keep nobody else’s place while the first of them %s', async (_what, then) => {
    const { workflowId, channel } = await listen(chain, newId(), { concurrency: { key: 'customer.id', limit: 1 } });
    const tickets = [];
    for (const text of ['first', 'second', 'third']) tickets.push(await receive(channel, text));
    const [first, ...behind] = tickets;
    await admin.query(`UPDATE tasks SET ticketed_at = NULL, gen = gen + 1, ${then} WHERE id = $1`, [first?.id]);
    await worker().runner.handle(behind);
    expect(await runsOf(workflowId)).toEqual([]);
    const { rows } = await admin.query(
      `SELECT id, gen, run_after > now() AS later, run_after >= (SELECT run_after FROM tasks WHERE id = $2) AS after_the_first
       FROM tasks WHERE id = ANY ($1) AND ticketed_at IS NULL ORDER BY id`,
      [behind.map(({ id }) => id), first?.id],
    );
    expect(rows).toEqual(behind.map(({ id, gen }) => ({ id, gen: gen + 1, later: true, after_the_first: true })));

    await admin.query(`UPDATE tasks SET run_after = run_after - interval '10 minutes' WHERE id = ANY ($1)`, [tickets.map(({ id }) => id)]);
    await eventually(async () => {
      await worker().runner.handle(await dueTickets());
      expect((await runsOf(workflowId)).map(({ input }) => input.text)).toEqual(['first', 'second', 'third']);
    });
  });
});

describe('runs of one key that begin in one commit', () => {
  const twice: Graph = {
    nodes: [
      node('in', 'trigger.webhook'),
      node('in2', 'trigger.webhook'),
      node('end', 'data.set', { values: { of: '{{ trigger.text }}' } }),
    ],
    edges: [edge('in', 'end'), edge('in2', 'end')],
  };

  it.each(['queue', 'cancelRunning'] as const)('%s: the second begins though the first never held its turn', async (onLimit) => {
    const { workflowId, channel } = await listen(twice, newId(), { concurrency: { key: 'customer.id', limit: 1, onLimit } });
    await admin.query(
      `INSERT INTO webhooks (tenant_id, id, name, workflow_id, node_id, provider, channel_id, trigger_type, action_types, endpoint, status, created_by)
       VALUES ($1, $2, 'h2', $3, 'in2', 'instagram', $4, 'instagram', '{message}', '/', 'active', 'test')`,
      [tenantId, newId(), workflowId, channel],
    );
    const { runner, tickets } = worker();
    await runner.handle([await receive(channel)]);
    await runner.handle(tickets.out);
    expect((await runsOf(workflowId)).map(({ status }) => status)).toEqual(['completed', 'completed']);
    const { rows } = await admin.query('SELECT * FROM turns WHERE workflow_id = $1', [workflowId]);
    expect(rows).toEqual([]);
  });
});

describe('what the system gives up', () => {
  const calling: Graph = {
    nodes: [node('in', 'trigger.webhook'), node('call', 'http.request', { method: 'POST', url: 'http://target.test/' })],
    edges: [edge('in', 'call')],
  };
  const lettersOf = async (column: 'execution_id' | 'webhook_event_id' | 'workflow_id', id: string) =>
    (await admin.query(`SELECT * FROM tasks WHERE status = 'dead' AND ${column} = $1 ORDER BY id`, [id])).rows;
  const saidOf = async (letterId: string) =>
    (
      await admin.query(
        'SELECT type, aggregate_version AS version, payload, correlation_id FROM domain_events WHERE aggregate_id = $1 ORDER BY aggregate_version',
        [letterId],
      )
    ).rows.map((row) => ({ ...row, version: Number(row.version) }));
  const eventOf = async (ticket: TaskTicket): Promise<string> =>
    (await admin.query('SELECT webhook_event_id AS id FROM tasks WHERE id = $1', [ticket.id])).rows[0].id;
  const eventRow = async (id: string) => (await admin.query('SELECT * FROM webhook_events WHERE id = $1', [id])).rows[0];
  const counted = async (name: string, label?: string): Promise<number> =>
    (await register.getSingleMetric(name)?.get())?.values.find(({ labels }) => label === undefined || labels['reason'] === label)?.value ??
    0;
  /** Every lease runs out, of workers that are gone. */
  const crash = async () => {
    await admin.query(`UPDATE tasks SET lease_until = now() - interval '1 second' WHERE status = 'leased'`);
    await requeueExpiredLeases(database.pool, 0);
  };
  /** As the sweeps would, and now. */
  const due = async (...ids: readonly number[]): Promise<TaskTicket[]> => {
    const { rows } = await admin.query(
      `UPDATE tasks SET run_after = now(), ticketed_at = now(), gen = gen + 1 WHERE id = ANY ($1) AND status = 'ready' RETURNING id, gen`,
      [ids],
    );
    return rows;
  };

  it('F-18: a call that its worker dies of three times: a dead letter, a run that failed with that reason, and others go on', async () => {
    const [poison, innocent] = [await listen(calling), await listen(calling)];
    const starter = worker();
    await starter.runner.handle([await receive(poison.channel)]);
    await starter.runner.handle([await receive(innocent.channel)]);
    const [poisonTask, innocentTask] = starter.tickets.out;
    if (poisonTask === undefined || innocentTask === undefined) throw new Error('two calls were to follow');
    const before = await counted('sluice_dead_letters_total', 'crash_loop');
    // Both are under way each time that the worker dies, for as long as both are taken.
    for (let death = 1; death <= 3; death += 1) {
      const sent: string[] = [];
      const dying = worker((_request, key) => {
        sent.push(key);
        return new Promise(() => {});
      });
      const tickets = death === 1 ? starter.tickets.out : await due(poisonTask.id);
      await dying.runner.handle(tickets);
      await eventually(() => expect(sent).toHaveLength(death === 1 ? 2 : 1));
      await crash();
    }
    const survivor = worker(() => Promise.resolve(ok({})));
    await survivor.runner.handle(await due(poisonTask.id));
    await survivor.runner.handle(await due(innocentTask.id));
    await eventually(async () =>
      expect((await runsOf(poison.workflowId))[0]).toMatchObject({ status: 'failed', error: { code: 'crash_loop' } }),
    );
    await eventually(async () => expect((await runsOf(innocent.workflowId))[0].status).toBe('completed'));

    const [run] = await runsOf(poison.workflowId);
    const error = { code: 'crash_loop', message: 'It stopped its worker 3 times.' };
    const [letter, ...others] = await lettersOf('execution_id', run.id);
    expect(others).toEqual([]);
    expect(letter).toMatchObject({
      id: poisonTask.id,
      dead_reason: 'crash_loop',
      last_error: error,
      workflow_id: poison.workflowId,
      lease_owner: null,
    });
    expect(await saidOf(letter.dead_letter_id)).toEqual([
      {
        type: 'task.dead_lettered',
        version: 1,
        correlation_id: 'corr',
        payload: {
          taskId: poisonTask.id,
          kind: 'effect',
          reason: 'crash_loop',
          executionId: run.id,
          workflowId: poison.workflowId,
          nodeId: 'call',
          error,
        },
      },
    ]);
    expect(await counted('sluice_dead_letters_total', 'crash_loop')).toBe(before + 1);
    // Dead is dead: no ticket, no sweep, no lease.
    await survivor.runner.handle([poisonTask, ...(await due(poisonTask.id)), ...(await renewOldTickets(database.pool, -1_000))]);
    expect(await lettersOf('execution_id', run.id)).toHaveLength(1);
  });

  it('a crash loop that the workflow’s own error handle takes over leaves nothing to decide', async () => {
    const { workflowId, channel } = await listen({
      nodes: [...calling.nodes, node('sorry', 'data.set', { values: { why: '{{ input.error.code }}' } })],
      edges: [...calling.edges, edge('call', 'sorry', 'error')],
    });
    const { runner, tickets } = worker();
    await runner.handle([await receive(channel)]);
    await admin.query('UPDATE tasks SET crashes = 3 WHERE id = $1', [tickets.out[0]?.id]);
    await runner.handle(tickets.out);
    await eventually(async () =>
      expect((await runsOf(workflowId))[0]).toMatchObject({ status: 'completed', output: { why: 'crash_loop' } }),
    );
    expect(await tasksLeft(workflowId)).toEqual([]);
  });

  it('a deadline that its worker dies of three times ends its run all the same', async () => {
    const { workflowId, channel } = await listen(
      { nodes: [node('in', 'trigger.webhook'), node('wait', 'flow.delay', { ms: 3_600_000 })], edges: [edge('in', 'wait')] },
      newId(),
      { deadlineMs: 60_000 },
    );
    const { runner } = worker();
    await runner.handle([await receive(channel)]);
    const [{ id }] = await runsOf(workflowId);
    await admin.query(`UPDATE timers SET due_at = now() WHERE execution_id = $1 AND node_id = ''`, [id]);
    const tickets = await fireDueTimers(database.pool);
    await admin.query('UPDATE tasks SET crashes = 3 WHERE id = ANY ($1)', [tickets.map((ticket) => ticket.id)]);
    await runner.handle(tickets);
    expect((await runsOf(workflowId))[0]).toMatchObject({ status: 'failed', error: { code: 'crash_loop' } });
    expect(await lettersOf('execution_id', id)).toMatchObject([{ kind: 'resume', dead_reason: 'crash_loop' }]);
  });

  it('F-18: an event whose start its worker dies of three times fails, with the reason', async () => {
    const { channel } = await listen(chain);
    const ticket = await receive(channel);
    const event = await eventOf(ticket);
    await admin.query('UPDATE tasks SET crashes = 3 WHERE id = $1', [ticket.id]);
    await worker().runner.handle([ticket]);
    expect(await eventRow(event)).toMatchObject({ status: 'failed' });
    const [letter] = await lettersOf('webhook_event_id', event);
    expect(letter).toMatchObject({
      kind: 'start',
      dead_reason: 'crash_loop',
      last_error: { message: 'Starting it stopped its worker 3 times.' },
    });
    expect(await saidOf(letter.dead_letter_id)).toMatchObject([
      { type: 'task.dead_lettered', payload: { webhookEventId: event, kind: 'start' } },
    ]);
  });

  it('B-09: an event of whose two workflows one is broken starts the other, and is failed', async () => {
    const good = await listen(chain);
    const broken = await listen({ nodes: [node('in', 'no.such.type')], edges: [] }, good.channel);
    const ticket = await receive(good.channel);
    const event = await eventOf(ticket);
    await worker().runner.handle([ticket]);
    const [run] = await runsOf(good.workflowId);
    expect(run.status).toBe('completed');
    expect(await lettersOf('webhook_event_id', event)).toMatchObject([{ dead_reason: 'workflow_broken', workflow_id: broken.workflowId }]);
    const { rows } = await admin.query(`SELECT payload FROM domain_events WHERE aggregate_id = $1 AND type = 'webhook.failed'`, [event]);
    expect(rows).toMatchObject([{ payload: { error: { code: 'workflow_broken' }, executionIds: [run.id] } }]);
  });

  it('a run that cannot begin is not only said in a line of the log', async () => {
    const workflowId = newId();
    const payload = { workflowId, startKey: 'x', trigger: {}, input: null, correlationId: 'asked' };
    const { rows } = await admin.query(
      `INSERT INTO tasks (tenant_id, kind, payload, ticketed_at) VALUES ($1, 'begin', $2, now()), ($1, 'begin', '{"other": "release"}', now()) RETURNING id, gen`,
      [tenantId, JSON.stringify(payload)],
    );
    await worker().runner.handle(rows.map(({ id, gen }) => ({ id: Number(id), gen })));
    const [letter] = await lettersOf('workflow_id', workflowId);
    const message = `The workflow ${workflowId} has no published version in this tenant.`;
    expect(letter).toMatchObject({ kind: 'begin', dead_reason: 'cannot_begin', last_error: { code: 'workflow_unknown', message } });
    expect(await saidOf(letter.dead_letter_id)).toMatchObject([{ correlation_id: 'asked', payload: { kind: 'begin', workflowId } }]);
    const { rows: foreign } = await admin.query('SELECT last_error FROM tasks WHERE id = $1', [rows[1].id]);
    expect(foreign).toMatchObject([{ last_error: { code: 'task_unknown' } }]);
  });

  // Work that throws ----------------------------------------------------------------------------------------------------

  /** Whatever is to be written for these tasks throws, but for what gives them up. */
  const throwFor = (committer: GatedCommitter, isPoison: (work: Work) => boolean, error: () => Error) => {
    committer.gate = (work) => (isPoison(work) && !work.tasks.some(({ dies }) => dies) ? Promise.reject(error()) : Promise.resolve());
  };
  const bug = () => new TypeError('a bug of ours');

  it.each([
    ['an event’s start', 1],
    ['a step of a run', 2],
  ])('%s that throws each time is tried later and later, and given up at the tenth', async (_what, failsAt) => {
    const { workflowId, channel } = await listen({ ...chain, nodes: chain.nodes });
    const { runner, tickets, committer } = worker(undefined, failsAt === 1);
    const start = await receive(channel);
    const event = await eventOf(start);
    if (failsAt === 2) await runner.handle([start]);
    const [task = start] = failsAt === 2 ? tickets.out : [];
    throwFor(committer, ({ tasks }) => tasks.some(({ id }) => id === task.id), bug);
    await runner.handle([task]);
    for (let failure = 1; failure < 10; failure += 1) {
      const { rows } = await admin.query(
        `SELECT failures, status, last_error, extract(epoch FROM run_after - now()) AS seconds FROM tasks WHERE id = $1`,
        [task.id],
      );
      expect(rows).toMatchObject([{ failures: failure, status: 'ready', last_error: { message: 'a bug of ours' } }]);
      expect(Number(rows[0].seconds)).toBeGreaterThan(2 ** (failure - 1) / 2 - 1);
      expect(Number(rows[0].seconds)).toBeLessThanOrEqual(2 ** (failure - 1));
      await runner.handle(await due(task.id));
    }
    const error = { code: 'keeps_failing', message: 'Its task failed 10 times; at last: a bug of ours' };
    const [letter] = failsAt === 1 ? await lettersOf('webhook_event_id', event) : await lettersOf('workflow_id', workflowId);
    expect(letter).toMatchObject({ id: task.id, dead_reason: 'keeps_failing', last_error: error });
    expect(await saidOf(letter.dead_letter_id)).toMatchObject([
      { type: 'task.dead_lettered', payload: { reason: 'keeps_failing', error } },
    ]);
    if (failsAt === 1) expect(await eventRow(event)).toMatchObject({ status: 'failed' });
    else expect(await runsOf(workflowId)).toMatchObject([{ status: 'failed', error }]);
  });

  /** What begins because a run failed */
  const beganFor = async (errorWorkflow: string) =>
    (await admin.query(`SELECT payload FROM tasks WHERE kind = 'begin' AND payload ->> 'workflowId' = $1`, [errorWorkflow])).rows;

  it.each([
    ['keeps_failing', 10, bug],
    ['not_storable', 1, () => Object.assign(new Error('unsupported Unicode escape sequence'), { code: '22P05' })],
  ] as const)('a run that ends by %s starts its error workflow, as any that fails', async (code, times, error) => {
    const errorWorkflow = newId();
    const { workflowId, channel } = await listen(chain, newId(), { errorWorkflow });
    const { runner, tickets, committer } = worker(undefined, false);
    await runner.handle([await receive(channel)]);
    const [task] = tickets.out;
    if (task === undefined) throw new Error('no step');
    throwFor(committer, ({ tasks }) => tasks.some(({ id }) => id === task.id), error);
    await runner.handle([task]);
    for (let failure = 1; failure < times; failure += 1) await runner.handle(await due(task.id));
    const [run] = await runsOf(workflowId);
    expect(run).toMatchObject({ status: 'failed', error: { code } });
    expect(await beganFor(errorWorkflow)).toMatchObject([
      { payload: { trigger: { source: 'error' }, input: { execution: { id: run.id, status: 'failed' }, error: { code } } } },
    ]);
  });

  it('one whose version nobody can work with any more does so, too', async () => {
    const errorWorkflow = newId();
    const { workflowId, channel } = await listen(chain, newId(), { errorWorkflow });
    const { runner, tickets } = worker(undefined, false);
    await runner.handle([await receive(channel)]);
    const broken = { nodes: [{ id: 'in', type: 'no.such.type', config: {} }], edges: [] };
    await admin.query('UPDATE workflow_versions SET graph = $2 WHERE workflow_id = $1', [workflowId, JSON.stringify(broken)]);
    await worker().runner.handle(tickets.out);
    expect(await runsOf(workflowId)).toMatchObject([{ status: 'failed', error: { code: 'workflow_broken' } }]);
    expect(await beganFor(errorWorkflow)).toMatchObject([{ payload: { input: { error: { code: 'workflow_broken' } } } }]);
  });

  it('F-18: a database that is away makes nothing dead, however often', async () => {
    const { workflowId, channel } = await listen(chain);
    const { runner, committer } = worker();
    const task = await receive(channel);
    throwFor(committer, () => true, outage);
    await runner.handle([task]);
    for (let round = 0; round < 20; round += 1) await runner.handle(await due(task.id));
    expect((await admin.query('SELECT failures, crashes, status FROM tasks WHERE id = $1', [task.id])).rows).toEqual([
      { failures: 0, crashes: 0, status: 'ready' },
    ]);
    committer.gate = () => Promise.resolve();
    await runner.handle(await due(task.id));
    expect((await runsOf(workflowId))[0].status).toBe('completed');
  });

  it('a database that is away while a node reads its input fails neither the node nor its call', async () => {
    const { workflowId, channel } = await listen({
      nodes: [
        node('in', 'trigger.webhook'),
        node('set', 'data.set', { values: { said: '{{ trigger.text }}' } }),
        node('call', 'http.request', { method: 'POST', url: 'http://target.test/', body: { said: '{{ input.said }}' } }),
      ],
      edges: [edge('in', 'set'), edge('set', 'call')],
    });
    const { runner, tickets, blobs } = worker(() => Promise.resolve(ok({})));
    const resolve = blobs.resolve.bind(blobs);
    const away = () => Promise.reject(outage());
    const start = await receive(channel);
    blobs.resolve = away;
    await runner.handle([start]);
    expect(await runsOf(workflowId)).toEqual([]);
    blobs.resolve = resolve;
    await runner.handle(await due(start.id));
    const [call] = tickets.out;
    blobs.resolve = away;
    await runner.handle(tickets.out);
    await eventually(async () => expect(await tasksLeft(workflowId)).toMatchObject([{ status: 'ready', gen: 2 }]));
    blobs.resolve = resolve;
    await runner.handle(await due(call?.id ?? 0));
    await eventually(async () => expect((await runsOf(workflowId))[0].status).toBe('completed'));
  });

  it('what cannot even be given up is tried again, and is not lost', async () => {
    const { workflowId, channel } = await listen(chain);
    const { runner, committer } = worker();
    const task = await receive(channel);
    committer.gate = () => Promise.reject(bug());
    await admin.query('UPDATE tasks SET failures = 9 WHERE id = $1', [task.id]);
    await runner.handle([task]);
    const { rows } = await admin.query(
      "SELECT failures, status, run_after > now() + interval '4 minutes' AS later FROM tasks WHERE id = $1",
      [task.id],
    );
    expect(rows).toEqual([{ failures: 10, status: 'ready', later: true }]);
    committer.gate = () => Promise.resolve();
    await runner.handle(await due(task.id));
    expect((await runsOf(workflowId))[0].status).toBe('completed');
  });

  // One of many ---------------------------------------------------------------------------------------------------------

  /** Its concurrency key is one that Postgres cannot keep. */
  const unstorable = { concurrency: { key: `trigger.text & "\\u0000"`, limit: 100 } };

  it('one event of a hundred that cannot be stored fails; the other 99 of its commit run', async () => {
    const [good, bad] = [await listen(chain), await listen(chain, newId(), unstorable)];
    const tickets: TaskTicket[] = [];
    for (let n = 0; n < 99; n += 1) tickets.push(await receive(good.channel));
    const poison = await receive(bad.channel);
    const event = await eventOf(poison);
    tickets.splice(50, 0, poison);
    const { runner, tickets: issued } = worker();
    await runner.handle(tickets);
    // A slow machine leaves their second step to tasks.
    while (issued.out.length > 0) await runner.handle(issued.out.splice(0));
    const runs = await runsOf(good.workflowId);
    expect(runs.map(({ status }) => status)).toEqual(Array.from({ length: 99 }, () => 'completed'));
    expect(await runsOf(bad.workflowId)).toEqual([]);
    expect(await lettersOf('webhook_event_id', event)).toMatchObject([{ dead_reason: 'not_storable', workflow_id: bad.workflowId }]);
    expect(await eventRow(event)).toMatchObject({ status: 'failed' });
  });

  it('of two workflows that listen, the one whose start cannot be stored keeps nothing from the other', async () => {
    const good = await listen(chain);
    const bad = await listen(chain, good.channel, unstorable);
    const ticket = await receive(good.channel);
    const event = await eventOf(ticket);
    await worker().runner.handle([ticket]);
    const [run] = await runsOf(good.workflowId);
    expect(run.status).toBe('completed');
    expect(await lettersOf('webhook_event_id', event)).toMatchObject([{ dead_reason: 'not_storable', workflow_id: bad.workflowId }]);
    const { rows } = await admin.query(`SELECT payload FROM domain_events WHERE aggregate_id = $1 AND type = 'webhook.failed'`, [event]);
    expect(rows).toMatchObject([{ payload: { error: { code: 'not_storable' }, executionIds: [run.id] } }]);
  });

  it('one whose work throws hurts no other of its ticket: starts, steps and calls', async () => {
    const { workflowId, channel } = await listen(calling);
    const keys: string[] = [];
    const { runner, tickets, committer } = worker((_request, key) => {
      keys.push(key);
      return Promise.resolve(ok({}));
    });
    const starts: TaskTicket[] = [];
    for (let n = 0; n < 20; n += 1) starts.push(await receive(channel));
    throwFor(committer, ({ tasks }) => tasks.some(({ id }) => id === starts[7]?.id), bug);
    await runner.handle(starts);
    expect(await runsOf(workflowId)).toHaveLength(19);
    const calls = tickets.out.splice(0);
    throwFor(committer, ({ tasks }) => tasks.some(({ id }) => id === calls[3]?.id), bug);
    await runner.handle(calls);
    await eventually(async () => {
      const statuses = (await runsOf(workflowId)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 'completed')).toHaveLength(18);
    });
    const { rows } = await admin.query('SELECT failures, crashes FROM tasks WHERE id = ANY ($1) ORDER BY id', [
      [starts[7]?.id, calls[3]?.id],
    ]);
    expect(rows).toEqual([
      { failures: 1, crashes: 0 },
      { failures: 1, crashes: 0 },
    ]);
    expect(new Set(keys).size).toBe(19);
    // What the poisoned one had sent is not sent again.
    committer.gate = () => Promise.resolve();
    await runner.handle(await due(calls[3]?.id ?? 0));
    await eventually(async () => expect((await runsOf(workflowId)).every(({ status }) => status === 'completed')).toBe(true));
    expect(keys).toHaveLength(19);
  });

  it('one that poisons what a batch is read with is alone with it', async () => {
    const [good, bad] = [await listen(chain), await listen(chain)];
    const { runner, versions } = worker();
    const get = versions.get.bind(versions);
    versions.get = (ids) => (ids.includes(bad.versionId) ? Promise.reject(bug()) : get(ids));
    const tickets: TaskTicket[] = [];
    for (let n = 0; n < 30; n += 1) tickets.push(await receive(n === 11 ? bad.channel : good.channel));
    await runner.handle(tickets);
    expect((await runsOf(good.workflowId)).map(({ status }) => status)).toEqual(Array.from({ length: 29 }, () => 'completed'));
    expect((await admin.query('SELECT failures FROM tasks WHERE id = $1', [tickets[11]?.id])).rows).toEqual([{ failures: 1 }]);
  });

  it('several tasks of one run are decided one by one when they cannot be together', async () => {
    const branches = Array.from({ length: 5 }, (_, n) => node(`call${n}`, 'http.request', { method: 'POST', url: 'http://target.test/' }));
    const { workflowId, channel } = await listen({
      nodes: [node('in', 'trigger.webhook'), ...branches],
      edges: branches.map(({ id }) => edge('in', id)),
    });
    const { runner, tickets, committer } = worker(() => Promise.resolve(ok({})));
    await runner.handle([await receive(channel)]);
    const [poison] = tickets.out;
    throwFor(committer, ({ tasks }) => tasks.some(({ id }) => id === poison?.id), bug);
    await runner.handle(tickets.out);
    await eventually(async () => expect(await tasksLeft(workflowId)).toMatchObject([{ id: poison?.id, status: 'ready' }]));
    committer.gate = () => Promise.resolve();
    await runner.handle(await due(poison?.id ?? 0));
    await eventually(async () => expect((await runsOf(workflowId))[0].status).toBe('completed'));
  });

  it('where runs take turns, those behind one that fails wait for it', async () => {
    const { workflowId, channel } = await listen(chain, newId(), { concurrency: { key: 'trigger.customerId', limit: 1 } });
    const { runner, committer } = worker();
    const [first, second] = [await receive(channel, 'first'), await receive(channel, 'second')];
    throwFor(committer, ({ tasks }) => tasks.some(({ id }) => id === first.id), bug);
    await runner.handle([first, second]);
    await runner.handle(await due(second.id));
    expect(await runsOf(workflowId)).toEqual([]);
    committer.gate = () => Promise.resolve();
    await runner.handle([...(await due(first.id, second.id))]);
    expect((await runsOf(workflowId)).map(({ input }) => input.text)).toEqual(['first', 'second']);
  });

  it.each([
    [1, 20],
    [2, 1],
  ])('of what its worker died with %i times, at most %i are under way together', async (crashes, together) => {
    const { workflowId, channel } = await listen(calling);
    const starter = worker();
    const count = together + 10;
    for (let n = 0; n < count; n += 1) await starter.runner.handle([await receive(channel)]);
    await admin.query('UPDATE tasks SET crashes = $2 WHERE id = ANY ($1)', [starter.tickets.out.map(({ id }) => id), crashes]);
    let under = 0;
    let most = 0;
    const answers = Promise.withResolvers<void>();
    const { runner } = worker(async () => {
      under += 1;
      most = Math.max(most, under);
      await answers.promise;
      under -= 1;
      return ok({});
    });
    await runner.handle(starter.tickets.out.slice(0, -4));
    await eventually(() => under === together);
    await runner.handle(starter.tickets.out.slice(-4));
    answers.resolve();
    await eventually(async () => {
      await runner.handle(await due(...starter.tickets.out.map(({ id }) => id)));
      expect((await runsOf(workflowId)).every(({ status }) => status === 'completed')).toBe(true);
    });
    expect(most).toBe(together);
  });
});

describe('leases that ran out', () => {
  const leased = async (count: number, owner: string): Promise<number[]> => {
    const { rows } = await admin.query(
      `INSERT INTO tasks (tenant_id, kind, payload, status, lease_owner, lease_until, epoch)
       SELECT $1, 'begin', '{}', 'leased', $2, now() - interval '1 second', 1 FROM generate_series(1, $3) RETURNING id`,
      [tenantId, owner, count],
    );
    return rows.map(({ id }) => Number(id));
  };
  const statesOf = async (ids: readonly number[]) =>
    (await admin.query('SELECT status, crashes, epoch, lease_owner FROM tasks WHERE id = ANY ($1) ORDER BY id', [ids])).rows;
  const ready = (crashes: number) => ({ status: 'ready', crashes, epoch: 1, lease_owner: null });
  /** Longer than this Postgres has been up */
  const uptimeMs = async () =>
    Number(
      (await admin.query('SELECT extract(epoch FROM now() - pg_postmaster_start_time()) * 1000 AS ms').then(({ rows }) => rows[0])).ms,
    );

  it('count as a crash only if the worker is gone and Postgres has been up for a whole lease', async () => {
    const [alive, stale] = [newId(), newId()];
    await admin.query(`INSERT INTO workers (id, beat_at) VALUES ($1, now()), ($2, now() - interval '1 minute')`, [alive, stale]);
    const [ofAlive, ofStale, ofUnknown] = [await leased(2, alive), await leased(2, stale), await leased(2, newId())];
    // A lease that is longer than Postgres has been up: it was restarted meanwhile.
    const restarted = await leased(2, stale);
    await admin.query(`UPDATE tasks SET lease_until = now() + interval '50 seconds' WHERE id = ANY ($1)`, [restarted]);
    const leaseMs = Math.min(500, (await uptimeMs()) / 2);
    expect(await requeueExpiredLeases(database.pool, leaseMs)).toEqual({ tasks: 6, crashes: 4 });
    expect(await statesOf(ofAlive)).toEqual([ready(0), ready(0)]);
    expect(await statesOf([...ofStale, ...ofUnknown])).toEqual([ready(1), ready(1), ready(1), ready(1)]);

    await admin.query(`UPDATE tasks SET lease_until = now() - interval '1 second' WHERE id = ANY ($1)`, [restarted]);
    expect(await requeueExpiredLeases(database.pool, (await uptimeMs()) + 60_000)).toEqual({ tasks: 2, crashes: 0 });
    expect(await statesOf(restarted)).toEqual([ready(0), ready(0)]);
  });

  it('F-28: five sweepers at once, one of them ended mid statement: each crash is counted once, no task is lost', async () => {
    const ids = await leased(400, newId());
    // Slow, so that they meet.
    await admin.query(`
      CREATE FUNCTION slow_sweep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$;
      CREATE TRIGGER slow_sweep BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION slow_sweep()`);
    const pools = Array.from({ length: 5 }, (_, n) => {
      const pool = new pg.Pool({
        connectionString: stores.commandUrl,
        max: 1,
        options: '-c role=sluice_service',
        application_name: `sweeper-${n}`,
      });
      pool.on('error', () => {});
      pool.on('connect', (client) => client.on('error', () => {}));
      return pool;
    });
    try {
      // The first takes them all, and is ended on the way.
      const [victim, ...others] = pools;
      if (victim === undefined) throw new Error('five sweepers were asked for');
      const ended = requeueExpiredLeases(victim, 0).catch(({ code }: { code: string }) => code);
      await eventually(async () => {
        const { rowCount } = await admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sweeper-0' AND state = 'active' AND query LIKE 'UPDATE tasks%'`,
        );
        expect(rowCount).toBe(1);
      });
      expect(await ended).toBe('57P01');
      expect(await statesOf(ids)).toEqual(ids.map(() => expect.objectContaining({ status: 'leased', crashes: 0 })));
      const swept = await Promise.all([victim, ...others].map((pool) => requeueExpiredLeases(pool, 0)));
      expect(swept.reduce((sum, { tasks }) => sum + tasks, 0)).toBe(400);
      expect(await statesOf(ids)).toEqual(ids.map(() => ready(1)));
    } finally {
      await admin.query('DROP TRIGGER slow_sweep ON tasks; DROP FUNCTION slow_sweep()');
      await Promise.all(pools.map((pool) => pool.end()));
      await admin.query('DELETE FROM tasks WHERE id = ANY ($1)', [ids]);
    }
  });
});

describe('a lost ticket', () => {
  it('is issued again with a new generation, and the old one is worth nothing', async () => {
    const { workflowId, channel } = await listen(chain);
    const lost = await receive(channel);
    const renewed = (await renewOldTickets(database.pool, -1_000)).filter(({ id }) => id === lost.id);
    expect(renewed).toEqual([{ id: lost.id, gen: 2 }]);
    const { runner } = worker();
    await runner.handle([lost]);
    expect(await runsOf(workflowId)).toEqual([]);
    await runner.handle(renewed);
    expect(await runsOf(workflowId)).toHaveLength(1);
  });
});

it('FUSION=off: one node a step, the same run', async () => {
  const { workflowId, channel } = await listen(chain);
  const { runner, tickets } = worker(undefined, false);
  await runner.handle([await receive(channel)]);
  for (let turn = 0; turn < 10 && tickets.out.length > 0; turn += 1) await runner.handle(tickets.out.splice(0));
  expect((await runsOf(workflowId))[0]).toMatchObject({ status: 'completed', output: { said: 'hello' } });
});

it('every position of the log is there', async () => {
  let cursor = 0;
  for (;;) {
    const events = await readLog(admin, cursor);
    const last = events.at(-1);
    if (last === undefined) break;
    cursor = last.position;
  }
  expect(cursor).toBe(Number((await admin.query('SELECT count(*) FROM domain_events')).rows[0].count));
});
