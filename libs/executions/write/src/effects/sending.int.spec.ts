import { seal } from '@sluice/channels-domain';
import { type Graph, newRun } from '@sluice/engine';
import { type Json, type JsonObject, newId } from '@sluice/kernel';
import {
  catalogue,
  compileWorkflow,
  type EffectNodeType,
  type EffectTools,
  NodeFailure,
  type NodeOutcome,
  type OutgoingEvent,
  type SendingChannel,
} from '@sluice/nodes';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions } from '@sluice/platform-database';
import type { Notifications } from '@sluice/platform-notifications';
import { Paces } from '@sluice/platform-rates';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import { readSettings } from '@sluice/workflows-domain';
import pg from 'pg';
import { Blobs } from '../steps/blobs.js';
import { commitWork } from '../steps/commit-steps.js';
import type { StepTools } from '../steps/run-step.js';
import type { Run } from '../steps/run.js';
import { lastMessageAt } from './customer-events.js';
import { effectId, recordIntents } from './effect-ledger.js';
import { EffectToolbox, type ToolboxOptions } from './effect-toolbox.js';
import { type EffectJob, type EffectOutcome, performEffects } from './perform-effects.js';
import { PutOff } from './put-off.js';

const tenantId = newId();
let stores: TestDatabase;
let database: Database;
let admin: pg.Pool;
/** What the node does in this test */
let run: (tools: EffectTools, config: JsonObject) => Promise<NodeOutcome>;

const byKeyOrText = (key: string, text: Json | undefined, events: readonly OutgoingEvent[]) =>
  events.find((event) => event.kind === 'echo' && (event.reference === key || (event.reference === undefined && event.text === text)));

const sends: EffectNodeType = {
  type: 'test.sends',
  kind: 'effect',
  effect: 'at_least_once',
  title: 'Sends',
  description: '',
  configSchema: { type: 'object' },
  handles: () => ['out'],
  run: ({ config }, tools) => run(tools, config),
  proof: {
    addressee: ({ config }) => ({ channelId: String(config['channelId']), customerId: String(config['to']) }),
    find: ({ config }, key, events) => {
      const echo = byKeyOrText(key, config['text'], events);
      return echo === undefined ? undefined : { messageId: echo.messageId ?? null };
    },
  },
};
const { proof: _, ...withoutProof } = sends;
if (catalogue instanceof Map) {
  for (const type of [sends, { ...withoutProof, type: 'test.sendsBlindly' }]) catalogue.set(type.type, type);
}

beforeAll(async () => {
  stores = await testDatabase();
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 4, role: 'sluice_service', app: 'test', schema: commandStoreSchema };
  database = new Database(await dataSourceFor(options).initialize(), options);
  admin = new pg.Pool({ connectionString: stores.commandUrl });
});

afterAll(async () => {
  await database.onApplicationShutdown();
  await admin.end();
  await stores.drop();
});

interface Sending {
  readonly job: EffectJob;
  readonly channelId: string;
  readonly customerId: string;
}

