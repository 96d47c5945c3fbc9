import type { CommandBus } from '@nestjs/cqrs';
import type { Graph } from '@sluice/engine';
import { type JsonObject, newId } from '@sluice/kernel';
import { catalogue, NodeFailure, type OutboundRequest, type OutboundResponse, type PureNodeType } from '@sluice/nodes';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions, storeClock } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import type { Notifications } from '@sluice/platform-notifications';
import { type TaskTicket, Tickets, TicketWindows } from '@sluice/platform-queue';
import { createLogger } from '@sluice/platform-telemetry';
import { eventually, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { ApiStepTools } from './api-step-tools.js';
import { approvalToken } from './approvals/approval-token.js';
import { DecideApproval, DecideApprovalHandler } from './approvals/decide-approval.js';
import { BulkExecutions, BulkExecutionsHandler } from './bulk-executions.js';
import {
  DiscardDeadLetter,
  DiscardDeadLetterHandler,
  DiscardDeadLetters,
  DiscardDeadLettersHandler,
} from './dead-letters/discard-dead-letters.js';
import { FailingTasks } from './dead-letters/failing-tasks.js';
import type { DeadLetterFilter } from './dead-letters/open-dead-letters.js';
import { RetryDeadLetter, RetryDeadLetterHandler, RetryDeadLetters, RetryDeadLettersHandler } from './dead-letters/retry-dead-letters.js';
import type { EffectToolbox } from './effects/effect-toolbox.js';
import { MoveRuns, MoveRunsHandler } from './move-runs.js';
import { PauseExecution, PauseExecutionHandler } from './pause-execution.js';
import { RerunExecution, RerunExecutionHandler } from './rerun-execution.js';
import { ResolveEffect, ResolveEffectHandler } from './resolve-effect.js';
import { ResumeExecution, ResumeExecutionHandler } from './resume-execution.js';
import { RetryExecution, RetryExecutionHandler } from './retry-execution.js';
import type { RequestRunner } from './requests/request-runner.js';
import { Blobs } from './steps/blobs.js';
import { Callees } from './steps/callees.js';
import { Committer, CommitSteps, CommitStepsHandler } from './steps/committer.js';
import { CompiledVersions } from './steps/compiled-versions.js';
import { Leases } from './steps/leases.js';
import { fireDueTimers, requeueExpiredLeases } from './sweeps/sweep-queries.js';
import type { Dispatcher } from './sweeps/dispatcher.js';
import { giveTickets } from './sweeps/give-tickets.js';
import { WakeUps } from './sweeps/wake-ups.js';
import { TaskRunner } from './task-runner.js';
import { TenantDirectory } from './tenant-directory.js';
import { TriggerNode, TriggerNodeHandler } from './trigger-node.js';

const tenantId = newId();
const logger = createLogger('test', 'silent');
let stores: TestDatabase;
let database: Database;
let api: Database;
let admin: pg.Pool;
let store: CommandStore;
const tools = new ApiStepTools();

/** A loop over the config's items, and an approval, without anything else that such nodes do. */
const plainTypes: readonly PureNodeType[] = [
  {
    type: 'test.each',
    kind: 'pure',
    title: 'Each',
    description: '',
    configSchema: { type: 'object' },
    handles: () => ['item', 'done'],
    loop: () => ({ concurrency: 2, onItemError: 'fail' }),
    run: ({ config }) => ({ kind: 'loop', items: Array.isArray(config['items']) ? config['items'] : [] }),
  },
  {
    type: 'test.approval',
    kind: 'pure',
    title: 'Approval',
    description: '',
    configSchema: { type: 'object' },
    handles: () => ['approved', 'rejected', 'timeout'],
    run: () => ({ kind: 'awaitApproval', title: 'Refund <b>5</b>?', message: 'Order 7' }),
  },
];
if (catalogue instanceof Map) for (const type of plainTypes) catalogue.set(type.type, type);

beforeAll(async () => {
  stores = await testDatabase();
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 8, role: 'sluice_service', app: 'test', schema: commandStoreSchema };
  database = new Database(await dataSourceFor(options).initialize(), options);
  const apiOptions: DatabaseOptions = { ...options, role: 'sluice_api', poolSize: 6 };
  api = new Database(await dataSourceFor(apiOptions).initialize(), apiOptions);
  admin = new pg.Pool({ connectionString: stores.commandUrl });
  store = new CommandStore(api, { emit: () => {} } as unknown as Notifications);
  await admin.query(`INSERT INTO tenants (id, name, effect_secret) VALUES ($1, 'test', 'secret')`, [tenantId]);
});

