import { randomUUID } from 'node:crypto';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { Database, dataSourceFor } from './database.js';
import { commandStoreSchema, queryStoreSchema } from './migrate.js';

const [acme, globex] = [randomUUID(), randomUUID()];
const transactions = 1_000;

let stores: TestDatabase;
let command: pg.Client;
let query: pg.Client;
let databases: Database[];

beforeAll(async () => {
  stores = await testDatabase();
  command = new pg.Client(stores.commandUrl);
  query = new pg.Client(stores.queryUrl);
  await Promise.all([command.connect(), query.connect()]);
  for (const tenant of [acme, globex]) {
    await command.query(
      `INSERT INTO workflows (tenant_id, id, name, status, revision, draft, created_by) VALUES ($1, $1, 'w', 'draft', 1, '{}', 'test')`,
      [tenant],
    );
    await query.query(
      `INSERT INTO channel_summary (tenant_id, id, provider, name, status, config, created_by, created_at, updated_at)
       VALUES ($1, $1, 'instagram', 'c', 'connected', '{}', 'test', now(), now())`,
      [tenant],
    );
  }
  const options = { poolSize: 1, app: 'test', statementTimeoutMs: 50 };
  databases = await Promise.all(
    [
      { ...options, url: stores.commandUrl, role: 'sluice_api' as const, schema: commandStoreSchema },
      { ...options, url: stores.queryUrl, role: 'sluice_read' as const, schema: queryStoreSchema },
    ].map(async (view) => new Database(await dataSourceFor(view).initialize(), view)),
  );
});

afterAll(async () => {
  for (const database of databases) await database.onApplicationShutdown();
  await Promise.all([command.end(), query.end()]);
  await stores.drop();
});

type Query = (sql: string, parameters?: unknown[]) => Promise<unknown>;

/** pg answers an object with rows, TypeORM the rows. */
const tenantsOf = (answer: unknown): unknown[] =>
  [typeof answer === 'object' && answer !== null && 'rows' in answer ? answer.rows : answer]
    .flat()
    .map((row: unknown) => (typeof row === 'object' && row !== null && 'tenant_id' in row ? row.tenant_id : row));

const mishaps: ((send: Query) => Promise<unknown>)[] = [
  () => Promise.resolve(),
  () => Promise.resolve(),
  () => Promise.reject(new Error('our own')),
  (send) => send('SELECT 1 / 0'),
  (send) => send('no SQL'),
  (send) => send(`SELECT set_config('app.tenant_id', 'no tenant', true)`),
  // Not waited for: the transaction ends while it is under way.
  (send) => Promise.reject(Object.assign(new Error('aborted'), { sent: send('SELECT pg_sleep(0.001)').catch(() => {}) })),
];
const rareMishaps: typeof mishaps = [(send) => send('SELECT pg_sleep(1)'), (send) => send('SELECT pg_terminate_backend(pg_backend_pid())')];

it.each([
  ['command store', 0, 'workflows'],
  ['query store', 1, 'channel_summary'],
])(
  'T-04 one connection of the %s, lent to tenants in turn, shows each its own, whatever became of the last transaction',
  async (_name, index, table) => {
    const database = databases[index];
    if (database === undefined) throw new Error('not connected');
    const seen: unknown[] = [];
    let ended = 0;
    for (let turn = 0; turn < transactions; turn += 1) {
      const tenant = turn % 2 === 0 ? acme : globex;
      const choice = Math.floor(Math.random() * mishaps.length);
      const rare = rareMishaps[turn % 200];
      const mishap = rare ?? mishaps[choice] ?? (() => Promise.resolve());
      const work = async (send: Query) => {
        await send(`SELECT set_config('app.tenant_id', $1, true)`, [tenant]);
        const early = Math.random() < 0.5;
        if (early) await mishap(send);
        const tenants = tenantsOf(await send(`SELECT tenant_id FROM ${table}`));
        if (tenants.length !== 1 || tenants[0] !== tenant) seen.push([turn, choice, early, tenant, tenants]);
        if (!early) await mishap(send);
      };
      const inTransaction =
        turn % 4 < 2
          ? database.withClient((client) => work(client.query.bind(client)))
          : database.transaction((manager) => work(manager.query.bind(manager)));
      await inTransaction.then(
        () => (ended += 1),
        () => {},
      );
      // T-05: without a tenant there is nothing, and never the last one's.
      if (turn % 10 === 0) {
        const left = await database.pool.query(`SELECT tenant_id FROM ${table}`).catch(() => ({ rows: [] }));
        if (left.rows.length > 0) seen.push([turn, 'without a tenant', left.rows]);
      }
    }
    expect(seen).toEqual([]);
    expect(ended).toBeGreaterThan(transactions / 10);
  },
  60_000,
);

describe('T-05 a missing tenant', () => {
  it.each([
    ['command store', 0],
    ['query store', 1],
  ])('shows no row of any table of the %s', async (_name, index) => {
    const database = databases[index];
    if (database === undefined) throw new Error('not connected');
    const { rows: tables } = await database.pool.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         AND has_any_column_privilege(c.oid, 'SELECT')`,
    );
    expect(tables.length).toBeGreaterThan(2);
    for (const { name } of tables) {
      for (const tenant of [undefined, '', randomUUID()]) {
        const count = await database.withClient(async (client) => {
          if (tenant !== undefined) await client.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenant]);
          return (await client.query<{ count: number }>(`SELECT count(*) AS count FROM ${name}`)).rows[0]?.count;
        });
        expect([name, tenant, count]).toEqual([name, tenant, 0]);
      }
    }
  });
});