/** A run that stands at its sending node, whose task is leased. */
async function sending(policy: Graph['nodes'][number]['policy'] = { effect: 'verify' }, type = 'test.sends'): Promise<Sending> {
  const [channelId, customerId, id, workflowId] = [newId(), newId(), newId(), newId()];
  const config = { channelId, to: customerId, text: 'Hello!' };
  const graph: Graph = {
    nodes: [
      { id: 'in', type: 'trigger.webhook', config: {} },
      { id: 'send', type, config, ...(policy === undefined ? {} : { policy }) },
    ],
    edges: [{ source: 'in', target: 'send' }],
  };
  const startedAt = new Date().toISOString();
  const trigger = {
    source: 'manual',
    sourceType: 'api',
    actionType: 'test',
    customerId,
    clientId: channelId,
    receivedAt: startedAt,
  } as const;
  const compiled = compileWorkflow(graph);
  const theRun: Run = {
    tenantId,
    id,
    workflowId,
    workflowVersion: 1,
    versionId: newId(),
    version: 1,
    startKey: id,
    trigger,
    customerId,
    correlationId: 'corr',
    startedAt,
    parent: null,
    depth: 0,
    concurrencyKey: null,
    state: {
      ...newRun('in', {}),
      nodes: new Map([
        ['in', { id: newId(), status: 'completed', attempt: 1, handle: 'out', output: {} }],
        ['send', { id: newId(), status: 'running', attempt: 1, startedAt }],
      ]),
    },
  };
  await admin.query(
    `INSERT INTO workflow_executions (tenant_id, id, workflow_id, workflow_version, version_id, version, status, start_key, entry_node_id, trigger_meta,
                                      correlation_id, input, started_at)
     VALUES ($1, $2::uuid, $3, 1, $4, 1, 'running', $2::uuid::text, 'in', $5, 'corr', '{}', now())`,
    [tenantId, id, workflowId, theRun.versionId, JSON.stringify(trigger)],
  );
  const { rows } = await admin.query<{ id: string }>(
    `INSERT INTO tasks (tenant_id, kind, execution_id, node_id) VALUES ($1, 'effect', $2, 'send') RETURNING id`,
    [tenantId, id],
  );
  const task = { id: Number(rows[0]?.id), tenantId, kind: 'effect', executionId: id, nodeId: 'send', iteration: '', attempt: 1, epoch: 0 };
  const lease = { task, signal: new AbortController().signal, isHeld: () => true, end: () => {} } as unknown as EffectJob['lease'];
  const version = { id: theRun.versionId, tenantId, workflowId, version: 1, settings: readSettings({}), compiled };
  const tenant = { id: tenantId, effectSecret: Buffer.from('secret') } as unknown as EffectJob['tenant'];
  return { channelId, customerId, job: { lease, run: theRun, version, tenant, nodeId: 'send', iteration: '' } };
}

/** The job as the next worker has it, who took the task under a lease of its own. */
async function taken({ job }: Sending): Promise<EffectJob> {
  const { rows } = await admin.query<{ epoch: number }>(
    `UPDATE tasks SET status = 'leased', epoch = epoch + 1, lease_owner = $2, lease_until = now() + interval '30 seconds' WHERE id = $1 RETURNING epoch`,
    [job.lease.task.id, newId()],
  );
  return { ...job, lease: { ...job.lease, task: { ...job.lease.task, epoch: rows[0]?.epoch ?? 0 } } };
}

const stepTools = (): StepTools => ({
  slow: () => Promise.reject(new Error('no slow expression is used here')),
  fusion: true,
  env: {},
  blobs: new Blobs(database),
  results: () => Promise.resolve(new Map()),
  callee: () => Promise.reject(new Error('nothing is called here')),
  approvalUrl: () => '',
});

/** One attempt by a worker; undefined: none came of it, its task was put off or lost. */
async function attempt(one: Sending, options: Partial<ToolboxOptions> = {}): Promise<EffectOutcome | undefined> {
  const toolbox = new EffectToolbox(database, { emit: () => {} } as unknown as Notifications, {
    outbound: {
      send: () => Promise.resolve({ status: 200, headers: {}, body: Buffer.from('{}') }),
    } as unknown as ToolboxOptions['outbound'],
    encryption: { keys: [] } as never,
    providerApis: {},
    runCode: () => Promise.reject(new Error('no code runs here')),
    paces: new Paces(() => Date.now()),
    ...options,
  });
  const outcomes: EffectOutcome[] = [];
  await performEffects(
    database,
    [await taken(one)],
    stepTools,
    (job, key, signal, intent) => toolbox.toolsFor(job, key, signal, intent),
    (outcome) => {
      outcomes.push(outcome);
      return Promise.resolve();
    },
    (_job, error) => Promise.reject(error),
  );
  return outcomes[0];
}

const commit = ({ result }: EffectOutcome) =>
  database.withClient((client) =>
    commitWork(client, [{ kind: 'step', tasks: [], step: undefined, effects: result === undefined ? [] : [result] }], {} as never),
  );

const ledgerOf = async ({ job }: Sending) =>
  (await admin.query(`SELECT state, attempts, effect_key, message_id, response FROM effects WHERE execution_id = $1`, [job.run.id]))
    .rows[0];
const taskOf = async ({ job }: Sending) =>
  (
    await admin.query(`SELECT status, attempt, extract(epoch FROM run_after - now())::float8 AS seconds FROM tasks WHERE id = $1`, [
      job.lease.task.id,
    ])
  ).rows[0];

