import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CommandBus } from '@nestjs/cqrs';
import type { Graph } from '@sluice/engine';
import { newId } from '@sluice/kernel';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions } from '@sluice/platform-database';
import type { Notifications } from '@sluice/platform-notifications';
import { OutboundHttp } from '@sluice/platform-outbound';
import { type TaskTicket, Tickets, TicketWindows } from '@sluice/platform-queue';
import { Paces } from '@sluice/platform-rates';
import { createLogger } from '@sluice/platform-telemetry';
import { eventually, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import type { RequestRunner } from '../requests/request-runner.js';
import { Blobs } from '../steps/blobs.js';
import { Callees } from '../steps/callees.js';
import { Committer, type CommitSteps, CommitStepsHandler } from '../steps/committer.js';
import { CompiledVersions } from '../steps/compiled-versions.js';
import { Leases } from '../steps/leases.js';
import type { Dispatcher } from '../sweeps/dispatcher.js';
import { giveTickets } from '../sweeps/give-tickets.js';
import { WakeUps } from '../sweeps/wake-ups.js';
import { TaskRunner } from '../task-runner.js';
import { TenantDirectory } from '../tenant-directory.js';
import { FailingTasks } from '../dead-letters/failing-tasks.js';
import { EffectToolbox } from './effect-toolbox.js';

const [tenantId, neighbourId] = [newId(), newId()];
const logger = createLogger('test', 'silent');
const outbound = new OutboundHttp({ allow: ['127.0.0.1'] });
let stores: TestDatabase;
let database: Database;
let admin: pg.Pool;
const targets: Server[] = [];

beforeAll(async () => {
  stores = await testDatabase();
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 8, role: 'sluice_service', app: 'test', schema: commandStoreSchema };
  database = new Database(await dataSourceFor(options).initialize(), options);
  admin = new pg.Pool({ connectionString: stores.commandUrl });
  for (const id of [tenantId, neighbourId])
    await admin.query(`INSERT INTO tenants (id, name, effect_secret) VALUES ($1, $2, 'secret')`, [id, id]);
});

afterAll(async () => {
  for (const target of targets) target.close().closeAllConnections();
  await outbound.close();
  await database.onApplicationShutdown();
  await admin.end();
  await stores.drop();
});

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

function worker() {
  const tickets = new HeldTickets();
  const handler = new CommitStepsHandler(database, new TicketWindows(database));
  const bus = { execute: (command: CommitSteps) => handler.execute(command) } as unknown as CommandBus;
  const notifications = { emit: () => {} } as unknown as Notifications;
  const versions = new CompiledVersions(database);
  const noCode = () => Promise.reject(new Error('no code runs here'));
  const committer = new Committer(bus, notifications, tickets, logger);
  const runner = new TaskRunner(
    database,
    versions,
    new TenantDirectory(database),
    new Leases(database),
    committer,
    tickets,
    { took: () => {}, ended: () => {} } as unknown as Dispatcher,
    new WakeUps(),
    new EffectToolbox(database, notifications, {
      outbound,
      encryption: { keys: [] } as never,
      providerApis: {},
      runCode: noCode,
      paces: new Paces(() => Date.now()),
    }),
    new Blobs(database),
    new Callees(database, versions),
    { begin: () => Promise.resolve() } as unknown as RequestRunner,
    new FailingTasks(database, committer, new WakeUps(), logger),
    { fusion: true, slowFor: () => () => Promise.reject(new Error('no slow expression is used here')), publicUrl: 'http://localhost' },
    logger,
  );
  return { runner, tickets };
}

/** A server that records the keys of its calls and answers as it is told. */
async function target() {
  const keys: string[] = [];
  const mood = { status: 503 };
  const server = createServer((request, response) => {
    keys.push(String(request.headers['idempotency-key']));
    response.writeHead(mood.status, { 'content-type': 'application/json' }).end('{}');
  });
  targets.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, keys, mood };
}

const calling = (url: string, policy: Graph['nodes'][number]['policy']): Graph => ({
  nodes: [
    { id: 'in', type: 'trigger.webhook', config: {} },
    { id: 'call', type: 'http.request', config: { method: 'POST', url }, ...(policy === undefined ? {} : { policy }) },
  ],
  edges: [{ source: 'in', target: 'call' }],
});

