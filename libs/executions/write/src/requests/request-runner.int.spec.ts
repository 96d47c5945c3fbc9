import type { CommandBus } from '@nestjs/cqrs';
import type { Graph } from '@sluice/engine';
import type { RunComparison } from '@sluice/executions-domain';
import { type JsonObject, newId } from '@sluice/kernel';
import type { OutboundRequest, OutboundResponse } from '@sluice/nodes';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import type { Notifications } from '@sluice/platform-notifications';
import { type TaskTicket, Tickets, TicketWindows } from '@sluice/platform-queue';
import { createLogger } from '@sluice/platform-telemetry';
import { eventually, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { FailingTasks } from '../dead-letters/failing-tasks.js';
import type { EffectToolbox } from '../effects/effect-toolbox.js';
import { NodeNotTestable } from '../find-draft.js';
import { StartBacktest, StartBacktestHandler } from '../start-backtest.js';
import { Blobs } from '../steps/blobs.js';
import { Callees } from '../steps/callees.js';
import { Committer, type CommitSteps, CommitStepsHandler } from '../steps/committer.js';
import { CompiledVersions } from '../steps/compiled-versions.js';
import { type Lease, Leases } from '../steps/leases.js';
import { readTasks } from '../steps/tasks.js';
import type { Dispatcher } from '../sweeps/dispatcher.js';
import { WakeUps } from '../sweeps/wake-ups.js';
import { TaskRunner } from '../task-runner.js';
import { TenantDirectory } from '../tenant-directory.js';
import { NoWorker, TestNode, TestNodeHandler, type TestWith } from '../test-node.js';
import { RequestRunner } from './request-runner.js';
import { type BacktestTools, runBacktest } from './run-backtest.js';
import type { BacktestRequest } from './worker-request.js';

const tenantId = newId();
let stores: TestDatabase;
let database: Database;
let api: Database;
let admin: pg.Pool;

beforeAll(async () => {
  stores = await testDatabase();
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 8, role: 'sluice_service', app: 'test', schema: commandStoreSchema };
  database = new Database(await dataSourceFor(options).initialize(), options);
  const apiOptions: DatabaseOptions = { ...options, role: 'sluice_api', poolSize: 4 };
  api = new Database(await dataSourceFor(apiOptions).initialize(), apiOptions);
  admin = new pg.Pool({ connectionString: stores.commandUrl });
  await admin.query(`INSERT INTO tenants (id, name, effect_secret, env) VALUES ($1, 'test', 'secret', '{"shop": "Sluice"}')`, [tenantId]);
});

afterAll(async () => {
  await database.onApplicationShutdown();
  await api.onApplicationShutdown();
  await admin.end();
  await stores.drop();
});

/** Nothing looks for tickets here but the test itself. */
const idle = { took: () => {}, ended: () => {} } as unknown as Dispatcher;
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

/** What left the system, by idempotency key */
const sent: { readonly key: string; readonly url: string }[] = [];
beforeEach(() => void sent.splice(0));

const silent = { emit: () => {} } as unknown as Notifications;

