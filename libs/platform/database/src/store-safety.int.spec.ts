import { randomBytes } from 'node:crypto';
import { eventually, startProxy, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { Database, dataSourceFor, isOutage } from './database.js';
import { commandStoreSchema } from './migrate.js';
import { storeProblems } from './store-safety.js';

const all = { mightyLogin: true, notDurable: true };
/** The tests' server runs without fsync. */
const durableEnough = { mightyLogin: false, notDurable: true };
const password = randomBytes(12).toString('hex');

let stores: TestDatabase;
let admin: pg.Client;
let url: string;
const login = `sluice_test_${randomBytes(4).toString('hex')}`;

beforeAll(async () => {
  stores = await testDatabase();
  admin = new pg.Client(stores.commandUrl);
  await admin.connect();
  await admin.query(`CREATE ROLE ${login} LOGIN NOINHERIT PASSWORD '${password}'`);
  await admin.query(`GRANT sluice_service TO ${login}`);
  url = Object.assign(new URL(stores.commandUrl), { username: login, password }).href;
});
afterAll(async () => {
  await admin.query(`DROP ROLE ${login}`);
  await admin.end();
  await stores.drop();
});

async function withStore<T>(
  options: { tolerated: typeof all; url?: string; poolSize?: number },
  work: (store: Database) => Promise<T>,
): Promise<T> {
  const whole = { url, poolSize: 2, role: 'sluice_service', app: 'test', schema: commandStoreSchema, ...options } as const;
  const store = new Database(dataSourceFor(whole), whole);
  await store.open();
  try {
    return await work(store);
  } finally {
    await store.onApplicationShutdown();
  }
}

const problemsOf = (tolerated: typeof all, storeUrl = url) => withStore({ tolerated, url: storeUrl }, (store) => store.problems());

it('finds nothing with a login that is a member of its role and nothing else', async () => {
  expect(await problemsOf(durableEnough)).toEqual([]);
});

it('finds a superuser and a server that does not write through, both at once, and lets neither through by itself', async () => {
  expect(await problemsOf({ mightyLogin: false, notDurable: false }, stores.commandUrl)).toEqual([
    expect.stringMatching(/^command store: The login \w+ is a superuser.*UNSAFE_POSTGRES_LOGIN=on/),
    expect.stringMatching(/^command store: Postgres runs with fsync=off.*UNSAFE_POSTGRES_NOT_DURABLE=on/),
  ]);
  expect(await problemsOf(all, stores.commandUrl)).toEqual([]);
});

it.each<[string, string, string, string, typeof all]>([
  ['a login that bypasses row-level security', 'ALTER ROLE $ BYPASSRLS', 'ALTER ROLE $ NOBYPASSRLS', 'The login', durableEnough],
  ['a login that may become the owner', 'GRANT sluice_owner TO $', 'REVOKE sluice_owner FROM $', 'may become the owner', durableEnough],
  [
    'a role that owns a table',
    'ALTER TABLE workers OWNER TO sluice_service',
    'ALTER TABLE workers OWNER TO sluice_owner',
    'The role sluice_service',
    all,
  ],
  [
    'a table whose row-level security is not forced',
    'ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY',
    'ALTER TABLE tasks FORCE ROW LEVEL SECURITY',
    'tasks do not enforce row-level security',
    all,
  ],
])('refuses %s', async (_name, plant, heal, says, tolerated) => {
  await admin.query(plant.replace('$', login));
  try {
    await withStore({ tolerated }, async (store) => {
      expect(await store.problems()).toEqual([expect.stringContaining(says)]);
      // Whatever happens next, nothing works there.
      await expect(store.assertReady()).rejects.toThrow(says);
      await expect(store.withClient(() => Promise.resolve())).rejects.toThrow('is not safe to work on');
      await expect(store.transaction(() => Promise.resolve())).rejects.toThrow('is not safe to work on');
    });
  } finally {
    await admin.query(heal.replace('$', login));
  }
  expect(await problemsOf(durableEnough)).toEqual([]);
});

it('refuses commits that are answered before they are on disk', async () => {
  const pool = new pg.Pool({ connectionString: url, options: '-c role=sluice_service -c synchronous_commit=off', max: 1 });
  expect(await storeProblems(pool, 'command', all)).toEqual([expect.stringContaining('synchronous_commit is off')]);
  await pool.end();
});

it('opens a store that was away once it is there, and looks at it then', async () => {
  const { hostname: host, port } = new URL(url);
  const proxy = await startProxy({ target: { host, port: Number(port) } });
  proxy.refuse(true);
  const away = Object.assign(new URL(url), { host: `127.0.0.1:${proxy.port}` }).href;
  await withStore({ tolerated: durableEnough, url: away }, async (store) => {
    await expect(store.assertReady()).rejects.toThrow('the command store has not been reached yet');
    const refused: unknown = await store.withClient(() => Promise.resolve()).catch((error: unknown) => error);
    expect(isOutage(refused)).toBe(true);
    proxy.refuse(false);
    await eventually(() => store.assertReady());
    expect(await store.problems()).toEqual([]);
  });
  proxy.refuse(true);
  await withStore({ tolerated: { mightyLogin: true, notDurable: false }, url: away }, async (store) => {
    proxy.refuse(false);
    expect(await store.problems()).toEqual([expect.stringContaining('fsync=off')]);
    await expect(store.assertReady()).rejects.toThrow('is not safe to work on');
  });
  await proxy.stop();
});

it('opens a store by another connection when the first one fell silent under it', async () => {
  const { hostname: host, port } = new URL(url);
  const proxy = await startProxy({ target: { host, port: Number(port) } });
  proxy.cutWhen((chunk) => {
    if (chunk.includes('version()')) {
      proxy.deafen();
      proxy.cutWhen(undefined);
    }
    return false;
  });
  const silent = Object.assign(new URL(url), { host: `127.0.0.1:${proxy.port}` }).href;
  await withStore({ tolerated: durableEnough, url: silent }, async (store) => {
    await expect(store.assertReady()).rejects.toThrow('the command store has not been reached yet');
    await eventually(() => store.assertReady(), { timeoutMs: 25_000 });
    expect(await store.problems()).toEqual([]);
  });
  await proxy.stop();
}, 45_000);

it('does not wait for a login that is refused', async () => {
  const wrong = Object.assign(new URL(url), { password: 'wrong' }).href;
  await expect(withStore({ tolerated: all, url: wrong }, () => Promise.resolve())).rejects.toThrow('password authentication failed');
});

it('P-07: a pool whose connections nobody gives back says so in time, and goes on once they are back', async () => {
  await withStore({ tolerated: all, poolSize: 10 }, async (store) => {
    const leaked = await Promise.all(Array.from({ length: 9 }, () => store.pool.connect()));
    await store.assertReady(); // by the tenth
    const held = Promise.withResolvers<void>();
    const last = store.withClient(() => held.promise);
    const usedUp = 'all 10 connections of this process are in use, and none came free within';
    const refused: unknown = await store.withClient(() => Promise.resolve()).catch((error: unknown) => error);
    expect(refused).toMatchObject({ message: expect.stringContaining(usedUp) });
    expect(isOutage(refused)).toBe(true);
    await expect(store.assertReady()).rejects.toThrow(usedUp);
    held.resolve();
    await last;
    for (const client of leaked) client.release();
    await store.assertReady();
    await store.withClient((client) => client.query('SELECT 1'));
    expect(store.pool.waitingCount).toBe(0);
  });
});

it('is not ready on a standby, which can only be read', async () => {
  await admin.query(`ALTER ROLE ${login} SET default_transaction_read_only = on`);
  await withStore({ tolerated: durableEnough }, (store) => expect(store.assertReady()).rejects.toThrow('can only be read')).finally(() =>
    admin.query(`ALTER ROLE ${login} RESET default_transaction_read_only`),
  );
});