/** A published workflow that listens to a channel of its own. */
async function listen(graph: Graph, tenant = tenantId) {
  const [workflowId, channel] = [newId(), newId()];
  await admin.query(
    `INSERT INTO workflows (tenant_id, id, name, status, revision, version, published_revision, draft, created_by)
     VALUES ($1, $2, 'w', 'published', 1, 1, 1, $3, 'test')`,
    [tenant, workflowId, JSON.stringify(graph)],
  );
  await admin.query(
    `INSERT INTO workflow_versions (tenant_id, id, workflow_id, version, graph, settings, published_by) VALUES ($1, $2, $3, 1, $4, '{}', 'test')`,
    [tenant, newId(), workflowId, JSON.stringify(graph)],
  );
  await admin.query(
    `INSERT INTO webhooks (tenant_id, id, name, workflow_id, node_id, provider, channel_id, trigger_type, action_types, endpoint, status, created_by)
     VALUES ($1, $2, 'h', $3, 'in', 'instagram', $4, 'instagram', '{message}', '/', 'active', 'test')`,
    [tenant, newId(), workflowId, channel],
  );
  return { workflowId, channel, tenant };
}

type Listening = Awaited<ReturnType<typeof listen>>;

/** So many received events and their start tasks. */
async function receive({ channel, tenant }: Listening, count: number): Promise<TaskTicket[]> {
  const tickets: TaskTicket[] = [];
  for (let index = 0; index < count; index += 1) {
    const id = newId();
    const at = '2026-01-01T00:00:00.000Z';
    const item = {
      id,
      kind: 'message',
      action: 'message',
      dedupeKey: id,
      accountId: 'a',
      customerId: id,
      direction: 'in',
      triggers: true,
      text: 'hello',
      provider: 'instagram',
      channelId: channel,
      occurredAt: at,
      receivedAt: at,
    };
    await admin.query(
      `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, item, status, correlation_id, occurred_at, received_at)
       VALUES ($1, $2::uuid, $2::uuid, $3, 'message', 'message', $2::uuid::text, $4, 'received', 'corr', now(), now())`,
      [tenant, id, channel, JSON.stringify(item)],
    );
    const { rows } = await admin.query(
      `INSERT INTO tasks (tenant_id, kind, webhook_event_id, ticketed_at) VALUES ($1, 'start', $2, now()) RETURNING id, gen`,
      [tenant, id],
    );
    tickets.push({ id: Number(rows[0].id), gen: rows[0].gen });
  }
  return tickets;
}

const statusesOf = async ({ workflowId }: Listening) =>
  (await admin.query(`SELECT status, count(*)::int FROM workflow_executions WHERE workflow_id = $1 GROUP BY 1`, [workflowId])).rows;
const effectTasksOf = async ({ workflowId }: Listening) =>
  (
    await admin.query(
      `SELECT t.status, t.attempt, t.run_after > now() AS put_off, extract(epoch FROM t.run_after - now())::float8 AS seconds
       FROM tasks t JOIN workflow_executions e ON e.id = t.execution_id WHERE e.workflow_id = $1`,
      [workflowId],
    )
  ).rows;

/** What is put off is due now; a sweep finds it, and so on until nothing is left to run. */
async function goOn({ runner }: ReturnType<typeof worker>, listening: Listening): Promise<void> {
  await admin.query(
    `UPDATE tasks t SET run_after = now() FROM workflow_executions e WHERE e.id = t.execution_id AND e.workflow_id = $1 AND t.status = 'ready'`,
    [listening.workflowId],
  );
  await runner.handle((await database.withClient((client) => giveTickets(client)))?.tickets ?? []);
}

/** Runs as many as open the circuit (10), all of which fail for good. */
async function openCircuit(one: ReturnType<typeof worker>, url: string, tenant = tenantId): Promise<void> {
  const failing = await listen(calling(url, { retry: { maxAttempts: 1 } }), tenant);
  await one.runner.handle(await receive(failing, 10));
  await one.runner.handle(one.tickets.out.splice(0));
  await eventually(async () => expect(await statusesOf(failing)).toEqual([{ status: 'failed', count: 10 }]));
}

