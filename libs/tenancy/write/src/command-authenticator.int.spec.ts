import { newId } from '@sluice/kernel';
import { ApiDatabase, commandStoreSchema, type DatabaseOptions, dataSourceFor } from '@sluice/platform-database';
import type { CommandStore } from '@sluice/platform-event-log';
import { hashOf, newKey } from '@sluice/tenancy-domain';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { CommandAuthenticator } from './command-authenticator.js';

class Store extends ApiDatabase {}
const tenantId = newId();
let stores: TestDatabase;
let admin: pg.Pool;
let database: Store;
let authenticator: CommandAuthenticator;
let queries = 0;
let underWay = 0;
let mostUnderWay = 0;
beforeAll(async () => {
  stores = await testDatabase();
  admin = new pg.Pool({ connectionString: stores.commandUrl });
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 4, role: 'sluice_api', app: 'test', schema: commandStoreSchema };
  database = new Store(await dataSourceFor(options).initialize(), options);
  database.pool.on('acquire', () => {
    queries += 1;
    underWay += 1;
    mostUnderWay = Math.max(mostUnderWay, underWay);
  });
  database.pool.on('release', () => (underWay -= 1));
  authenticator = new CommandAuthenticator(database, {} as CommandStore);
});
afterAll(async () => {
  await authenticator.beforeApplicationShutdown();
  await database.onApplicationShutdown();
  await admin.end();
  await stores.drop();
});

async function issue(): Promise<{ key: string; id: string }> {
  const [key, id] = [newKey(), newId()];
  await admin.query(
    `INSERT INTO api_keys (tenant_id, id, name, role, prefix, hash, created_by) VALUES ($1, $2, 'k', 'editor', 'slc', $3, 'test')`,
    [tenantId, id, hashOf(key)],
  );
  return { key, id };
}

const callerOf = (id: string) => ({ tenantId, userId: `key:${id}`, role: 'editor' });

it('T-12 unknown keys, however many, take one connection and few queries, and those that come with them are recognised', async () => {
  const issued = [await issue(), await issue()];
  const flood = Promise.all(Array.from({ length: 2_000 }, () => authenticator.authenticate(newKey(), '203.0.113.7')));
  const known = issued.map(({ key }, n) => authenticator.authenticate(key, `198.51.100.${n}`));
  expect(await Promise.all(known)).toEqual(issued.map(({ id }) => callerOf(id)));
  expect(new Set(await flood)).toEqual(new Set([undefined]));
  expect(queries).toBeLessThan(40);
  expect(mostUnderWay).toBe(1);
});

it('recognises a key as soon as it is made, and no longer once it is revoked', async () => {
  const { key, id } = await issue();
  await admin.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [id]);
  expect(await authenticator.authenticate(key, '198.51.100.1')).toBeUndefined();
  await admin.query('UPDATE api_keys SET revoked_at = NULL WHERE id = $1', [id]);
  expect(await authenticator.authenticate(key, '198.51.100.1')).toEqual(callerOf(id));
  await admin.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [id]);
  authenticator.forget();
  expect(await authenticator.authenticate(key, '198.51.100.1')).toBeUndefined();
});