/** A worker recorded its intent, sent or not, and died. */
async function died(one: Sending, secondsAgo = 0): Promise<string> {
  const job = await taken(one);
  const place = { tenantId, executionId: job.run.id, nodeId: 'send', iteration: '' };
  const { id: taskId, epoch: taskEpoch } = job.lease.task;
  const { effectSecret } = job.tenant;
  const recorded = await recordIntents(database, [{ ...place, taskId, taskEpoch, effectSecret, requestHash: Buffer.alloc(32) }]);
  await admin.query(
    `UPDATE effects SET created_at = now() - $2 * interval '1 second', updated_at = now() - $2 * interval '1 second' WHERE execution_id = $1`,
    [job.run.id, secondsAgo],
  );
  return recorded.get(effectId(place))?.effectKey ?? '';
}

async function hear(
  of: { channelId: string; customerId: string | null },
  item: JsonObject,
  receivedAt = new Date(),
  occurredAt = receivedAt,
) {
  const id = newId();
  const { kind = 'echo', action = 'message' } = item;
  await admin.query(
    `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, customer_id, item, status, correlation_id, occurred_at,
                                 received_at)
     VALUES ($1, $2::uuid, $2::uuid, $3, $4, $5, $2::uuid::text, $6, $7, 'ignored', 'corr', $9, $8)`,
    [
      tenantId,
      id,
      of.channelId,
      kind,
      action,
      of.customerId,
      JSON.stringify({ kind, action, direction: 'out', ...item }),
      receivedAt.toISOString(),
      occurredAt.toISOString(),
    ],
  );
}

const sent: string[] = [];
const accepts = (tools: EffectTools): Promise<NodeOutcome> => {
  sent.push(tools.idempotencyKey);
  return Promise.resolve({ kind: 'done', handle: 'out', output: { messageId: 'm-sent' } });
};
beforeEach(() => {
  sent.length = 0;
  run = accepts;
});

describe('F-15, F-21: a worker died between send and commit, and the node is to verify', () => {
  it('is done with what its echo says, and nothing is sent again', async () => {
    const one = await sending();
    const key = await died(one);
    await hear(one, { text: 'Hello!', messageId: 'm-1', reference: key });
    const outcome = await attempt(one);
    expect(outcome?.outcome.fact).toMatchObject({ type: 'node.completed', handle: 'out', output: { messageId: 'm-1' } });
    expect(sent).toEqual([]);
    if (outcome !== undefined) await commit(outcome);
    expect(await ledgerOf(one)).toMatchObject({ state: 'succeeded', attempts: 2, message_id: 'm-1', effect_key: key });
    const sentByIt = { channelId: one.channelId, messageIds: ['m-1'] };
    expect(outcome?.outcome.fact).toMatchObject({ sent: sentByIt });
    // Whoever comes later finds it done.
    expect((await attempt(one))?.outcome.fact).toMatchObject({ type: 'node.completed', output: { messageId: 'm-1' }, sent: sentByIt });
    expect(sent).toEqual([]);
  });

  it('waits a while for an echo that comes late, and spends no attempt', async () => {
    const one = await sending();
    const key = await died(one);
    for (const attempts of [2, 3]) {
      expect(await attempt(one)).toBeUndefined();
      expect(await taskOf(one)).toMatchObject({ status: 'ready', attempt: 1 });
      expect((await taskOf(one)).seconds).toBeGreaterThan(0);
      expect(await ledgerOf(one)).toMatchObject({ state: 'intent', attempts, response: { error: { code: 'proof_awaited' } } });
    }
    await hear(one, { text: 'Hello!', messageId: 'm-2', reference: key });
    expect((await attempt(one))?.outcome.fact).toMatchObject({ type: 'node.completed', output: { messageId: 'm-2' } });
    expect(sent).toEqual([]);
  });

  it('sends again, with the same key, when nothing was told for half a minute', async () => {
    const one = await sending();
    const key = await died(one, 31);
    expect((await attempt(one))?.outcome.fact).toMatchObject({ type: 'node.completed', output: { messageId: 'm-sent' } });
    expect(sent).toEqual([key]);
    // That worker dies as well: its own half a minute begins, whatever was known of the first.
    expect(await attempt(one)).toBeUndefined();
    expect(sent).toEqual([key]);
  });

  it('remembers since when it waits, however often it is put off', async () => {
    const one = await sending();
    const key = await died(one, 5);
    expect(await attempt(one)).toBeUndefined();
    const { since } = (await ledgerOf(one)).response.unknown;
    expect(Date.now() - Date.parse(since)).toBeGreaterThan(4_000);
    expect(await attempt(one)).toBeUndefined();
    expect((await ledgerOf(one)).response.unknown).toMatchObject({ since });
    await admin.query(
      `UPDATE effects SET response = jsonb_set(response, '{unknown,since}', to_jsonb(now() - interval '31 seconds')) WHERE execution_id = $1`,
      [one.job.run.id],
    );
    await attempt(one);
    expect(sent).toEqual([key]);
  });

  it('takes the echo of another node’s message for no proof', async () => {
    const [first, second] = [await sending(), await sending()];
    const done = await attempt(first);
    if (done !== undefined) await commit(done);
    expect(await ledgerOf(first)).toMatchObject({ message_id: 'm-sent' });
    const key = await died(second, 31);
    await hear(second, { text: 'Hello!', messageId: 'm-sent' });
    await attempt(second);
    expect(sent).toEqual([expect.any(String), key]);
  });

  it('takes what was said before the first attempt, by others or elsewhere for no proof', async () => {
    const one = await sending();
    const key = await died(one, 120);
    await hear(one, { text: 'Hello!', messageId: 'm-3' }, new Date(Date.now() - 240_000));
    await hear(one, { kind: 'message', text: 'Hello!', messageId: 'm-4', direction: 'in' });
    await hear({ ...one, customerId: 'somebody' }, { text: 'Hello!', messageId: 'm-5' });
    await hear({ ...one, channelId: newId() }, { text: 'Hello!', messageId: 'm-6' });
    await attempt(one);
    expect(sent).toEqual([key]);
  });

  it('sends again at once where its type knows no proof', async () => {
    const one = await sending({ effect: 'verify' }, 'test.sendsBlindly');
    const key = await died(one);
    await attempt(one);
    expect(sent).toEqual([key]);
  });
});