describe('N-05: a target that is down', () => {
  it('is left alone once it failed ten times in a row; who waits for it spends no attempt, and is well when it is well again', async () => {
    const one = worker();
    const { url, keys, mood } = await target();
    await openCircuit(one, url);
    expect(keys).toHaveLength(10);

    const waiting = await listen(calling(url, { retry: { maxAttempts: 1 } }));
    await one.runner.handle(await receive(waiting, 20));
    await one.runner.handle(one.tickets.out.splice(0));
    await eventually(async () => {
      const tasks = await effectTasksOf(waiting);
      expect(tasks).toHaveLength(20);
      for (const task of tasks) expect(task).toMatchObject({ status: 'ready', attempt: 1, put_off: true });
    });
    expect(keys).toHaveLength(10);

    mood.status = 200;
    await eventually(
      async () => {
        await goOn(one, waiting);
        expect(await statusesOf(waiting)).toEqual([{ status: 'completed', count: 20 }]);
      },
      { timeoutMs: 20_000 },
    );
    // Each of them was called once, with the key that its effect had from the beginning.
    const { rows } = await admin.query(
      `SELECT f.effect_key FROM effects f JOIN workflow_executions e ON e.id = f.execution_id WHERE e.workflow_id = $1`,
      [waiting.workflowId],
    );
    expect(keys.slice(10).toSorted()).toEqual(rows.map(({ effect_key: key }) => key).toSorted());
  }, 40_000);

  it('holds back no other target, and no other tenant that calls the same', async () => {
    const one = worker();
    const [down, well] = [await target(), await target()];
    well.mood.status = 200;
    await openCircuit(one, down.url);
    down.mood.status = 200;
    const others = [await listen(calling(well.url, undefined)), await listen(calling(down.url, undefined), neighbourId)];
    for (const other of others) {
      await one.runner.handle(await receive(other, 1));
      await one.runner.handle(one.tickets.out.splice(0));
      await eventually(async () => expect(await statusesOf(other)).toEqual([{ status: 'completed', count: 1 }]));
    }
  });

  it('is sent at most once what must be, after it was put off: an attempt that was not made leaves no doubt', async () => {
    const one = worker();
    const { url, keys, mood } = await target();
    await openCircuit(one, url);
    const waiting = await listen(calling(url, { effect: 'at_most_once' }));
    await one.runner.handle(await receive(waiting, 1));
    await one.runner.handle(one.tickets.out.splice(0));
    await eventually(async () => expect(await effectTasksOf(waiting)).toMatchObject([{ status: 'ready', put_off: true }]));
    mood.status = 200;
    const other = worker();
    await goOn(other, waiting);
    await eventually(async () => expect(await statusesOf(waiting)).toEqual([{ status: 'completed', count: 1 }]));
    expect(keys).toHaveLength(11);
  });

  it('is not waited for longer than 15 minutes: then the attempt counts, and the node fails as its policy says', async () => {
    const one = worker();
    const { url, keys } = await target();
    await openCircuit(one, url);
    const waiting = await listen(calling(url, { retry: { maxAttempts: 1 } }));
    await one.runner.handle(await receive(waiting, 1));
    await one.runner.handle(one.tickets.out.splice(0));
    await eventually(async () => expect(await effectTasksOf(waiting)).toMatchObject([{ status: 'ready', put_off: true }]));
    await admin.query(
      `UPDATE effects f SET response = jsonb_set(f.response, '{putOffSince}', to_jsonb(now() - interval '16 minutes'))
       FROM workflow_executions e WHERE e.id = f.execution_id AND e.workflow_id = $1`,
      [waiting.workflowId],
    );
    await goOn(one, waiting);
    await eventually(async () => expect(await statusesOf(waiting)).toEqual([{ status: 'failed', count: 1 }]));
    const { rows } = await admin.query(`SELECT error FROM workflow_executions WHERE workflow_id = $1`, [waiting.workflowId]);
    expect(rows[0].error).toMatchObject({ code: 'target_unavailable' });
    expect(keys).toHaveLength(10);
  });
});