afterAll(async () => {
  await tools.onApplicationShutdown();
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

type Send = (request: OutboundRequest, idempotencyKey: string, signal: AbortSignal) => Promise<OutboundResponse>;

/** A whole worker, and the API beside it: both issue their tickets here. */
function system(send: Send = () => Promise.reject(new Error('nothing is sent here'))) {
  const tickets = new HeldTickets();
  const handler = new CommitStepsHandler(database, new TicketWindows(database));
  const bus = { execute: (command: CommitSteps) => handler.execute(command) } as unknown as CommandBus;
  const committer = new Committer(bus, { emit: () => {} } as unknown as Notifications, tickets, logger);
  const toolbox = {
    toolsFor: (_job: unknown, idempotencyKey: string, signal: AbortSignal) => ({
      idempotencyKey,
      signal,
      send: (request: OutboundRequest) => send(request, idempotencyKey, signal),
    }),
  } as unknown as EffectToolbox;
  const versions = new CompiledVersions(database);
  const runner = new TaskRunner(
    database,
    versions,
    new TenantDirectory(database),
    new Leases(database),
    committer,
    tickets,
    idle,
    new WakeUps(),
    toolbox,
    new Blobs(database),
    new Callees(database, versions),
    { begin: () => Promise.resolve() } as unknown as RequestRunner,
    new FailingTasks(database, committer, new WakeUps(), logger),
    { fusion: true, slowFor: () => () => Promise.reject(new Error('no slow expression is used here')), publicUrl: 'http://localhost' },
    logger,
  );
  const step = async () => runner.handle([...tickets.out.splice(0), ...(await dueTickets())]);
  return {
    tickets,
    committer,
    step,
    /** Works until the run has this status */
    until: (id: string, status: string) =>
      eventually(async () => {
        await step();
        expect(await statusOf(id)).toBe(status);
      }),
    start: async (workflowId: string, input: JsonObject = { text: 'hello' }) =>
      (await new TriggerNodeHandler(store, tickets, tools).execute(new TriggerNode(tenantId, workflowId, 'in', 'ada', input, undefined)))
        .executionId,
    pause: (id: string) => new PauseExecutionHandler(store, tickets).execute(new PauseExecution(tenantId, id, 'ada')),
    resume: (id: string) => new ResumeExecutionHandler(store, tickets).execute(new ResumeExecution(tenantId, id, 'ada')),
    retry: (id: string, named?: RetryExecution['named']) =>
      new RetryExecutionHandler(store, tickets).execute(new RetryExecution(tenantId, id, 'ada', named)),
    rerun: (id: string, version: 'same' | 'newest' = 'same', input?: object) =>
      new RerunExecutionHandler(store, tickets, tools).execute(
        new RerunExecution(tenantId, id, 'ada', version, input === undefined ? undefined : JSON.parse(JSON.stringify(input))),
      ),
    bulk: (action: BulkExecutions['action'], filter: BulkExecutions['filter'], mode: BulkExecutions['mode'] = 'do') =>
      new BulkExecutionsHandler(store, tickets, tools).execute(new BulkExecutions(tenantId, 'ada', action, filter, mode)),
    move: (workflowId: string, mode: MoveRuns['mode'] = 'do') =>
      new MoveRunsHandler(store).execute(new MoveRuns(tenantId, workflowId, 'ada', 1, 2, {}, mode)),
    decide: (token: string, decision: 'approve' | 'reject' = 'approve') =>
      new DecideApprovalHandler(store, tickets).execute(new DecideApproval(token, { decision, comment: 'fine', by: 'Bo' })),
    resolve: (id: string, key: string, resolution: ResolveEffect['resolution']) =>
      new ResolveEffectHandler(store, tickets).execute(new ResolveEffect(tenantId, id, key, resolution)),
    retryLetter: (id: string, tenant = tenantId) =>
      new RetryDeadLetterHandler(store, tickets).execute(new RetryDeadLetter(tenant, id, 'ada')),
    discardLetter: (id: string, tenant = tenantId) => new DiscardDeadLetterHandler(store).execute(new DiscardDeadLetter(tenant, id, 'ada')),
    retryLetters: (filter: DeadLetterFilter, ratePerSecond?: number) =>
      new RetryDeadLettersHandler(store, tickets).execute(new RetryDeadLetters(tenantId, 'ada', filter, ratePerSecond)),
    discardLetters: (filter: DeadLetterFilter) =>
      new DiscardDeadLettersHandler(store).execute(new DiscardDeadLetters(tenantId, 'ada', filter)),
  };
}

const statusOf = async (id: string) => (await admin.query('SELECT status FROM workflow_executions WHERE id = $1', [id])).rows[0]?.status;
const runOf = async (id: string) => (await admin.query('SELECT * FROM workflow_executions WHERE id = $1', [id])).rows[0];
const eventTypes = async (id: string): Promise<string[]> =>
  (await admin.query('SELECT type FROM domain_events WHERE aggregate_id = $1 ORDER BY aggregate_version', [id])).rows.map(
    ({ type }) => type,
  );
const count = (types: readonly string[], type: string) => types.filter((one) => one === type).length;

async function publish(graph: Graph, settings: object = {}): Promise<string> {
  const workflowId = newId();
  await admin.query(
    `INSERT INTO workflows (tenant_id, id, name, status, revision, version, published_revision, draft, created_by)
     VALUES ($1, $2, 'w', 'published', 1, 1, 1, $3, 'test')`,
    [tenantId, workflowId, JSON.stringify(graph)],
  );
  await admin.query(
    `INSERT INTO workflow_versions (tenant_id, id, workflow_id, version, graph, settings, published_by) VALUES ($1, $2, $3, 1, $4, $5, 'test')`,
    [tenantId, newId(), workflowId, JSON.stringify(graph), JSON.stringify(settings)],
  );
  return workflowId;
}

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

async function publishNext(workflowId: string, graph: Graph): Promise<void> {
  await admin.query(
    `INSERT INTO workflow_versions (tenant_id, id, workflow_id, version, graph, settings, published_by) VALUES ($1, $2, $3, 2, $4, '{}', 'test')`,
    [tenantId, newId(), workflowId, JSON.stringify(graph)],
  );
  await admin.query('UPDATE workflows SET version = 2 WHERE id = $1', [workflowId]);
}
const ok: OutboundResponse = { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from('{}') };
const refused = () => Promise.reject(new NodeFailure('refused', 'refused', { retryable: false }));

const calling = (policy?: Graph['nodes'][number]['policy']): Graph => ({
  nodes: [
    node('in', 'trigger.manual'),
    node('call', 'http.request', { method: 'POST', url: 'http://target.test/' }, policy),
    node('end', 'data.set', { values: { done: true } }),
  ],
  edges: [edge('in', 'call'), edge('call', 'end')],
});
const delaying = (ms: number): Graph => ({
  nodes: [node('in', 'trigger.manual'), node('wait', 'flow.delay', { ms }), node('end', 'data.set', { values: { done: true } })],
  edges: [edge('in', 'wait'), edge('wait', 'end')],
});

describe('pausing', () => {
  it('holds tasks until the run is resumed, then they run at once', async () => {
    let sent = 0;
    const one = system(() => {
      sent += 1;
      return Promise.resolve(ok);
    });
    const id = await one.start(await publish(calling()));
    await one.step();
    const early = [...one.tickets.out];
    expect(await one.pause(id)).toEqual({ id, status: 'paused' });
    await expect(one.pause(id)).rejects.toMatchObject({ code: 'execution_is_paused' });
    one.tickets.out.push(...early);
    await one.step();
    await one.step();
    expect(sent).toBe(0);
    expect(await one.resume(id)).toEqual({ id, status: 'running' });
    await expect(one.resume(id)).rejects.toMatchObject({ code: 'execution_is_not_paused' });
    expect(one.tickets.out).toHaveLength(1);
    await one.until(id, 'completed');
    expect(sent).toBe(1);
  });

  it('before it began, a run begins when it is resumed', async () => {
    const one = system();
    const id = await one.start(await publish(delaying(1)));
    await one.pause(id);
    await one.step();
    expect(await eventTypes(id)).not.toContain('node.execution.completed');
    await one.resume(id);
    await one.step();
    expect(await statusOf(id)).toBe('waiting');
  });

  it('lets a call that is under way end, and holds what follows', async () => {
    const answer = Promise.withResolvers<OutboundResponse>();
    const sending = Promise.withResolvers<void>();
    const one = system(() => {
      sending.resolve();
      return answer.promise;
    });
    const id = await one.start(await publish(calling()));
    await one.step();
    await one.step();
    await sending.promise;
    await one.pause(id);
    answer.resolve(ok);
    await eventually(async () => expect(count(await eventTypes(id), 'node.execution.completed')).toBe(2));
    await one.step();
    expect(await statusOf(id)).toBe('paused');
    await one.resume(id);
    await one.until(id, 'completed');
  });

  it('loses no timer that fires meanwhile', async () => {
    const one = system();
    const id = await one.start(await publish(delaying(5)));
    await one.step();
    await one.pause(id);
    await eventually(async () => {
      one.tickets.out.push(...(await fireDueTimers(database.pool)));
      await one.step();
      expect(count(await eventTypes(id), 'node.execution.completed')).toBe(2);
    });
    expect(await statusOf(id)).toBe('paused');
    await one.resume(id);
    await one.until(id, 'completed');
  });

  it('a task that a dead worker left does not run while its run is paused', async () => {
    let sent = 0;
    const one = system(() => {
      sent += 1;
      return Promise.resolve(ok);
    });
    const id = await one.start(await publish(calling()));
    await one.step();
    await one.pause(id);
    await admin.query('UPDATE tasks SET run_after = now(), ticketed_at = NULL WHERE execution_id = $1', [id]);
    await one.step();
    await eventually(async () => {
      const { rows } = await admin.query(`SELECT status, run_after = 'infinity' AS held FROM tasks WHERE execution_id = $1`, [id]);
      expect(rows).toEqual([{ status: 'ready', held: true }]);
    });
    expect(sent).toBe(0);
    await one.resume(id);
    await one.until(id, 'completed');
  });

  it('N-12: racing with a step 50 times, nothing is lost and nothing happens twice', async () => {
    const one = system();
    const workflowId = await publish(delaying(1));
    for (let round = 0; round < 50; round += 1) {
      const id = await one.start(workflowId);
      await one.step();
      await eventually(async () => {
        one.tickets.out.push(...(await fireDueTimers(database.pool)));
        expect(one.tickets.out.length).toBeGreaterThan(0);
      });
      const [paused] = await Promise.all([one.pause(id).catch(({ code }: { code: string }) => code), one.step()]);
      if (paused === 'execution_is_over') continue;
      await one.resume(id).catch(({ code }: { code: string }) => expect(code).toBe('execution_is_over'));
      await one.until(id, 'completed');
      expect(count(await eventTypes(id), 'workflow.execution.completed')).toBe(1);
    }
  }, 60_000);
});

describe('retrying', () => {
  it('goes on from the node that failed, with a new key for a call that is known to have failed', async () => {
    const keys: string[] = [];
    const one = system((_request, key) => {
      keys.push(key);
      return keys.length === 1 ? refused() : Promise.resolve(ok);
    });
    const id = await one.start(await publish(calling()));
    await one.until(id, 'failed');
    await expect(one.retry(id, { nodeId: 'end', iteration: '' })).rejects.toMatchObject({ code: 'node_has_not_failed' });
    expect(await one.retry(id, { nodeId: 'call', iteration: '' })).toEqual({ id, status: 'running', nodes: [{ nodeId: 'call' }] });
    await one.until(id, 'completed');
    expect(new Set(keys).size).toBe(2);
    const { rows } = await admin.query('SELECT generation, effect_key, state FROM effects WHERE execution_id = $1', [id]);
    expect(rows).toEqual([{ generation: 2, effect_key: keys[1], state: 'succeeded' }]);
    expect(await runOf(id)).toMatchObject({ error: null, output: { done: true } });
    await expect(one.retry(id)).rejects.toMatchObject({ code: 'execution_has_not_failed' });
  });

  it('keeps the key of a call whose outcome nobody knows', async () => {
    const keys: string[] = [];
    const hanging = Promise.withResolvers<OutboundResponse>();
    const one = system((_request, key) => {
      keys.push(key);
      return keys.length === 1 ? hanging.promise : Promise.resolve(ok);
    });
    const id = await one.start(await publish(calling(), { deadlineMs: 1_000 }));
    await one.step();
    await one.step();
    await eventually(async () => expect(keys).toHaveLength(1));
    await admin.query(`UPDATE timers SET due_at = now() WHERE execution_id = $1`, [id]);
    one.tickets.out.push(...(await fireDueTimers(database.pool)));
    await one.until(id, 'failed');
    await admin.query(`UPDATE workflow_executions SET started_at = now() - interval '1 hour' WHERE id = $1`, [id]);
    await one.retry(id);
    const { rows } = await admin.query(`SELECT due_at > now() AS ahead FROM timers WHERE execution_id = $1 AND node_id = ''`, [id]);
    expect(rows).toEqual([{ ahead: true }]);
    await one.until(id, 'completed');
    expect(keys).toEqual([keys[0], keys[0]]);
    hanging.resolve(ok);
  });

  it.each<[string, Send]>([
    ['was answered 502', () => Promise.resolve({ ...ok, status: 502 })],
    [
      'was not answered in time',
      (_request, _key, signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('called off')), { once: true })),
    ],
  ])('F-15: keeps the key of a call whose last attempt %s: it may have arrived', async (_how, first) => {
    const keys: string[] = [];
    const one = system((request, key, signal) => {
      keys.push(key);
      return keys.length === 1 ? first(request, key, signal) : Promise.resolve(ok);
    });
    const id = await one.start(await publish(calling({ retry: { maxAttempts: 1 }, timeoutMs: 200 })));
    await one.until(id, 'failed');
    await one.retry(id);
    await one.until(id, 'completed');
    expect(keys).toEqual([keys[0], keys[0]]);
    const { rows } = await admin.query('SELECT generation, state FROM effects WHERE execution_id = $1', [id]);
    expect(rows).toEqual([{ generation: 1, state: 'succeeded' }]);
  });

  it('two at once are one', async () => {
    let sent = 0;
    const one = system(() => {
      sent += 1;
      return sent === 1 ? refused() : Promise.resolve(ok);
    });
    const id = await one.start(await publish(calling()));
    await one.until(id, 'failed');
    const answers = await Promise.all([one.retry(id), one.retry(id)].map((asked) => asked.catch(({ code }: { code: string }) => code)));
    expect(answers.filter((answer) => answer === 'execution_has_not_failed')).toHaveLength(1);
    await one.until(id, 'completed');
    expect(sent).toBe(2);
    expect(count(await eventTypes(id), 'workflow.execution.retried')).toBe(1);
  });

  it('takes the turn of its key back', async () => {
    let sent = 0;
    const one = system(() => {
      sent += 1;
      return sent === 1 ? refused() : Promise.resolve(ok);
    });
    const id = await one.start(await publish(calling(), { concurrency: { key: 'trigger.text', limit: 1, onLimit: 'queue' } }));
    await one.until(id, 'failed');
    expect((await admin.query('SELECT state FROM turns WHERE execution_id = $1', [id])).rows).toEqual([]);
    await one.retry(id);
    expect((await admin.query('SELECT state FROM turns WHERE execution_id = $1', [id])).rows).toEqual([{ state: 'holding' }]);
    await one.until(id, 'completed');
    expect((await admin.query('SELECT state FROM turns WHERE execution_id = $1', [id])).rows).toEqual([]);
  });
});