describe('F-15 an attempt whose answer was lost', () => {
  const loses = (tools: EffectTools): Promise<NodeOutcome> => {
    sent.push(tools.idempotencyKey);
    const options = { retryable: true, outcomeUnknown: true, retryAfterMs: 5_000 };
    return Promise.reject(new NodeFailure('outbound_connection_lost', 'The connection was lost.', options));
  };

  it('is looked for before anything is said of it, and spends no attempt meanwhile', async () => {
    const one = await sending();
    run = loses;
    for (const attempts of [1, 2]) {
      expect(await attempt(one)).toBeUndefined();
      expect(await taskOf(one)).toMatchObject({ status: 'ready', attempt: 1 });
      expect(await ledgerOf(one)).toMatchObject({ state: 'intent', attempts, response: { error: { code: 'proof_awaited' } } });
    }
    await hear(one, { text: 'Hello!', messageId: 'm-7', reference: sent[0] ?? '' });
    expect((await attempt(one))?.outcome.fact).toMatchObject({ type: 'node.completed', output: { messageId: 'm-7' } });
    expect(sent).toHaveLength(1);
  });

  it('fails as it did when nothing was told for half a minute, the last one too; the next is sent at once', async () => {
    const one = await sending();
    run = loses;
    expect(await attempt(one)).toBeUndefined();
    await admin.query(
      `UPDATE effects SET response = jsonb_set(response, '{unknown,since}', to_jsonb(now() - interval '31 seconds')) WHERE execution_id = $1`,
      [one.job.run.id],
    );
    const failed = await attempt(one);
    const error = { code: 'outbound_connection_lost', message: 'The connection was lost.' };
    expect(failed?.outcome.fact).toMatchObject({ type: 'node.failed', retryable: true, retryAfterMs: 5_000, error });
    expect(sent).toHaveLength(1);
    if (failed !== undefined) await commit(failed);
    expect(await ledgerOf(one)).toMatchObject({ state: 'failed', response: { error } });
    run = accepts;
    expect((await attempt(one))?.outcome.fact).toMatchObject({ type: 'node.completed', output: { messageId: 'm-sent' } });
    expect(new Set(sent).size).toBe(1);
    expect(sent).toHaveLength(2);
  });

  it('B-04: is looked for whatever its provider said that Postgres refuses, which is cleaned', async () => {
    const one = await sending();
    run = async (tools) => {
      await loses(tools).catch(() => {});
      const details = { status: 502, body: 'No\0 gateway \ud800' };
      throw new NodeFailure('provider_unavailable', 'Sorry\0', { retryable: true, outcomeUnknown: true, details });
    };
    expect(await attempt(one)).toBeUndefined();
    expect(await taskOf(one)).toMatchObject({ status: 'ready', attempt: 1 });
    const cleaned = { message: 'Sorry\ufffd', details: { status: 502, body: 'No\ufffd gateway \ufffd' } };
    expect(await ledgerOf(one)).toMatchObject({ state: 'intent', response: { error: { code: 'proof_awaited' }, lost: cleaned } });
    expect(sent).toHaveLength(1);
  });

  it('has an unknown outcome still when it has failed: an echo that comes later yet keeps it from being sent again', async () => {
    const one = await sending();
    run = loses;
    expect(await attempt(one)).toBeUndefined();
    const since = new Date(Date.now() - 31_000).toISOString();
    await admin.query(`UPDATE effects SET response = jsonb_set(response, '{unknown,since}', to_jsonb($2::text)) WHERE execution_id = $1`, [
      one.job.run.id,
      since,
    ]);
    const failed = await attempt(one);
    if (failed !== undefined) await commit(failed);
    expect(await ledgerOf(one)).toMatchObject({ state: 'failed', attempts: 2, response: { unknown: { since, attempts: 2 } } });
    await hear(one, { text: 'Hello!', messageId: 'm-9', reference: sent[0] ?? '' });
    expect((await attempt(one))?.outcome.fact).toMatchObject({ type: 'node.completed', output: { messageId: 'm-9' } });
    expect(sent).toHaveLength(1);
  });

  it('fails at once where its type knows no proof', async () => {
    const one = await sending({ effect: 'verify' }, 'test.sendsBlindly');
    run = loses;
    expect((await attempt(one))?.outcome.fact).toMatchObject({ type: 'node.failed', error: { code: 'outbound_connection_lost' } });
  });
});

