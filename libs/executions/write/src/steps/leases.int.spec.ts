import { newId } from '@sluice/kernel';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions } from '@sluice/platform-database';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { WorkWatch } from '../sweeps/work-watch.js';
import { leaseMs, Leases } from './leases.js';
import { readTasks } from './tasks.js';

const tenantId = newId();
let stores: TestDatabase;
let admin: pg.Pool;
let database: Database;

beforeAll(async () => {
  stores = await testDatabase();
  admin = new pg.Pool({ connectionString: stores.commandUrl });
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 2, role: 'sluice_service', app: 'test', schema: commandStoreSchema };
  database = new Database(await dataSourceFor(options).initialize(), options);
});
afterAll(async () => {
  await database.onApplicationShutdown();
  await admin.end();
  await stores.drop();
});
beforeEach(() => admin.query('TRUNCATE tasks'));

async function task(readySecondsAgo: number, ticketed = true): Promise<number> {
  const { rows } = await admin.query<{ id: string }>(
    `INSERT INTO tasks (tenant_id, kind, execution_id, run_after, ticketed_at)
     VALUES ($1, 'step', $2, now() - $3 * interval '1 second', CASE WHEN $4 THEN now() END) RETURNING id`,
    [tenantId, newId(), readySecondsAgo, ticketed],
  );
  return Number(rows[0]?.id);
}

it('F-22: a lease is not held by the monotonic clock once its time is over, whatever the heartbeat had no time to find', async () => {
  const leases = new Leases(database);
  const [lease] = await leases.take(await readTasks(database.pool, [{ id: await task(0), gen: 1 }]));
  expect(lease?.isHeld()).toBe(true);
  expect(lease?.signal.aborted).toBe(false);

  const { now } = performance;
  const stoodStillUntil = performance.now() + leaseMs;
  performance.now = () => stoodStillUntil;
  expect(lease?.isHeld()).toBe(false);
  performance.now = now;
  await leases.giveBackAll();
});

describe('readiness of a worker', () => {
  const longAgo = () => performance.now() - 61_000;
  const watch = (turnedAt: number, committedAt: number) => new WorkWatch(database, { turnedAt }, { committedAt });

  it('holds while nothing waits, or waits for a ticket, or has not waited long', async () => {
    await watch(performance.now(), longAgo()).assertReady();
    await task(30);
    await task(90, false);
    await watch(performance.now(), longAgo()).assertReady();
  });

  it('ends when a task could run for a minute and this worker has finished nothing for as long', async () => {
    await task(90);
    await watch(performance.now(), performance.now()).assertReady();
    await expect(watch(performance.now(), longAgo()).assertReady()).rejects.toThrow(
      /^a task has been ready for 9\d s, and this worker has finished nothing for 61 s$/,
    );
  });

  it('ends when the sweeps stand still', async () => {
    await expect(watch(longAgo(), performance.now()).assertReady()).rejects.toThrow('the sweeps have not turned for 61 s');
  });
});