describe('running again', () => {
  it('is another run, linked to the event and the person, with the same or another input', async () => {
    const one = system();
    const first = await one.start(await publish(delaying(60_000)));
    await one.step();
    await expect(one.rerun(first)).rejects.toMatchObject({ code: 'execution_is_under_way' });
    await admin.query(
      `UPDATE workflow_executions SET status = 'completed', trigger_meta = trigger_meta || '{"webhookEventId": "e1", "clientId": "channel"}' WHERE id = $1`,
      [first],
    );
    const { executionId: again } = await one.rerun(first);
    const { executionId: third } = await one.rerun(first, 'newest', { text: 'other' });
    const [was, one1, two] = [await runOf(first), await runOf(again), await runOf(third)];
    expect(one1).toMatchObject({ input: { text: 'hello' }, start_key: `x:${first}:1`, correlation_id: was.correlation_id });
    expect(one1.trigger_meta).toMatchObject({
      source: 'rerun',
      clientId: 'ada',
      webhookEventId: 'e1',
      rerunOf: { executionId: first, clientId: 'channel' },
    });
    expect(two).toMatchObject({ input: { text: 'other' }, start_key: `x:${first}:2` });
    await one.until(again, 'waiting');
  });
});

describe('B-15: an input that is kept apart', () => {
  const naming: Graph = {
    nodes: [node('in', 'trigger.manual'), node('end', 'data.set', { values: { name: '{{ input.name }}' } })],
    edges: [edge('in', 'end')],
  };
  const large = (name: string) => ({ name, text: name.padEnd(100 * 1024, '.') });

  it('is there for a run that begins only when its tenant has room, a rerun with another one too', async () => {
    const one = system();
    const workflowId = await publish(naming);
    const first = await one.start(workflowId, { name: 'first' });
    await one.until(first, 'completed');
    await one.start(await publish(naming));
    await admin.query(`UPDATE tenants SET quotas = '{"maxConcurrentExecutions": 1}' WHERE id = $1`, [tenantId]);
    const held = await one.start(workflowId, large('held'));
    const { executionId: rerun } = await one.rerun(first, 'same', large('rerun'));
    expect([await runOf(held), await runOf(rerun)]).toEqual([undefined, undefined]);
    await admin.query(`UPDATE tenants SET quotas = '{}' WHERE id = $1`, [tenantId]);
    const next = system();
    await next.until(held, 'completed');
    await next.until(rerun, 'completed');
    expect(await runOf(held)).toMatchObject({ output: { name: 'held' } });
    expect(await runOf(rerun)).toMatchObject({ output: { name: 'rerun' } });
  });

  it('says whose turn a rerun takes', async () => {
    const one = system();
    const id = await one.start(await publish(naming, { concurrency: { key: 'trigger.name', limit: 1, onLimit: 'queue' } }), large('Ada'));
    await one.until(id, 'completed');
    const { executionId: again } = await one.rerun(id);
    expect([await runOf(id), await runOf(again)]).toMatchObject([{ concurrency_key: 'Ada' }, { concurrency_key: 'Ada' }]);
    expect((await admin.query('SELECT state FROM turns WHERE execution_id = $1', [again])).rows).toEqual([{ state: 'holding' }]);
    await one.until(again, 'completed');
  });
});