it('an attempt that is known to have failed is made again at once', async () => {
  const one = await sending();
  run = () => Promise.reject(new NodeFailure('provider_unavailable', 'Later.', { retryable: true }));
  const failed = await attempt(one);
  if (failed !== undefined) await commit(failed);
  run = accepts;
  expect((await attempt(one))?.outcome.fact).toMatchObject({ type: 'node.completed' });
});

describe('pace', () => {
  const channel = (one: Sending): SendingChannel => ({
    id: one.channelId,
    provider: 'test',
    externalAccountId: null,
    config: {},
    accessToken: 'token',
  });
  const request = { method: 'POST', url: 'https://provider.example/', headers: {} };

  /** Grants or refuses as it is told, and remembers how long was offered to be waited. */
  function paces(...answers: { taken: boolean; waitMs: number }[]) {
    const asked: { account: string; waitMsMax: number }[] = [];
    const take: Paces['take'] = (account, _budgets, waitMsMax) => {
      asked.push({ account, waitMsMax });
      return Promise.resolve(answers[asked.length - 1] ?? { taken: true, waitMs: 0 });
    };
    return { asked, paces: { take } };
  }
  const budgets = [{ key: 'account', calls: 80, perMs: 1_000 }];

  it('lets a task come again when there is room: no attempt is spent, however long that takes, and it goes before newer ones then', async () => {
    const one = await sending({ effect: 'at_most_once' });
    run = async (tools) => {
      await tools.pace(channel(one), budgets);
      return accepts(tools);
    };
    const busy = { taken: false, waitMs: 90_000 };
    const { asked, paces: some } = paces(busy, busy);
    expect(await attempt(one, { paces: some })).toBeUndefined();
    expect(await taskOf(one)).toMatchObject({ status: 'ready', attempt: 1 });
    expect((await taskOf(one)).seconds).toBeGreaterThan(60);
    expect(await ledgerOf(one)).toMatchObject({ state: 'failed', response: { error: { code: 'paced' } } });
    await admin.query(`UPDATE effects SET updated_at = now() - interval '2 hours' WHERE execution_id = $1`, [one.job.run.id]);
    expect(await attempt(one, { paces: some })).toBeUndefined();
    // It was never sent: nothing is in doubt.
    expect((await attempt(one, { paces: some }))?.outcome.fact).toMatchObject({ type: 'node.completed' });
    expect(sent).toHaveLength(1);
    expect(asked).toEqual([
      { account: `${tenantId}/${one.channelId}`, waitMsMax: 1_000 },
      { account: `${tenantId}/${one.channelId}`, waitMsMax: 3_000 },
      { account: `${tenantId}/${one.channelId}`, waitMsMax: 3_000 },
    ]);
  });

  it('B-04: waits whatever it is told that Postgres refuses, which is cleaned', async () => {
    const one = await sending();
    run = () => Promise.reject(new PutOff('channel_paused', 'Sorry\0', { afterMs: 5_000, isFirstCall: true, ends: false }));
    expect(await attempt(one)).toBeUndefined();
    expect(await taskOf(one)).toMatchObject({ status: 'ready', attempt: 1 });
    const error = { code: 'channel_paused', message: 'Sorry\ufffd' };
    expect(await ledgerOf(one)).toMatchObject({ state: 'failed', response: { error } });
  });

  it('waits here for a place that comes soon', async () => {
    const one = await sending();
    run = async (tools) => {
      await tools.pace(channel(one), budgets);
      return accepts(tools);
    };
    const began = performance.now();
    expect((await attempt(one, paces({ taken: true, waitMs: 300 })))?.outcome.fact).toMatchObject({ type: 'node.completed' });
    expect(performance.now() - began).toBeGreaterThan(299);
  });

  it('after something was sent it waits as long as the node may take, and then the attempt fails', async () => {
    const one = await sending({ effect: 'at_least_once', timeoutMs: 20_000 });
    run = async (tools) => {
      await tools.pace(channel(one), budgets);
      await tools.send(request);
      await tools.pace(channel(one), budgets);
      return accepts(tools);
    };
    const { asked, paces: some } = paces({ taken: true, waitMs: 0 }, { taken: false, waitMs: 40_000 });
    expect((await attempt(one, { paces: some }))?.outcome.fact).toMatchObject({
      type: 'node.failed',
      error: { code: 'paced' },
      retryable: true,
      retryAfterMs: 40_000,
    });
    expect(asked[1]?.waitMsMax).toBeGreaterThan(10_000);
    expect(asked[1]?.waitMsMax).toBeLessThanOrEqual(19_000);
  });

  it('keeps an unknown outcome unknown', async () => {
    const one = await sending({ effect: 'verify' });
    const key = await died(one, 31);
    run = async (tools) => {
      await tools.pace(channel(one), budgets);
      return accepts(tools);
    };
    const { paces: some } = paces({ taken: false, waitMs: 5_000 });
    expect(await attempt(one, { paces: some })).toBeUndefined();
    expect(await ledgerOf(one)).toMatchObject({ state: 'intent', response: { error: { code: 'paced' } } });
    await hear(one, { messageId: 'm-8', reference: key });
    expect((await attempt(one, { paces: some }))?.outcome.fact).toMatchObject({ output: { messageId: 'm-8' } });
    expect(sent).toEqual([]);
  });
});

