import { newId } from '@sluice/kernel';
import { commandStoreSchema, Database, type DatabaseOptions, dataSourceFor } from '@sluice/platform-database';
import type { Notifications } from '@sluice/platform-notifications';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { register } from 'prom-client';
import { appendEvents } from './append.js';
import { CommandStore } from './command-store.js';
import { readLog } from './read-log.js';

const tenantId = newId();
let stores: TestDatabase;
let admin: pg.Pool;
const open: Database[] = [];

async function databaseOf(role: 'sluice_service' | 'sluice_api'): Promise<Database> {
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 4, role, app: 'test', schema: commandStoreSchema };
  const database = new Database(await dataSourceFor(options).initialize(), options);
  open.push(database);
  return database;
}

beforeAll(async () => {
  stores = await testDatabase();
  admin = new pg.Pool({ connectionString: stores.commandUrl });
});

afterAll(async () => {
  for (const database of open) await database.onApplicationShutdown();
  await admin.end();
  await stores.drop();
});

/** Every fifth commit of this process ends as a deadlock or a serialisation failure would: rolled back, with its code. */
function refuseCommits(): { refused(): number; restore(): void } {
  const { prototype } = pg.Client;
  const { query } = prototype;
  let commits = 0;
  let refused = 0;
  Object.assign(prototype, {
    async query(this: pg.Client, ...call: unknown[]): Promise<unknown> {
      if (call[0] !== 'COMMIT' || (commits += 1) % 5 !== 0) return Reflect.apply(query, this, call);
      refused += 1;
      await Reflect.apply(query, this, ['ROLLBACK']);
      throw Object.assign(new Error('refused'), { code: refused % 2 === 0 ? '40001' : '40P01' });
    },
  });
  return { refused: () => refused, restore: () => Object.assign(prototype, { query }) };
}

const retriesCounted = async (): Promise<number> =>
  (await register.getSingleMetric('sluice_transaction_retries_total')?.get())?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;

const happened = (aggregateId: string) => ({ type: 'happened', aggregateId, payload: {} });

it('P-05: a fifth of all commits is refused: each transaction is written once all the same, by either way in', async () => {
  const [service, api] = [await databaseOf('sluice_service'), await databaseOf('sluice_api')];
  const store = new CommandStore(api, { emit: () => {} } as unknown as Notifications);
  const ids = Array.from({ length: 200 }, () => newId());
  const commits = refuseCommits();
  try {
    await Promise.all(
      ids.map((id, index) =>
        index % 2 === 0
          ? service.withClient((client) =>
              appendEvents(client, [{ event: happened(id), tenantId, aggregateVersion: 1, correlationId: 'retried' }]),
            )
          : store.transaction(tenantId, (tx) => Promise.resolve(tx.append([happened(id)], 0))),
      ),
    );
  } finally {
    commits.restore();
  }
  const events = await readLog(admin, 0);
  expect(events.map(({ aggregateId }) => aggregateId).toSorted()).toEqual(ids.toSorted());
  expect(commits.refused()).toBeGreaterThanOrEqual(40);
  expect(await retriesCounted()).toBe(commits.refused());
});

it('P-05: what is refused for ever is refused after five attempts', async () => {
  const service = await databaseOf('sluice_service');
  let attempts = 0;
  const refused = service.withClient(() => {
    attempts += 1;
    return Promise.reject(Object.assign(new Error('deadlock detected'), { code: '40P01' }));
  });
  await expect(refused).rejects.toThrow('deadlock detected');
  expect(attempts).toBe(5);
});