describe.each(['whose answer was lost', 'whose worker died'])('F-16: a call in doubt, %s', (how) => {
  async function inDoubt() {
    const keys: string[] = [];
    const one = system((_request, key) => {
      keys.push(key);
      if (keys.length > 1) return Promise.resolve(ok);
      if (how === 'whose worker died') return new Promise(() => {});
      return Promise.reject(new NodeFailure('lost', 'lost', { retryable: true, outcomeUnknown: true }));
    });
    const id = await one.start(await publish(calling({ effect: 'at_most_once', retry: { maxAttempts: 1 } })));
    await one.step();
    await one.step();
    await eventually(() => expect(keys).toHaveLength(1));
    if (how === 'whose worker died') {
      await admin.query(`UPDATE tasks SET lease_until = now() - interval '1 second' WHERE execution_id = $1`, [id]);
      await requeueExpiredLeases(database.pool, 0);
    }
    await one.until(id, 'waiting');
    return { ...one, id, keys };
  }
  const ledgerOf = async (id: string) => (await admin.query('SELECT state, effect_key FROM effects WHERE execution_id = $1', [id])).rows;

  it('was sent: the node goes on with the given output', async () => {
    const { id, keys, resolve, until } = await inDoubt();
    await expect(resolve(id, 'end', { outcome: 'not_sent' })).rejects.toMatchObject({ code: 'effect_is_not_in_doubt' });
    await resolve(id, 'call', { outcome: 'sent', output: { messageId: 'm' } });
    await until(id, 'completed');
    expect(await ledgerOf(id)).toEqual([{ state: 'succeeded', effect_key: keys[0] }]);
    expect(keys).toHaveLength(1);
  });

  it('N-07: ends by the store’s clock, however far off this machine’s is', async () => {
    const { id, resolve, until } = await inDoubt();
    const hourMs = 3_600_000;
    const leave = await storeClock.follow({ query: () => Promise.resolve({ rows: [{ ms: String(Date.now() + hourMs) }] }) });
    try {
      await resolve(id, 'call', { outcome: 'sent', output: null });
    } finally {
      leave();
      (await storeClock.follow(database.pool))();
    }
    const { rows } = await admin.query(
      `SELECT extract(epoch FROM completed_at - now())::float8 * 1000 AS ms FROM node_executions WHERE workflow_execution_id = $1 AND node_id = 'call'`,
      [id],
    );
    expect(rows[0].ms).toBeGreaterThan(hourMs - 60_000);
    await until(id, 'completed');
  });

  it('was not sent: it is sent once more with the key it had', async () => {
    const { id, keys, resolve, until } = await inDoubt();
    const answers = await Promise.all(
      [1, 2].map(() => resolve(id, 'call', { outcome: 'not_sent' }).catch(({ code }: { code: string }) => code)),
    );
    expect(answers.filter((answer) => answer === 'effect_is_not_in_doubt')).toHaveLength(1);
    await until(id, 'completed');
    expect(keys).toEqual([keys[0], keys[0]]);
    expect(await ledgerOf(id)).toEqual([{ state: 'succeeded', effect_key: keys[0] }]);
  });
});