function worker() {
  const logger = createLogger('test', 'silent');
  const tickets = new HeldTickets();
  const handler = new CommitStepsHandler(database, new TicketWindows(database));
  const bus = { execute: (command: CommitSteps) => handler.execute(command) } as unknown as CommandBus;
  const send = ({ url }: OutboundRequest, key: string): Promise<OutboundResponse> => {
    sent.push({ key, url });
    return Promise.resolve({ status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"ok":true}') });
  };
  const toolbox = {
    toolsFor: (_job: unknown, idempotencyKey: string, signal: AbortSignal) => ({
      idempotencyKey,
      signal,
      send: (request: OutboundRequest) => send(request, idempotencyKey),
    }),
  } as unknown as EffectToolbox;
  const versions = new CompiledVersions(database);
  const tenants = new TenantDirectory(database);
  const leases = new Leases(database);
  const blobs = new Blobs(database);
  const options = {
    fusion: true,
    slowFor: () => () => Promise.reject(new Error('no slow expression is used here')),
    publicUrl: 'http://localhost',
  };
  const committer = new Committer(bus, silent, tickets, logger);
  const failing = new FailingTasks(database, committer, new WakeUps(), logger);
  const requests = new RequestRunner(database, versions, tenants, leases, toolbox, blobs, silent, failing, options);
  const callees = new Callees(database, versions);
  const runner = new TaskRunner(
    database,
    versions,
    tenants,
    leases,
    committer,
    tickets,
    idle,
    new WakeUps(),
    toolbox,
    blobs,
    callees,
    requests,
    failing,
    options,
    logger,
  );
  return { runner, requests, tickets, versions, leases };
}

const node = (id: string, type: string, config: JsonObject = {}) => ({ id, type, config });
const asked = (condition: string): Graph => ({
  nodes: [
    node('in', 'trigger.webhook'),
    node('if', 'logic.if', { condition }),
    node('yes', 'http.request', { method: 'POST', url: 'https://shop.example.com/{{ trigger.text }}' }),
    node('no', 'data.set', { values: { ignored: '{{ trigger.text }}' } }),
  ],
  edges: [
    { source: 'in', target: 'if' },
    { source: 'if', target: 'yes', sourceHandle: 'true' },
    { source: 'if', target: 'no', sourceHandle: 'false' },
  ],
});

async function workflow(live: Graph, draft: Graph = live): Promise<{ workflowId: string; channel: string }> {
  const [workflowId, channel] = [newId(), newId()];
  await admin.query(
    `INSERT INTO workflows (tenant_id, id, name, status, revision, version, published_revision, draft, created_by)
     VALUES ($1, $2, 'w', 'published', 2, 1, 1, $3, 'test')`,
    [tenantId, workflowId, JSON.stringify(draft)],
  );
  await admin.query(
    `INSERT INTO workflow_versions (tenant_id, id, workflow_id, version, graph, published_by) VALUES ($1, $2, $3, 1, $4, 'test')`,
    [tenantId, newId(), workflowId, JSON.stringify(live)],
  );
  await admin.query(
    `INSERT INTO webhooks (tenant_id, id, name, workflow_id, node_id, provider, channel_id, trigger_type, action_types, endpoint, status, created_by)
     VALUES ($1, $2, 'h', $3, 'in', 'instagram', $4, 'instagram', '{message}', '/', 'active', 'test')`,
    [tenantId, newId(), workflowId, channel],
  );
  return { workflowId, channel };
}

async function received(channel: string, text: string): Promise<{ id: string; ticket: TaskTicket }> {
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
    `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, item, status, correlation_id, occurred_at, received_at)
     VALUES ($1, $2::uuid, $2::uuid, $3, 'message', 'message', $2::uuid::text, $4, 'received', 'corr', now(), now())`,
    [tenantId, id, channel, JSON.stringify(item)],
  );
  const { rows } = await admin.query(
    `INSERT INTO tasks (tenant_id, kind, webhook_event_id, ticketed_at) VALUES ($1, 'start', $2, now()) RETURNING id, gen`,
    [tenantId, id],
  );
  return { id, ticket: { id: Number(rows[0].id), gen: rows[0].gen } };
}

/** Works through everything that there is to do. */
const drain = ({ runner, requests, tickets }: ReturnType<typeof worker>): Promise<void> =>
  eventually(async () => {
    await runner.handle(tickets.out.splice(0));
    await requests.idle();
    const { rowCount } = await admin.query(`SELECT FROM tasks WHERE kind <> 'start'`);
    if (tickets.out.length > 0 || rowCount !== 0) throw new Error(`${rowCount} tasks are left`);
  });

const backtestTools = ({ versions }: ReturnType<typeof worker>, { signal }: Lease): BacktestTools => ({
  database,
  versions,
  announce: () => {},
  isStopping: () => false,
  simulation: {
    slow: () => Promise.reject(new Error('no slow expression is used here')),
    env: { shop: 'Sluice' },
    blobs: new Blobs(database),
    approvalUrl: () => '',
    runTask: () => Promise.resolve(undefined),
    signal,
  },
});

const commandStore = () => new CommandStore(api, silent);

async function backtestOf(workflowId: string, events: number, tickets: Tickets): Promise<string> {
  const { backtestId } = await new StartBacktestHandler(commandStore(), tickets).execute(
    new StartBacktest(tenantId, workflowId, 'ada', events),
  );
  return backtestId;
}

async function logOf(backtestId: string) {
  const { rows } = await admin.query(
    'SELECT type, payload, aggregate_version FROM domain_events WHERE aggregate_id = $1 ORDER BY aggregate_version',
    [backtestId],
  );
  const results: RunComparison[] = rows.flatMap(({ payload }) => payload.results ?? []);
  return { rows, results, types: rows.map(({ type }): string => type), versions: rows.map((row) => Number(row.aggregate_version)) };
}