describe('when a customer last wrote', () => {
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
  const wrote = { kind: 'message', direction: 'in' };

  it('is when the newest of their messages was written, not read, unsent, edited, answered or commented', async () => {
    const [channelId, customerId] = [newId(), newId()];
    const of = { channelId, customerId };
    expect(await lastMessageAt(database.pool, tenantId, of)).toBeUndefined();
    await hear(of, wrote, minutesAgo(60));
    // It comes after what was written later.
    await hear(of, wrote, minutesAgo(20), minutesAgo(600));
    await hear(of, { kind: 'seen', action: 'seen', direction: 'in' });
    await hear(of, { kind: 'unsend', action: 'message', direction: 'in' });
    await hear(of, { kind: 'message_edit', action: 'message_edit', direction: 'in' });
    await hear(of, { kind: 'comment', action: 'comment', direction: 'in' });
    await hear(of, { kind: 'echo' });
    await hear({ channelId: newId(), customerId }, wrote);
    const at = await lastMessageAt(database.pool, tenantId, of);
    expect(Math.round((Date.now() - (at?.getTime() ?? 0)) / 60_000)).toBe(60);
    expect(await lastMessageAt(database.pool, newId(), of)).toBeUndefined();
    expect(await lastMessageAt(database.pool, tenantId, { channelId: 'no id', customerId })).toBeUndefined();
    await hear(of, { kind: 'postback', action: 'postback', direction: 'in' }, minutesAgo(5));
    const pressed = await lastMessageAt(database.pool, tenantId, of);
    expect(Math.round((Date.now() - (pressed?.getTime() ?? 0)) / 60_000)).toBe(5);
  });

  it('is found by each of their ids', async () => {
    const [channelId, phone, userId] = [newId(), newId(), newId()];
    await hear({ channelId, customerId: phone }, wrote, minutesAgo(30));
    await hear({ channelId, customerId: userId }, { ...wrote, customerAliases: [phone] }, minutesAgo(40));
    for (const customerId of [phone, userId]) {
      const at = await lastMessageAt(database.pool, tenantId, { channelId, customerId });
      expect(Math.round((Date.now() - (at?.getTime() ?? 0)) / 60_000)).toBe(30);
    }
    await hear({ channelId, customerId: userId }, { ...wrote, customerAliases: [phone] }, minutesAgo(10));
    const at = await lastMessageAt(database.pool, tenantId, { channelId, customerId: phone });
    expect(Math.round((Date.now() - (at?.getTime() ?? 0)) / 60_000)).toBe(10);
  });
});