describe('retrying in loops', () => {
  it('goes on in the items that failed or were under way, nested ones too, and runs no other again', async () => {
    const sent: string[] = [];
    let fails = true;
    const one = system(({ url }) => {
      sent.push(new URL(url).pathname);
      return fails && url.endsWith('/b/2') ? refused() : Promise.resolve(ok);
    });
    const id = await one.start(
      await publish({
        nodes: [
          node('in', 'trigger.manual'),
          node('outer', 'test.each', { items: ['a', 'b'] }),
          node('outerItem', 'data.set', { values: { name: '{{ item }}' } }),
          node('inner', 'test.each', { items: [1, 2, 3] }),
          node('call', 'http.request', { method: 'POST', url: 'http://target.test/{{ nodes.outerItem.output.name }}/{{ item }}' }),
          node('end', 'data.set', { values: { done: true } }),
        ],
        edges: [
          edge('in', 'outer'),
          edge('outer', 'outerItem', 'item'),
          edge('outerItem', 'inner'),
          edge('inner', 'call', 'item'),
          edge('outer', 'end', 'done'),
        ],
      }),
    );
    await one.until(id, 'failed');
    await expect(one.retry(id, { nodeId: 'call', iteration: 'outer:0/inner:0' })).rejects.toMatchObject({ code: 'node_has_not_failed' });
    fails = false;
    const completed = new Set(
      (
        await admin.query(
          `SELECT iteration FROM node_executions WHERE workflow_execution_id = $1 AND node_id = 'call' AND status = 'completed'`,
          [id],
        )
      ).rows.map(({ iteration }) => iteration),
    );
    // What was under way when the run failed has its outcome in the ledger by now.
    await eventually(async () => {
      const { rows } = await admin.query(`SELECT 1 FROM effects WHERE execution_id = $1 AND state = 'intent'`, [id]);
      expect(rows).toEqual([]);
    });
    const { nodes } = await one.retry(id, { nodeId: 'call', iteration: 'outer:1/inner:1' });
    expect(nodes).toContainEqual({ nodeId: 'call', iteration: 'outer:1/inner:1' });
    expect(nodes.filter(({ iteration = '' }) => completed.has(iteration))).toEqual([]);
    await one.until(id, 'completed');
    expect(sent.toSorted()).toEqual(['/a/1', '/a/2', '/a/3', '/b/1', '/b/2', '/b/2', '/b/3']);
    const { rows } = await admin.query(`SELECT iteration, generation FROM effects WHERE execution_id = $1 AND generation > 1`, [id]);
    expect(rows).toEqual([{ iteration: 'outer:1/inner:1', generation: 2 }]);
  });
});

describe('in bulk', () => {
  it('does it to all that fit, says how many, and why not to the others', async () => {
    const one = system();
    const workflowId = await publish(delaying(60_000));
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.push(await one.start(workflowId));
    await eventually(async () => {
      await one.step();
      for (const id of ids) expect(await statusOf(id)).toBe('waiting');
    });
    expect(await one.bulk('pause', { workflowId }, 'count')).toEqual({ count: 3 });
    await one.pause(ids[0] ?? '');
    expect(await one.bulk('pause', { workflowId, nodeId: 'wait' })).toEqual({ count: 2, done: 2, skipped: [], more: false });
    expect(await one.bulk('resume', { workflowId })).toMatchObject({ count: 3, done: 3 });
    for (const id of ids) expect(await statusOf(id)).toBe('waiting');
    expect(() => one.bulk('resume', { workflowId, status: 'failed' })).toThrow('filter.status must be paused to resume, not failed');
    expect(await one.bulk('cancel', { workflowId, dateFrom: '2100-01-01T00:00:00Z' })).toMatchObject({ count: 0, done: 0 });
    expect(await one.bulk('cancel', { workflowId, dateTo: '2100-01-01T00:00:00Z' })).toMatchObject({ count: 3, done: 3 });
    await admin.query(`UPDATE workflows SET status = 'archived' WHERE id = $1`, [workflowId]);
    const { done, skipped } = await one.bulk('rerun', { workflowId });
    expect([done, skipped?.map(({ code }) => code)]).toEqual([0, ids.map(() => 'workflow_not_published')]);
  });

  it('retries and reruns what failed', async () => {
    const keys = new Set<string>();
    let fails = true;
    const one = system((_request, key) => {
      keys.add(key);
      return fails ? refused() : Promise.resolve(ok);
    });
    const workflowId = await publish(calling());
    const ids = [await one.start(workflowId), await one.start(workflowId)];
    for (const id of ids) await one.until(id, 'failed');
    fails = false;
    expect(await one.bulk('rerun', { workflowId, status: 'failed' })).toMatchObject({ count: 2, done: 2 });
    expect(await one.bulk('retry', { workflowId })).toMatchObject({ count: 2, done: 2, skipped: [] });
    for (const id of ids) await one.until(id, 'completed');
    await eventually(async () => {
      await one.step();
      expect(keys.size).toBe(6);
    });
  });
});