const byNode =
  (order: readonly string[]) =>
  (a: { readonly nodeId: string }, b: { readonly nodeId: string }): number =>
    order.indexOf(a.nodeId) - order.indexOf(b.nodeId);

describe('a backtest', () => {
  const texts = ['price', 'hello', 'cost', 'bye'];
  const live = asked('{{ trigger.text = "price" or trigger.text = "cost" }}');
  const changed = asked('{{ trigger.text = "price" }}');
  let workflowId: string;
  /** By what it says */
  let events: Map<string, string[]>;

  beforeAll(async () => {
    const made = await workflow(live, changed);
    ({ workflowId } = made);
    events = new Map(texts.map((text) => [text, []]));
    const alive = worker();
    for (let index = 0; index < 200; index += 1) {
      const text = texts[index % texts.length] ?? '';
      const { id, ticket } = await received(made.channel, text);
      events.get(text)?.push(id);
      alive.tickets.out.push(ticket);
    }
    await drain(alive);
    const { rows } = await admin.query(`SELECT status, count(*)::int FROM workflow_executions WHERE workflow_id = $1 GROUP BY 1`, [
      workflowId,
    ]);
    if (rows.length !== 1 || rows[0].count !== 200 || sent.length !== 100)
      throw new Error(`the runs are not as they should be: ${JSON.stringify(rows)}`);
  }, 120_000);

  it('names exactly the events that another condition sends another way, and sends nothing', async () => {
    const alive = worker();
    const id = await backtestOf(workflowId, 200, alive.tickets);
    await drain(alive);
    const { rows, results, types, versions } = await logOf(id);
    expect(types.at(0)).toBe('backtest.started');
    expect(types.at(-1)).toBe('backtest.completed');
    expect(versions).toEqual(versions.map((_, index) => index + 1));
    expect(rows[0].payload).toEqual({ workflowId, draftRevision: 2, liveVersion: 1, events: 200, by: 'ada' });
    expect(rows.at(-2).payload).toMatchObject({ done: 200, different: 50 });
    expect(results.map(({ eventId }) => eventId).toSorted()).toEqual(events.get('cost')?.toSorted());
    for (const { nodes } of results) {
      expect(nodes).toEqual(
        [
          {
            nodeId: 'if',
            live: { status: 'completed', handle: 'true' },
            draft: { status: 'completed', handle: 'false' },
            why: 'path_changed',
          },
          { nodeId: 'no', live: { status: 'skipped' }, draft: { status: 'completed', handle: 'out' }, why: 'path_changed' },
          { nodeId: 'yes', live: { status: 'completed', handle: 'out' }, draft: { status: 'skipped' }, why: 'path_changed' },
        ].toSorted(byNode(nodes.map(({ nodeId }) => nodeId))),
      );
    }
    expect(sent).toEqual([]);
    expect((await admin.query(`SELECT FROM tasks WHERE kind = 'request'`)).rowCount).toBe(0);
  }, 60_000);

  it('finds no difference where the draft is what ran', async () => {
    await admin.query('UPDATE workflows SET draft = $2 WHERE id = $1', [workflowId, JSON.stringify(live)]);
    const alive = worker();
    const id = await backtestOf(workflowId, 200, alive.tickets);
    await drain(alive);
    expect(await logOf(id)).toMatchObject({
      results: [],
      rows: expect.arrayContaining([expect.objectContaining({ type: 'backtest.completed' })]),
    });
    await admin.query('UPDATE workflows SET draft = $2 WHERE id = $1', [workflowId, JSON.stringify(changed)]);
    expect(sent).toEqual([]);
  }, 60_000);

  it('shows the request of a call that was never made, and of one that would be another', async () => {
    const draft = asked('{{ trigger.text = "price" or trigger.text = "hello" }}');
    const nodes = draft.nodes.map((one) => (one.id === 'yes' ? { ...one, config: { ...one.config, method: 'PUT' } } : one));
    await admin.query('UPDATE workflows SET draft = $2 WHERE id = $1', [workflowId, JSON.stringify({ ...draft, nodes })]);
    const alive = worker();
    const id = await backtestOf(workflowId, 4, alive.tickets);
    await drain(alive);
    await admin.query('UPDATE workflows SET draft = $2 WHERE id = $1', [workflowId, JSON.stringify(changed)]);
    const { results } = await logOf(id);
    const found = results.flatMap((one) => one.nodes.filter(({ request }) => request !== undefined));
    expect(found).toMatchObject([
      {
        nodeId: 'yes',
        draft: { status: 'unknown' },
        why: 'not_recorded',
        request: { url: 'https://shop.example.com/hello', method: 'PUT' },
      },
      {
        nodeId: 'yes',
        draft: { status: 'completed' },
        why: 'request_changed',
        request: { url: 'https://shop.example.com/price', method: 'PUT' },
      },
    ]);
    expect(sent).toEqual([]);
  }, 60_000);

  it('goes on behind what was written when its worker dies, and ends with the same result', async () => {
    const [dying, heir] = [worker(), worker()];
    const id = await backtestOf(workflowId, 200, dying.tickets);
    const [lease] = await dying.leases.take(await readTasks(database.pool, dying.tickets.out.splice(0)));
    if (lease === undefined) throw new Error('the task was not there');
    const { rows } = await admin.query<{ request: BacktestRequest }>('SELECT request FROM worker_requests WHERE id = $1', [id]);
    const [row] = rows;
    if (row === undefined) throw new Error('the request was not there');
    let simulations = 0;
    const died = runBacktest({ id, tenantId, workflowId, request: row.request, progress: null }, lease, {
      ...backtestTools(dying, lease),
      versions: {
        get: (ids: readonly string[]) => {
          simulations += 1;
          if (simulations > 75) throw new Error('dead');
          return dying.versions.get(ids);
        },
      } as unknown as CompiledVersions,
    });
    await expect(died).rejects.toThrow('dead');
    expect((await logOf(id)).types).toEqual(['backtest.started', 'backtest.compared']);

    await admin.query(`UPDATE tasks SET status = 'ready', gen = gen + 1, crashes = 1 WHERE id = $1`, [lease.task.id]);
    heir.tickets.out.push({ id: lease.task.id, gen: lease.task.gen + 1 });
    await drain(heir);
    const { results, types, versions } = await logOf(id);
    expect(types.filter((type) => type === 'backtest.completed')).toHaveLength(1);
    expect(versions).toEqual(versions.map((_, index) => index + 1));
    expect(results.map(({ eventId }) => eventId).toSorted()).toEqual(events.get('cost')?.toSorted());

    // Whoever held it writes nothing any more.
    const request = { ...row.request, executionIds: [] };
    const late = runBacktest({ id, tenantId, workflowId, request, progress: null }, lease, backtestTools(dying, lease));
    await expect(late).rejects.toThrow('the lease was lost');
    expect((await logOf(id)).types).toEqual(types);
  }, 60_000);

  it('that keeps killing its worker fails', async () => {
    const alive = worker();
    const id = await backtestOf(workflowId, 10, alive.tickets);
    await admin.query(`UPDATE tasks SET crashes = 3 WHERE kind = 'request'`);
    await drain(alive);
    expect((await logOf(id)).rows.at(-1)).toMatchObject({ type: 'backtest.failed', payload: { error: { code: 'crash_loop' } } });
  });

  it('is refused for a draft that cannot be run', async () => {
    const broken = await workflow(live, { nodes: [node('in', 'nothing.known')], edges: [] });
    await expect(backtestOf(broken.workflowId, 10, new HeldTickets())).rejects.toMatchObject({ code: 'workflow_not_publishable' });
  });
});

