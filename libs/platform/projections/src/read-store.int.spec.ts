import { newId } from '@sluice/kernel';
import { type DatabaseOptions, dataSourceFor, queryStoreSchema, ReadDatabase } from '@sluice/platform-database';
import { eventually, type TestDatabase, testDatabase } from '@sluice/testing';
import { QueriesAreTooMany } from './read-places.js';
import { QueryIsTooSlow, ReadStore } from './read-store.js';

class Store extends ReadDatabase {}
const [greedy, modest] = [newId(), newId()];
let stores: TestDatabase;
let database: Store;
let store: ReadStore;

beforeAll(async () => {
  stores = await testDatabase();
  const options: DatabaseOptions = {
    url: stores.queryUrl,
    poolSize: 6,
    role: 'sluice_read',
    app: 'test',
    schema: queryStoreSchema,
    statementTimeoutMs: 3_000,
  };
  database = new Store(await dataSourceFor(options).initialize(), options);
  store = new ReadStore(database);
});

afterAll(async () => {
  await database.onApplicationShutdown();
  await stores.drop();
});

const reads = (tenantId: string, sql: string) => store.read(tenantId, async (client) => (await client.query(sql)).rows);

it('T-17: a query that takes too long is cut, and says so', async () => {
  await expect(reads(greedy, 'SELECT pg_sleep(60)')).rejects.toThrow(QueryIsTooSlow);
  expect(await reads(greedy, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

it('T-17: one tenant’s slow queries, however many, leave places for the queries of others', async () => {
  let over = 0;
  const flood = Array.from({ length: 30 }, () => reads(greedy, 'SELECT pg_sleep(60)').catch((error: unknown) => ((over += 1), error)));
  await eventually(() => expect(database.pool.totalCount - database.pool.idleCount).toBe(2));
  for (let n = 0; n < 20; n += 1) expect(await reads(modest, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  // Long before any of the others was cut, and with what the credential and the position are read with still free.
  expect(over).toBe(0);
  expect(await database.pool.query('SELECT 1')).toMatchObject({ rowCount: 1 });
  // Each was told: cut, or that there were too many.
  const ends = await Promise.all(flood);
  expect(ends.filter((end) => end instanceof QueryIsTooSlow).length).toBeGreaterThanOrEqual(2);
  expect(ends.every((end) => end instanceof QueryIsTooSlow || end instanceof QueriesAreTooMany)).toBe(true);
  expect(await reads(greedy, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
}, 30_000);

it('T-17: at most so many queries of one tenant wait; the others are told at once', async () => {
  let answered = 0;
  let refusedAtOnce = 0;
  const asked = Array.from({ length: 250 }, () =>
    reads(greedy, 'SELECT pg_sleep(0.001)').then(
      () => void (answered += 1),
      (error: unknown) => {
        // Later ones have waited for too long: a slow machine does not come to all of them.
        if (answered === 0) refusedAtOnce += 1;
        return error;
      },
    ),
  );
  const ends = await Promise.all(asked);
  expect(refusedAtOnce).toBeGreaterThan(0);
  expect(refusedAtOnce).toBeLessThanOrEqual(50);
  const refused = ends.filter((end) => end !== undefined);
  expect(refused.every((reason) => reason instanceof QueriesAreTooMany)).toBe(true);
  expect(answered).toBe(250 - refused.length);
});