describe('an approval', () => {
  const graph: Graph = {
    nodes: [
      node('in', 'trigger.manual'),
      node('ask', 'test.approval'),
      node('yes', 'data.set', { values: { said: '{{ input.comment }}', by: '{{ input.by }}' } }),
    ],
    edges: [edge('in', 'ask'), edge('ask', 'yes', 'approved')],
  };
  const tokenFor = (executionId: string) => approvalToken(Buffer.from('secret'), { tenantId, executionId, nodeId: 'ask', iteration: '' });

  it('is decided once by whoever has the link, and its run goes on', async () => {
    const one = system();
    const id = await one.start(await publish(graph));
    await expect(one.decide(tokenFor(id))).rejects.toMatchObject({ code: 'approval_is_closed' });
    await one.until(id, 'waiting');
    const { rows } = await admin.query('SELECT title, message FROM waits WHERE execution_id = $1', [id]);
    expect(rows).toEqual([{ title: 'Refund <b>5</b>?', message: 'Order 7' }]);
    const answers = await Promise.all(
      [1, 2, 3].map(() => one.decide(tokenFor(id)).catch(({ code }: { code: string }) => ({ status: code }))),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['approval_is_closed', 'approval_is_closed', 'approved']);
    await one.until(id, 'completed');
    expect(await runOf(id)).toMatchObject({ output: { said: 'fine', by: 'Bo' } });
    await expect(one.decide(tokenFor(id))).rejects.toThrow(/^It was approved on /);
  });

  it('is not there for whoever forged the link, whatever it names', async () => {
    const one = system();
    const id = await one.start(await publish(graph));
    await one.until(id, 'waiting');
    const [said = ''] = tokenFor(id).split('.');
    const forged = [
      'nothing',
      `${said}.`,
      `${said}.${'A'.repeat(43)}`,
      approvalToken(Buffer.from('other'), { tenantId, executionId: id, nodeId: 'ask', iteration: '' }),
      approvalToken(Buffer.from('secret'), { tenantId: newId(), executionId: id, nodeId: 'ask', iteration: '' }),
      approvalToken(Buffer.from('secret'), { tenantId, executionId: newId(), nodeId: 'ask', iteration: '' }),
    ];
    const answers = await Promise.all(
      forged.map((token) => one.decide(token).catch(({ code, message }: { code: string; message: string }) => `${code}: ${message}`)),
    );
    expect(new Set(answers)).toEqual(
      new Set(['approval_not_found: This link is not valid. Check that it is whole, or ask for a new one.']),
    );
    expect(await statusOf(id)).toBe('waiting');
  });

  it('is over when its run is', async () => {
    const one = system();
    const workflowId = await publish(graph);
    const id = await one.start(workflowId);
    await one.until(id, 'waiting');
    await one.bulk('cancel', { workflowId });
    await expect(one.decide(tokenFor(id))).rejects.toThrow(/^It is over: the run ended cancelled/);
  });
});

describe('moving runs', () => {
  /** A run that waits on version 1, while version 2 ends with another output. */
  async function waitingBesideNext() {
    const one = system();
    const workflowId = await publish(delaying(60_000));
    const id = await one.start(workflowId);
    await one.until(id, 'waiting');
    const next = delaying(60_000);
    await publishNext(workflowId, {
      ...next,
      nodes: next.nodes.map((each) => (each.id === 'end' ? { ...each, config: { values: { version: 2 } } } : each)),
    });
    return { one, workflowId, id };
  }

  it('moves what waits to a version that agrees with what it has done, where it goes on', async () => {
    const { one, workflowId, id } = await waitingBesideNext();
    expect(await one.move(workflowId, 'look')).toEqual({ count: 1, refused: [], more: false });
    expect(await one.move(workflowId)).toEqual({ count: 1, moved: 1, refused: [], more: false });
    expect((await eventTypes(id)).at(-1)).toBe('workflow.execution.moved');
    await admin.query('UPDATE timers SET due_at = now() WHERE execution_id = $1', [id]);
    one.tickets.out.push(...(await fireDueTimers(database.pool)));
    await one.until(id, 'completed');
    expect(await runOf(id)).toMatchObject({ workflow_version: 2, output: { version: 2 } });
  });

  it('a step that was decided as its run was moved is decided anew: nothing counts that its nodes came to in the old version', async () => {
    const { one, workflowId, id } = await waitingBesideNext();
    const write = one.committer.add.bind(one.committer);
    const moves: object[] = [];
    one.committer.add = async (work) => {
      if (moves.length === 0) moves.push(await one.move(workflowId));
      return write(work);
    };
    await admin.query('UPDATE timers SET due_at = now() WHERE execution_id = $1', [id]);
    one.tickets.out.push(...(await fireDueTimers(database.pool)));
    await one.until(id, 'completed');
    expect(moves).toMatchObject([{ moved: 1 }]);
    expect(await runOf(id)).toMatchObject({ workflow_version: 2, output: { version: 2 } });
  });

  it('Promise 3: leaves where it is what another version does not agree with, and says why', async () => {
    const one = system();
    const workflowId = await publish(delaying(60_000));
    const id = await one.start(workflowId);
    await one.until(id, 'waiting');
    await publishNext(workflowId, {
      nodes: [node('in', 'trigger.manual'), node('other', 'data.set', { values: {} })],
      edges: [edge('in', 'other')],
    });
    const { moved, refused: refusals } = await one.move(workflowId);
    expect([moved, refusals.map(({ executionId }) => executionId)]).toEqual([0, [id]]);
    expect(refusals[0]?.reason).toMatch(/Version 2 has no node "wait"|leads elsewhere in version 2/);
    expect(await runOf(id)).toMatchObject({ workflow_version: 1 });
  });
});

