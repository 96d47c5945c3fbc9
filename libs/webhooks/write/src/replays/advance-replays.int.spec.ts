import { newId } from '@sluice/kernel';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import type { Notifications } from '@sluice/platform-notifications';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import type { ReplayRequest } from '@sluice/webhooks-domain';
import pg from 'pg';
import { advanceReplays } from './advance-replays.js';
import { DecideReplay, DecideReplayHandler, type ReplayDecision } from './decide-replay.js';
import { StartReplay, StartReplayHandler } from './start-replay.js';

const tenantId = newId();
let stores: TestDatabase;
let admin: pg.Pool;
let workers: Database[];
let api: Database;
let start: StartReplayHandler;
let decide: DecideReplayHandler;

beforeAll(async () => {
  stores = await testDatabase();
  admin = new pg.Pool({ connectionString: stores.commandUrl });
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 2, role: 'sluice_service', app: 'test', schema: commandStoreSchema };
  const opened = async (role: DatabaseOptions['role']) =>
    new Database(await dataSourceFor({ ...options, role }).initialize(), { ...options, role });
  workers = await Promise.all([1, 2, 3].map(() => opened('sluice_service')));
  api = await opened('sluice_api');
  const store = new CommandStore(api, { emit: () => {} } as unknown as Notifications);
  start = new StartReplayHandler(store);
  decide = new DecideReplayHandler(store);
  await admin.query(`INSERT INTO tenants (id, name, effect_secret) VALUES ($1, 'test', 'secret')`, [tenantId]);
});

afterAll(async () => {
  await Promise.all([...workers, api].map((database) => database.onApplicationShutdown()));
  await admin.end();
  await stores.drop();
});

beforeEach(() => admin.query('TRUNCATE replays, tasks'));

async function connect(): Promise<string> {
  const id = newId();
  await admin.query(
    `INSERT INTO channels (tenant_id, id, provider, name, status, created_by) VALUES ($1, $2, 'instagram', 'Shop', 'connected', 'test')`,
    [tenantId, id],
  );
  return id;
}

interface Given {
  readonly kind?: string;
  readonly status?: string;
  readonly customerId?: string;
  readonly minutesAgo?: number;
}

async function receive(channelId: string, { kind = 'message', status = 'processed', customerId = 'c', minutesAgo = 1 }: Given = {}) {
  const id = newId();
  await admin.query(
    `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, customer_id, item, status, correlation_id,
                                 occurred_at, received_at)
     VALUES ($1, $2::uuid, $2::uuid, $3, $4, 'message', $2::uuid::text, $5, '{}', $6, 'corr', now(), now() - $7 * interval '1 minute')`,
    [tenantId, id, channelId, kind, customerId, status, minutesAgo],
  );
  return id;
}
async function receiveMany(channelId: string, count: number, given: Given = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push(await receive(channelId, given));
  return ids;
}

const hourAgo = () => new Date(Date.now() - 3_600_000).toISOString();
const requestOf = (channelId: string, filter: object = {}, changes: Partial<ReplayRequest> = {}): ReplayRequest => ({
  name: 'Monday',
  filter: { channelId, dateFrom: hourAgo(), dateTo: new Date(Date.now() + 3_600_000).toISOString(), ...filter },
  version: 'newest',
  ratePerSecond: 200,
  reason: 'the shop was closed',
  ...changes,
});
async function replay(request: ReplayRequest): Promise<string> {
  const answer = await start.execute(new StartReplay(tenantId, request, 'ada'));
  if (!('replayId' in answer)) throw new Error(JSON.stringify(answer));
  return answer.replayId;
}
const decided = (id: string, decision: ReplayDecision) => decide.execute(new DecideReplay(tenantId, id, decision, 'ada'));
const first = (): Database => {
  const [worker] = workers;
  if (worker === undefined) throw new Error('there are three');
  return worker;
};
const makeDue = () => admin.query(`UPDATE replays SET due_at = now() - interval '1 hour'`);
const rowOf = async (id: string) => (await admin.query('SELECT * FROM replays WHERE id = $1', [id])).rows[0];
const handedOn = async (replayId: string): Promise<string[]> =>
  (await admin.query(`SELECT webhook_event_id AS id FROM tasks WHERE payload ->> 'replayId' = $1 ORDER BY order_at`, [replayId])).rows.map(
    ({ id }) => id,
  );
const toldOf = async (aggregateId: string) =>
  (
    await admin.query('SELECT type, aggregate_version::int AS version, payload FROM domain_events WHERE aggregate_id = $1 ORDER BY 2', [
      aggregateId,
    ])
  ).rows;