describe('a test of a node', () => {
  const draft: Graph = {
    nodes: [
      node('in', 'trigger.webhook'),
      node('set', 'data.set', { values: { shop: '{{ env.shop }}', said: '{{ trigger.text }}', price: '{{ nodes.call.output.price }}' } }),
      node('call', 'http.request', { method: 'POST', url: 'https://shop.example.com/{{ input.path }}' }),
      node('pause', 'flow.delay', { ms: 60_000 }),
      node('wrong', 'http.request', { method: 'POST' }),
      node('item', 'data.set', { values: { item: '{{ item.sku }}', index: '{{ index }}' } }),
      node('fails', 'data.set', { values: { n: '{{ 1 + trigger.text }}' } }),
    ],
    edges: [{ source: 'in', target: 'set' }],
  };
  let workflowId: string;
  let channel: string;

  beforeAll(async () => ({ workflowId, channel } = await workflow(asked('{{ true }}'), draft)));

  async function tested(nodeId: string, options: Partial<TestWith> = {}, before: () => Promise<void> = () => Promise.resolve()) {
    const alive = worker();
    const handler = new TestNodeHandler(commandStore(), alive.tickets);
    const answer = handler.execute(new TestNode(tenantId, workflowId, nodeId, 'ada', { mocks: {}, effects: false, ...options }));
    const settled = answer.then(
      () => true,
      () => true,
    );
    while (alive.tickets.out.length === 0 && !(await Promise.race([settled, new Promise((resolve) => setImmediate(resolve))])));
    await before();
    await drain(alive);
    return answer;
  }

  it('gives what it puts out with an input, outputs of others, the tenant’s values', async () => {
    expect(await tested('set', { input: { text: 'hello' }, mocks: { call: { price: 10 } } })).toEqual({
      outcome: 'done',
      handle: 'out',
      output: { shop: 'Sluice', said: 'hello', price: 10 },
      durationMs: expect.any(Number),
    });
  });

  it('takes a past event for its trigger, and an item for its loop', async () => {
    const { id } = await received(channel, 'from the event');
    expect(await tested('set', { eventId: id })).toMatchObject({ output: { said: 'from the event' } });
    expect(await tested('item', { item: { item: { sku: 'A-1' }, index: 3 } })).toMatchObject({ output: { item: 'A-1', index: 3 } });
    await expect(tested('set', { eventId: newId() })).rejects.toMatchObject({ code: 'webhook_event_not_found' });
  });

  it('shows the call that it would make; makes it only when asked, under a key of its own, without the ledger', async () => {
    const input = { path: 'orders' };
    expect(await tested('call', { input })).toMatchObject({ outcome: 'effect', effect: { url: 'https://shop.example.com/orders' } });
    expect(sent).toEqual([]);
    expect(await tested('call', { input, effects: true })).toMatchObject({ outcome: 'done', output: { status: 200, body: { ok: true } } });
    expect(sent).toEqual([{ key: expect.stringMatching(/^test:/), url: 'https://shop.example.com/orders' }]);
    const key = sent[0]?.key.slice('test:'.length);
    expect((await admin.query('SELECT FROM effects WHERE execution_id = $1', [key])).rowCount).toBe(0);
  });

  it('says what it would wait for, and how it fails', async () => {
    expect(await tested('pause', { input: 1 })).toMatchObject({ outcome: 'waits', waits: { for: 'time', until: expect.any(String) } });
    expect(await tested('fails', { input: { text: 'a' } })).toMatchObject({ outcome: 'failed', error: { code: expect.any(String) } });
    expect(await tested('set', { input: { text: 'x'.repeat(1_100_000) } })).toMatchObject({ error: { code: 'test_too_large' } });
  });

  it('refuses a node that is not whole, with what is wrong with it alone', async () => {
    const refused = tested('wrong', {});
    await expect(refused).rejects.toThrow(NodeNotTestable);
    await expect(refused).rejects.toMatchObject({ details: { errors: [{ path: expect.stringMatching(/^nodes\[4\]\.config/) }] } });
    await expect(tested('nobody')).rejects.toMatchObject({ code: 'draft_node_not_found' });
    await expect(tested('set', { mocks: { nobody: 1 } })).rejects.toMatchObject({ details: { errors: [{ path: 'mocks.nobody' }] } });
  });

  it('answers for one that killed its worker three times, and runs none that nobody waits for any more', async () => {
    const killing = async () => void (await admin.query(`UPDATE tasks SET crashes = 3 WHERE kind = 'request'`));
    expect(await tested('set', {}, killing)).toMatchObject({ outcome: 'failed', error: { code: 'crash_loop' } });
    const late = async () =>
      void (await admin.query(`UPDATE worker_requests SET created_at = now() - interval '20 s' WHERE result IS NULL`));
    await expect(tested('call', { effects: true, input: {} }, late)).rejects.toThrow(NoWorker);
    expect(sent).toEqual([]);
  });

  it('says so when no worker takes it', async () => {
    const handler = new TestNodeHandler(commandStore(), new HeldTickets());
    await expect(handler.execute(new TestNode(tenantId, workflowId, 'set', 'ada', { mocks: {}, effects: false }))).rejects.toThrow(
      NoWorker,
    );
  }, 30_000);
});