describe('dead letters', () => {
  const lettersOf = async (column: 'execution_id' | 'webhook_event_id' | 'workflow_id', ...ids: readonly string[]): Promise<string[]> =>
    (
      await admin.query(`SELECT dead_letter_id AS id FROM tasks WHERE status = 'dead' AND ${column} = ANY ($1) ORDER BY dead_at, id`, [ids])
    ).rows.map(({ id }) => id);
  const letterOf = async (...of: Parameters<typeof lettersOf>): Promise<string> => {
    const [id, ...others] = await lettersOf(...of);
    if (id === undefined || others.length > 0) throw new Error(`there are ${others.length} more letters than one, or none`);
    return id;
  };
  const saidOf = async (letterId: string) =>
    (
      await admin.query(
        `SELECT type, aggregate_version::int AS version, payload ->> 'by' AS by FROM domain_events WHERE aggregate_id = $1 ORDER BY 2`,
        [letterId],
      )
    ).rows;
  const died = { type: 'task.dead_lettered', version: 1, by: null };
  const wasRetried = { type: 'task.retried', version: 2, by: 'ada' };
  const wasDiscarded = { type: 'task.discarded', version: 2, by: 'ada' };
  const goneTo = { kind: 'not_found', code: 'dead_letter_not_found' };

  type System = ReturnType<typeof system>;

  /** Its call has stopped its worker three times. */
  async function crashed(one: System, workflowId?: string): Promise<string> {
    const id = await one.start(workflowId ?? (await publish(calling())));
    await one.step();
    await admin.query(`UPDATE tasks SET crashes = 3 WHERE execution_id = $1 AND kind = 'effect'`, [id]);
    await one.until(id, 'failed');
    return id;
  }

  const broken: Graph = { nodes: [node('in', 'no.such.type')], edges: [] };
  const mend = (workflowId: string, graph: Graph) =>
    admin.query('UPDATE workflow_versions SET graph = $2 WHERE workflow_id = $1', [workflowId, JSON.stringify(graph)]);
  const plain: Graph = { nodes: [node('in', 'trigger.webhook'), node('end', 'data.set', { values: {} })], edges: [edge('in', 'end')] };

  async function listening(workflowId: string, channelId: string): Promise<void> {
    await admin.query(
      `INSERT INTO webhooks (tenant_id, id, name, workflow_id, node_id, provider, channel_id, trigger_type, action_types, endpoint, status, created_by)
       VALUES ($1, $2, 'h', $3, 'in', 'instagram', $4, 'instagram', '{all}', '/', 'active', 'test')`,
      [tenantId, newId(), workflowId, channelId],
    );
  }

  async function receive(one: System, channelId: string): Promise<string> {
    const id = newId();
    const item = {
      id,
      kind: 'message',
      action: 'message',
      customerId: 'c',
      channelId,
      provider: 'instagram',
      receivedAt: new Date().toISOString(),
    };
    await admin.query(
      `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, item, status, correlation_id, occurred_at, received_at)
       VALUES ($1, $2::uuid, $2::uuid, $3, 'message', 'message', $2::uuid::text, $4, 'received', 'corr', now(), now())`,
      [tenantId, id, channelId, JSON.stringify(item)],
    );
    const { rows } = await admin.query(
      `INSERT INTO tasks (tenant_id, kind, webhook_event_id, ticketed_at) VALUES ($1, 'start', $2, now()) RETURNING id, gen`,
      [tenantId, id],
    );
    one.tickets.out.push(...rows);
    return id;
  }
  const eventStatus = async (id: string) => (await admin.query('SELECT status FROM webhook_events WHERE id = $1', [id])).rows[0].status;
  const eventStory = async (id: string) =>
    (await admin.query('SELECT type, aggregate_version::int AS version FROM domain_events WHERE aggregate_id = $1 ORDER BY 2', [id])).rows;
  const runsOf = async (workflowId: string) =>
    (await admin.query('SELECT status FROM workflow_executions WHERE workflow_id = $1', [workflowId])).rows.map(({ status }) => status);

  it('of a run: retried, it goes on from where it failed, once', async () => {
    const sent: string[] = [];
    const one = system((_request, key) => {
      sent.push(key);
      return Promise.resolve(ok);
    });
    const id = await crashed(one);
    const letter = await letterOf('execution_id', id);
    const answers = await Promise.all([1, 2, 3].map(() => one.retryLetter(letter).catch(({ kind, code }) => ({ kind, code }))));
    expect(answers.filter((answer) => 'id' in answer)).toEqual([{ id: letter, status: 'retried' }]);
    expect(answers.filter((answer) => 'code' in answer)).toEqual([goneTo, goneTo]);
    await one.until(id, 'completed');
    expect(sent).toHaveLength(1);
    expect(await saidOf(letter)).toEqual([died, wasRetried]);
    expect(await lettersOf('execution_id', id)).toEqual([]);
    expect(count(await eventTypes(id), 'workflow.execution.retried')).toBe(1);
  });

  it('of a run: decided too when the run itself is retried, alone or among many', async () => {
    const one = system(() => Promise.resolve(ok));
    const [id, other] = [await crashed(one), await crashed(one)];
    const letters = await lettersOf('execution_id', id, other);
    await one.retry(id);
    await one.bulk('retry', { workflowId: (await runOf(other)).workflow_id });
    expect([await saidOf(letters[0] ?? ''), await saidOf(letters[1] ?? '')]).toEqual([
      [died, wasRetried],
      [died, wasRetried],
    ]);
    await one.until(id, 'completed');
    await one.until(other, 'completed');
  });

  it('of a run: if it dies again, that is another one', async () => {
    const one = system();
    const id = await crashed(one);
    const first = await letterOf('execution_id', id);
    await one.retryLetter(first);
    await admin.query('UPDATE tasks SET crashes = 3 WHERE execution_id = $1', [id]);
    await one.until(id, 'failed');
    const second = await letterOf('execution_id', id);
    expect(second).not.toBe(first);
    expect([await saidOf(first), await saidOf(second)]).toEqual([[died, wasRetried], [died]]);
  });

  it('B-09: of a run whose version no worker knows: refused until one does', async () => {
    const one = system(() => Promise.resolve(ok));
    const graph = calling();
    const workflowId = await publish(graph);
    const id = await one.start(workflowId);
    await mend(workflowId, broken);
    await one.until(id, 'failed');
    const letter = await letterOf('execution_id', id);
    await expect(one.retryLetter(letter)).rejects.toMatchObject({ code: 'graph_is_broken' });
    expect(await lettersOf('execution_id', id)).toEqual([letter]);
    await mend(workflowId, graph);
    await one.retryLetter(letter);
    // A worker of a release that knows it
    const next = system(() => Promise.resolve(ok));
    next.tickets.out.push(...one.tickets.out.splice(0));
    await next.until(id, 'completed');
  });

  it('of an event: retried, it is received again and starts what it had not started', async () => {
    const one = system();
    const channel = newId();
    const [good, bad] = [await publish(plain), await publish(broken)];
    await listening(good, channel);
    await listening(bad, channel);
    const event = await receive(one, channel);
    await one.step();
    expect([await eventStatus(event), await runsOf(good), await runsOf(bad)]).toEqual(['failed', ['completed'], []]);

    const letter = await letterOf('webhook_event_id', event);
    await mend(bad, plain);
    await one.retryLetter(letter);
    expect(await eventStatus(event)).toBe('received');
    // A worker that does not know the version yet
    const next = system();
    next.tickets.out.push(...one.tickets.out.splice(0));
    await next.step();
    expect([await eventStatus(event), await runsOf(good), await runsOf(bad)]).toEqual(['processed', ['completed'], ['completed']]);
    expect(await eventStory(event)).toEqual([
      { type: 'webhook.failed', version: 2 },
      { type: 'webhook.retried', version: 3 },
      { type: 'webhook.processed', version: 4 },
    ]);
    expect(await saidOf(letter)).toEqual([died, wasRetried]);
  });

  it('of what could not begin: retried, it begins when it can', async () => {
    const one = system();
    const rescue = newId();
    const failing: Graph = {
      nodes: [node('in', 'trigger.manual'), node('stop', 'logic.stop', { status: 'failed' })],
      edges: [edge('in', 'stop')],
    };
    await one.until(await one.start(await publish(failing, { errorWorkflow: rescue })), 'failed');
    await eventually(async () => {
      await one.step();
      await letterOf('workflow_id', rescue);
    });
    const letter = await letterOf('workflow_id', rescue);
    const manual: Graph = { ...plain, nodes: plain.nodes.map((each) => (each.id === 'in' ? node('in', 'trigger.manual') : each)) };
    const there = await publish(manual);
    await admin.query('UPDATE workflows SET id = $2 WHERE id = $1', [there, rescue]);
    await admin.query('UPDATE workflow_versions SET workflow_id = $2 WHERE workflow_id = $1', [there, rescue]);
    await one.retryLetter(letter);
    await one.step();
    expect(await runsOf(rescue)).toEqual(['completed']);
    expect(await saidOf(letter)).toEqual([died, wasRetried]);
  });

  it('discarded, it is gone, and what had failed with it stays failed', async () => {
    const one = system();
    const id = await crashed(one);
    const letter = await letterOf('execution_id', id);
    await one.discardLetter(letter);
    expect(await lettersOf('execution_id', id)).toEqual([]);
    expect(await saidOf(letter)).toEqual([died, wasDiscarded]);
    expect(await statusOf(id)).toBe('failed');
    await expect(one.discardLetter(letter)).rejects.toMatchObject(goneTo);
    await expect(one.retryLetter(letter)).rejects.toMatchObject(goneTo);
  });

  it('is decided once, whoever decides', async () => {
    const one = system(() => Promise.resolve(ok));
    for (let round = 0; round < 10; round += 1) {
      const id = await crashed(one);
      const letter = await letterOf('execution_id', id);
      await Promise.allSettled([one.retryLetter(letter), one.discardLetter(letter), one.retry(id), one.discardLetters({})]);
      const [, last, ...more] = await saidOf(letter);
      expect([['task.retried', 'task.discarded'].includes(last?.type), more]).toEqual([true, []]);
      // Its own retry needs no letter.
      await one.until(id, 'completed');
    }
  });

  it('is another tenant’s business alone', async () => {
    const one = system();
    const letter = await letterOf('execution_id', await crashed(one));
    await expect(one.retryLetter(letter, newId())).rejects.toMatchObject(goneTo);
    await expect(one.discardLetter(letter, newId())).rejects.toMatchObject(goneTo);
    expect(await saidOf(letter)).toEqual([died]);
  });

  it('many are retried by a filter, the oldest first, at a rate; what cannot be is said why', async () => {
    const one = system(() => Promise.resolve(ok));
    const workflowId = await publish(calling());
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push(await crashed(one, workflowId));
    const elsewhere = await crashed(one);
    // One whose run went on by itself: its letter was left behind, as by another release.
    await admin.query(`UPDATE workflow_executions SET status = 'completed' WHERE id = $1`, [ids[2]]);
    const letters = await lettersOf('execution_id', ...ids);

    const reason = `The execution ${ids[2]} is completed; only a failed one is retried. Rerun it to begin anew.`;
    expect(await one.retryLetters({ workflowId, reason: 'keeps_failing' })).toEqual({ count: 0, skipped: [], more: false });
    expect(await one.retryLetters({ workflowId, reason: 'crash_loop', kind: 'effect', dateTo: '2020-01-01T00:00:00Z' })).toMatchObject({
      count: 0,
    });
    expect(await one.retryLetters({ workflowId, reason: 'crash_loop', kind: 'effect', dateFrom: '2020-01-01T00:00:00Z' }, 2)).toEqual({
      count: 5,
      skipped: [{ deadLetterId: letters[2], code: 'execution_has_not_failed', reason }],
      more: false,
    });
    const { rows } = await admin.query(
      `SELECT execution_id AS id, round(extract(epoch FROM run_after - created_at) * 2)::int AS half_seconds, ticketed_at FROM tasks
       WHERE execution_id = ANY ($1) AND status = 'ready' ORDER BY run_after`,
      [ids],
    );
    expect(rows).toEqual([
      { id: ids[0], half_seconds: 0, ticketed_at: expect.any(Date) },
      { id: ids[1], half_seconds: 1, ticketed_at: null },
      { id: ids[3], half_seconds: 3, ticketed_at: null },
      { id: ids[4], half_seconds: 4, ticketed_at: null },
      { id: ids[5], half_seconds: 5, ticketed_at: null },
    ]);
    expect(await lettersOf('execution_id', elsewhere)).toHaveLength(1);
    expect(await lettersOf('execution_id', ...ids)).toEqual([letters[2]]);
  });

  it('events are received again at a rate too, and many are discarded by a filter', async () => {
    const one = system();
    const channel = newId();
    const workflowId = await publish(broken);
    await listening(workflowId, channel);
    const events: string[] = [];
    for (let n = 0; n < 4; n += 1) events.push(await receive(one, channel));
    await one.step();
    expect(await one.retryLetters({ workflowId }, 1)).toEqual({ count: 4, skipped: [], more: false });
    const { rows } = await admin.query(
      `SELECT round(extract(epoch FROM run_after - min(run_after) OVER ()))::int AS seconds, crashes, failures FROM tasks
       WHERE webhook_event_id = ANY ($1) ORDER BY run_after`,
      [events],
    );
    expect(rows).toEqual([0, 1, 2, 3].map((seconds) => ({ seconds, crashes: 0, failures: 0 })));
    await admin.query('UPDATE tasks SET run_after = now() WHERE webhook_event_id = ANY ($1)', [events]);
    await eventually(async () => {
      await one.step();
      expect(await lettersOf('webhook_event_id', ...events)).toHaveLength(4);
    });
    expect(await one.discardLetters({ workflowId, kind: 'start' })).toEqual({ count: 4, skipped: [], more: false });
    expect(await lettersOf('webhook_event_id', ...events)).toEqual([]);
    for (const event of events) expect(await eventStatus(event)).toBe('failed');
  });
});