/** Sweeps until it is over; what is due is always overdue. */
async function toItsEnd(id: string, sweep: () => Promise<unknown> = () => advanceReplays(first())): Promise<void> {
  for (let turn = 0; turn < 100 && (await rowOf(id)).status === 'running'; turn += 1) {
    await makeDue();
    await sweep();
  }
  expect((await rowOf(id)).status).toBe('completed');
}

/** Dies as it is about to run its nth statement: the connection closes, and with it the transaction. */
const dyingAt = (statement: number, { pool }: Database): Database =>
  ({
    pool,
    withClient: async (work: (client: pg.PoolClient) => Promise<unknown>) => {
      const client = await pool.connect();
      let run = 0;
      const dying = {
        query: (...parameters: Parameters<pg.PoolClient['query']>) => {
          run += 1;
          if (run === statement) throw new Error('killed');
          return client.query(...parameters);
        },
      } as unknown as pg.PoolClient;
      try {
        await client.query('BEGIN');
        const result = await work(dying);
        await client.query('COMMIT');
        return result;
      } finally {
        client.release(true);
      }
    },
  }) as unknown as Database;

it('hands on each event of the filter, in the order in which they came, and says who wanted it and why', async () => {
  const channelId = await connect();
  const ids = [...(await receiveMany(channelId, 3)), await receive(channelId, { status: 'failed' })];
  await receive(channelId, { status: 'ignored' });
  await receive(channelId, { status: 'held' });
  await receive(channelId, { minutesAgo: 90 });
  await receiveMany(await connect(), 2);
  const id = await replay(requestOf(channelId));
  const late = await receive(channelId, { minutesAgo: -1 });
  await toItsEnd(id);

  expect(await handedOn(id)).toEqual(ids);
  expect(ids).not.toContain(late);
  expect(await toldOf(id)).toMatchObject([
    { type: 'replay.started', version: 1, payload: { name: 'Monday', total: 4, by: 'ada', reason: 'the shop was closed' } },
    { type: 'replay.completed', version: 2, payload: { done: 4 } },
  ]);
  for (const eventId of ids) {
    expect(await toldOf(eventId)).toEqual([
      { type: 'webhook.replayed', version: 2, payload: { replayId: id, by: 'ada', reason: 'the shop was closed' } },
    ]);
  }
  const { rows } = await admin.query('SELECT status, stream_version::int AS version FROM webhook_events WHERE id = ANY ($1)', [ids]);
  expect(rows).toEqual(ids.map(() => ({ status: 'received', version: 2 })));
  const tasks = await admin.query(`SELECT kind, queue, order_key = line_of($1, 'c') AS in_line, payload FROM tasks`, [channelId]);
  expect(tasks.rows).toEqual(
    ids.map(() => ({ kind: 'start', queue: 'bulk', in_line: true, payload: { replayId: id, version: 'newest' } })),
  );
});

it('takes only what every part of the filter fits', async () => {
  const channelId = await connect();
  const wanted = await receive(channelId, { kind: 'order', status: 'failed', customerId: 'ann' });
  await receive(channelId, { kind: 'message', status: 'failed', customerId: 'ann' });
  await receive(channelId, { kind: 'order', status: 'processed', customerId: 'ann' });
  await receive(channelId, { kind: 'order', status: 'failed', customerId: 'bob' });
  const request = requestOf(channelId, { kinds: ['order', 'refund'], status: 'failed', customerId: 'ann', action: 'message' });
  expect(await start.execute(new StartReplay(tenantId, request, 'ada', 'count'))).toEqual({ count: 1 });
  expect((await admin.query('SELECT count(*)::int AS n FROM replays')).rows).toEqual([{ n: 0 }]);
  const id = await replay(request);
  await toItsEnd(id);
  expect(await handedOn(id)).toEqual([wanted]);
});

it('F-27: killed at any statement, it goes on where it was, and hands on each event once', async () => {
  const channelId = await connect();
  const ids = await receiveMany(channelId, 12);
  const id = await replay(requestOf(channelId, {}, { ratePerSecond: 2 }));
  let killed = 0;
  for (let statement = 1; (await rowOf(id)).status === 'running'; statement = (statement % 12) + 1) {
    await makeDue();
    await advanceReplays(dyingAt(statement, first())).catch((error: Error) => {
      if (error.message !== 'killed') throw error;
      killed += 1;
    });
  }
  expect(killed).toBeGreaterThan(6);
  expect(await handedOn(id)).toEqual(ids);
  const versions = (await toldOf(id)).map(({ version }) => version);
  expect(versions).toEqual(versions.map((_, index) => index + 1));
});