describe('a channel whose token is dead', () => {
  const keys = [{ id: 'k1', key: Buffer.alloc(32, 7) }];
  const encryption = { keys, supabase: undefined };

  async function connected(one: Sending, health = 'ok'): Promise<void> {
    const { keyId, bytes } = seal(JSON.stringify({ signingSecrets: ['s'], accessToken: 'token' }), `${tenantId}|${one.channelId}|3`, keys);
    await admin.query(
      `INSERT INTO channels (tenant_id, id, provider, name, status, created_by, credentials_version, health, health_reason)
       VALUES ($1, $2, 'instagram', 'Shop', 'connected', 'ada', 3, $3, '{"code": "190", "message": "Sorry."}')`,
      [tenantId, one.channelId, health],
    );
    await admin.query('INSERT INTO credentials (tenant_id, id, channel_id, version, key_id, sealed) VALUES ($1, $2, $3, 3, $4, $5)', [
      tenantId,
      newId(),
      one.channelId,
      keyId,
      bytes,
    ]);
  }
  const sendsAndFailsWith = (one: Sending, code: string) => async (tools: EffectTools) => {
    await tools.channel(one.channelId);
    await tools.send({ method: 'POST', url: 'https://api.example.com', headers: {} });
    throw new NodeFailure(code, 'Sorry', { retryable: false });
  };
  const taskOf = async ({ job }: Sending) => {
    const { rows } = await admin.query(
      `SELECT status, held_for, run_after > now() + interval '9 minutes' AS later FROM tasks WHERE id = $1`,
      [job.lease.task.id],
    );
    return rows[0];
  };

  it('is told of; what was refused for it waits for new credentials, and no attempt is spent', async () => {
    const one = await sending({ effect: 'at_least_once' });
    await connected(one);
    const dead: object[] = [];
    const onDeadCredentials = (told: object) => Promise.resolve(dead.push(told) > 0);
    run = sendsAndFailsWith(one, 'credentials_expired');
    expect(await attempt(one, { encryption, onDeadCredentials })).toBeUndefined();
    const told = { tenantId, channelId: one.channelId, credentialsVersion: 3, code: 'credentials_expired', message: 'Sorry' };
    expect(dead).toEqual([told]);
    expect(await taskOf(one)).toEqual({ status: 'ready', held_for: one.channelId, later: true });
    expect(await ledgerOf(one)).toMatchObject({ state: 'failed', response: { error: { code: 'channel_paused' } } });

    await admin.query('SELECT wake_held_sends($1, $2)', [tenantId, one.channelId]);
    expect(await taskOf(one)).toEqual({ status: 'ready', held_for: null, later: false });
  });

  it('what waits for it is told once, however often it looks again', async () => {
    const heldOf = async ({ job }: Sending) =>
      (
        await admin.query(
          `SELECT aggregate_version, payload FROM domain_events WHERE type = 'node.effect.held' AND payload ->> 'executionId' = $1`,
          [job.run.id],
        )
      ).rows;
    const one = await sending({ effect: 'at_least_once' });
    await connected(one, 'disconnected');
    run = sendsAndFailsWith(one, 'it was sent');
    for (let looks = 0; looks < 3; looks += 1) expect(await attempt(one, { encryption })).toBeUndefined();
    const { run: theRun } = one.job;
    const nodeRunId = theRun.state.nodes.get('send')?.id;
    const payload = { executionId: theRun.id, workflowId: theRun.workflowId, nodeId: 'send', nodeRunId, channelId: one.channelId };
    expect(await heldOf(one)).toEqual([{ aggregate_version: 1, payload }]);

    // It waited for something else meanwhile: that it waits for its channel is news.
    await admin.query(`UPDATE effects SET response = '{"error": {"code": "paced", "message": ""}}' WHERE execution_id = $1`, [theRun.id]);
    expect(await attempt(one, { encryption })).toBeUndefined();
    expect(await heldOf(one)).toHaveLength(2);
  });

  it('nothing is sent by it, with its reason', async () => {
    const one = await sending({ effect: 'at_least_once' });
    await connected(one, 'disconnected');
    run = sendsAndFailsWith(one, 'it was sent');
    expect(await attempt(one, { encryption })).toBeUndefined();
    expect(await taskOf(one)).toMatchObject({ held_for: one.channelId, later: true });
    const message = 'Channel "Shop" cannot send: Sorry.';
    expect(await ledgerOf(one)).toMatchObject({ response: { error: { code: 'channel_paused', message } } });
  });

  it.each([
    ['known already', () => Promise.resolve(false)],
    ['not to be told of now', () => Promise.reject(new Error('away'))],
  ])('that is %s is looked at again soon', async (_when, onDeadCredentials) => {
    const one = await sending({ effect: 'at_least_once' });
    await connected(one);
    run = sendsAndFailsWith(one, 'credentials_expired');
    expect(await attempt(one, { encryption, onDeadCredentials })).toBeUndefined();
    expect(await taskOf(one)).toEqual({ status: 'ready', held_for: null, later: false });
  });

  it.each([
    ['permission_missing', true],
    ['rate_limited', true],
    ['outbound_connection_lost', false],
    ['credentials_expired', false],
  ])('a send that ends with %s is a refusal of its provider: %p', async (code, isTold) => {
    const one = await sending({ effect: 'at_least_once' });
    await connected(one);
    const refused: object[] = [];
    const onRefusedSend = (told: object) => Promise.resolve(refused.push(told));
    run = sendsAndFailsWith(one, code);
    await attempt(one, { encryption, onRefusedSend });
    expect(refused).toEqual(isTold ? [{ tenantId, channelId: one.channelId, code, message: 'Sorry' }] : []);
  });

  it('a refusal of our own, before anything was sent, is none', async () => {
    const one = await sending({ effect: 'at_least_once' });
    await connected(one);
    const onRefusedSend = () => Promise.reject(new Error('told'));
    run = async (tools) => {
      await tools.channel(one.channelId);
      throw new NodeFailure('window_closed', 'Sorry', { retryable: false });
    };
    expect((await attempt(one, { encryption, onRefusedSend }))?.outcome.fact).toMatchObject({ error: { code: 'window_closed' } });
  });

  it('nobody is told of other failures', async () => {
    const one = await sending({ effect: 'at_least_once' });
    await connected(one);
    const onDeadCredentials = () => Promise.reject(new Error('told'));
    run = sendsAndFailsWith(one, 'window_closed');
    expect((await attempt(one, { encryption, onDeadCredentials }))?.outcome.fact).toMatchObject({ error: { code: 'window_closed' } });
  });
});