it('F-28: several workers that sweep at once hand on each event once', async () => {
  const channelId = await connect();
  const ids = await receiveMany(channelId, 40);
  const replays = [
    await replay(requestOf(channelId, {}, { ratePerSecond: 5 })),
    await replay(requestOf(channelId, {}, { ratePerSecond: 3 })),
  ];
  for (const id of replays) await toItsEnd(id, () => Promise.all(workers.map((worker) => advanceReplays(worker))));
  for (const id of replays) expect(await handedOn(id)).toEqual(ids);
});

it('keeps to its rate, by the database’s clock', async () => {
  const channelId = await connect();
  await receiveMany(channelId, 10);
  const id = await replay(requestOf(channelId, {}, { ratePerSecond: 0.01 }));
  for (let sweep = 0; sweep < 5; sweep += 1) await advanceReplays(first());
  expect(await handedOn(id)).toHaveLength(1);
  // What stood still for an hour makes up for a second.
  await makeDue();
  await admin.query('UPDATE replays SET rate_per_second = 2');
  await advanceReplays(first());
  expect(await handedOn(id)).toHaveLength(4);
});

it('waits while its channel is held, and for what was held then', async () => {
  const channelId = await connect();
  const ids = await receiveMany(channelId, 2);
  const id = await replay(requestOf(channelId));
  for (const status of ['held', 'releasing']) {
    await admin.query('UPDATE channels SET status = $2 WHERE id = $1', [channelId, status]);
    await makeDue();
    await advanceReplays(first());
    expect(await handedOn(id)).toEqual([]);
  }
  await admin.query(`UPDATE channels SET status = 'connected' WHERE id = $1`, [channelId]);
  await toItsEnd(id);
  expect(await handedOn(id)).toEqual(ids);
});

it('is cancelled with its channel', async () => {
  const channelId = await connect();
  await receive(channelId);
  const id = await replay(requestOf(channelId));
  await admin.query(`UPDATE channels SET status = 'deleted' WHERE id = $1`, [channelId]);
  await advanceReplays(first());
  expect(await handedOn(id)).toEqual([]);
  expect(await toldOf(id)).toMatchObject([{ type: 'replay.started' }, { type: 'replay.cancelled', payload: { by: 'sluice' } }]);
});

it('is paused, resumed and cancelled by people', async () => {
  const channelId = await connect();
  await receiveMany(channelId, 5);
  const id = await replay(requestOf(channelId, {}, { ratePerSecond: 0.5 }));
  await advanceReplays(first());
  expect(await decided(id, 'pause')).toEqual({ id, status: 'paused' });
  await makeDue();
  await advanceReplays(first());
  expect(await handedOn(id)).toHaveLength(1);
  expect(await decided(id, 'resume')).toEqual({ id, status: 'running' });
  await makeDue();
  await advanceReplays(first());
  expect(await handedOn(id)).toHaveLength(2);
  expect(await decided(id, 'cancel')).toEqual({ id, status: 'cancelled' });
  await makeDue();
  await advanceReplays(first());
  expect(await handedOn(id)).toHaveLength(2);
  await expect(decided(id, 'resume')).rejects.toMatchObject({ code: 'replay_is_over' });
  await expect(decided(newId(), 'pause')).rejects.toMatchObject({ code: 'replay_not_found' });
});

describe('one event', () => {
  const asked = (eventId: string) => ({ name: 'One', eventId, version: 'newest' as const, reason: 'it failed' });

  it('is replayed by its id, and no other', async () => {
    const channelId = await connect();
    const [, eventId = ''] = await receiveMany(channelId, 3);
    const answer = await start.execute(new StartReplay(tenantId, asked(eventId), 'ada'));
    const id = 'replayId' in answer ? answer.replayId : '';
    await toItsEnd(id);
    expect(await handedOn(id)).toEqual([eventId]);
  });

  it('that starts nothing is refused, as is another tenant’s', async () => {
    const ignored = await receive(await connect(), { status: 'ignored' });
    await expect(start.execute(new StartReplay(tenantId, asked(ignored), 'ada'))).rejects.toMatchObject({ code: 'event_not_replayable' });
    const eventId = await receive(await connect());
    await expect(start.execute(new StartReplay(newId(), asked(eventId), 'eve'))).rejects.toMatchObject({ code: 'webhook_event_not_found' });
    await expect(replay(requestOf(newId()))).rejects.toMatchObject({ code: 'channel_not_found' });
    await expect(replay(requestOf(await connect(), { dateTo: hourAgo(), dateFrom: new Date().toISOString() }))).rejects.toMatchObject({
      code: 'input_is_invalid',
    });
  });
});
