import { type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { commandStoreSchema, migrate, queryStoreSchema, revertLastMigration } from './migrate.js';
import { roles } from './roles.js';

const tenantRoles = ['sluice_api', 'sluice_read'];
const [tenant, other] = ['01900000-0000-7000-8000-00000000000a', '01900000-0000-7000-8000-00000000000b'];

let stores: TestDatabase;
let command: pg.Client;
let query: pg.Client;

beforeAll(async () => {
  stores = await testDatabase();
  command = new pg.Client(stores.commandUrl);
  query = new pg.Client(stores.queryUrl);
  await Promise.all([command.connect(), query.connect()]);
});

afterAll(async () => {
  await Promise.all([command.end(), query.end()]);
  await stores.drop();
});

const both = () => [command, query];
const columnOf = async (client: pg.Client, sql: string, parameters: unknown[] = []): Promise<unknown[]> =>
  (await client.query({ text: sql, values: parameters, rowMode: 'array' })).rows.map(([value]) => value);

it('every table with tenants has row-level security, forced on its owner too', async () => {
  for (const client of both()) {
    const unprotected = await columnOf(
      client,
      `SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`,
    );
    expect(unprotected).toEqual([]);
  }
  expect(await columnOf(command, `SELECT relforcerowsecurity FROM pg_class WHERE relname = 'tenants'`)).toEqual([true]);
});

it('a role that acts for one tenant sees and writes through the tenant alone; no policy is for everybody', async () => {
  for (const client of both()) {
    const { rows } = await client.query<{ table: string; roles: string[]; using: string | null; check: string | null }>(
      `SELECT tablename AS table, roles::text[] AS roles, qual AS using, with_check AS check FROM pg_policies WHERE schemaname = 'public'`,
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const policy of rows) {
      expect(policy.roles).toHaveLength(1);
      expect(roles).toContain(policy.roles[0]);
      if (!tenantRoles.includes(String(policy.roles[0]))) continue;
      expect(policy.using).toMatch(/app\.tenant_id|current_tenant\(\)/);
      expect(policy.check ?? policy.using).toMatch(/app\.tenant_id|current_tenant\(\)/);
    }
  }
});

it('every table that a role may use under row-level security has a policy for that role', async () => {
  for (const client of both()) {
    const unreachable = await columnOf(
      client,
      `SELECT DISTINCT g.grantee || ' on ' || g.table_name
       FROM (SELECT grantee, table_name FROM information_schema.role_table_grants
             UNION SELECT grantee, table_name FROM information_schema.role_column_grants) g
       JOIN pg_class c ON c.relname = g.table_name AND c.relnamespace = 'public'::regnamespace AND c.relrowsecurity
       WHERE g.grantee LIKE 'sluice\\_%' AND g.grantee <> 'sluice_owner'
         AND NOT EXISTS (SELECT FROM pg_policies p WHERE p.tablename = g.table_name AND g.grantee = ANY (p.roles))`,
    );
    expect(unreachable).toEqual([]);
  }
});

it('nobody but the owner may touch a partition: a partition does not ask its parent’s policies', async () => {
  for (const client of both()) {
    const granted = await columnOf(
      client,
      `SELECT c.relname || ': ' || r.rolname FROM pg_class c CROSS JOIN pg_roles r
       WHERE c.relispartition AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
         AND r.rolname = ANY ($1) AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')`,
      [roles.filter((role) => role !== 'sluice_owner')],
    );
    expect(granted).toEqual([]);
  }
});

it('no role logs in, is a superuser, bypasses row-level security, or owns what it uses', async () => {
  const weak = await columnOf(
    command,
    `SELECT rolname FROM pg_roles
     WHERE rolname = ANY ($1) AND (rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb OR rolinherit)`,
    [roles],
  );
  expect(weak).toEqual([]);
  for (const client of both()) {
    const owners = await columnOf(
      client,
      `SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S', 'v') AND relname NOT LIKE 'sluice\\_%migrations%'`,
    );
    expect(owners).toEqual(['sluice_owner']);
    const loose = await columnOf(
      client,
      `SELECT proname FROM pg_proc
       WHERE pronamespace = 'public'::regnamespace AND prosecdef AND coalesce(proconfig::text, '') NOT LIKE '%search_path%'`,
    );
    expect(loose).toEqual([]);
  }
});

it('the log and the audit of what was received can be added to, never changed', async () => {
  const changeable = await columnOf(
    command,
    `SELECT t.name || ': ' || r.rolname
     FROM unnest('{domain_events,event_commits,webhook_deliveries}'::text[]) t(name) CROSS JOIN pg_roles r
     WHERE r.rolname = ANY ($1) AND has_table_privilege(r.oid, t.name::regclass, 'UPDATE, DELETE, TRUNCATE')`,
    [roles.filter((role) => role !== 'sluice_owner')],
  );
  expect(changeable).toEqual([]);
});

it('published versions and the audit, as queries show them, can be added to, never changed', async () => {
  const changeable = await columnOf(
    query,
    `SELECT t.name || ': ' || r.rolname FROM unnest('{workflow_version,audit_log}'::text[]) t(name) CROSS JOIN pg_roles r
     WHERE r.rolname = ANY ($1) AND has_table_privilege(r.oid, t.name::regclass, 'UPDATE, DELETE, TRUNCATE')`,
    [roles.filter((role) => role !== 'sluice_owner')],
  );
  expect(changeable).toEqual([]);
});

it('identities can be drawn by those who insert, and by nobody else', async () => {
  const able = await columnOf(
    command,
    `SELECT r.rolname || ': ' || t.name FROM unnest('{tasks,event_commits}'::text[]) t(name) CROSS JOIN pg_roles r
     WHERE r.rolname = ANY ($1) AND has_table_privilege(r.oid, t.name::regclass, 'INSERT') ORDER BY 1`,
    [roles.filter((role) => role !== 'sluice_owner')],
  );
  expect(able).toEqual(['sluice_api: event_commits', 'sluice_api: tasks', 'sluice_service: event_commits', 'sluice_service: tasks']);
  await command.query('BEGIN; SET LOCAL ROLE sluice_api');
  await command.query('INSERT INTO event_commits (events) VALUES (1)');
  await expect(command.query('INSERT INTO event_commits (id, events) VALUES (1, 1)')).rejects.toThrow('cannot insert a non-DEFAULT value');
  await command.query('ROLLBACK');
});

it('the query API reads the tenant it set, or the one in a Supabase token, and nobody without either', async () => {
  for (const id of [tenant, other]) {
    await query.query(
      `INSERT INTO channel_summary (tenant_id, id, provider, name, status, config, created_by, created_at, updated_at)
       VALUES ($1, $1, 'instagram', 'c', 'connected', '{}', 'test', now(), now())`,
      [id],
    );
  }
  const seen = async (setting: string, value: string) => {
    await query.query('BEGIN; SET LOCAL ROLE sluice_read');
    await query.query('SELECT set_config($1, $2, true)', [setting, value]);
    const ids = await columnOf(query, 'SELECT id FROM channel_summary');
    await query.query('ROLLBACK');
    return ids;
  };
  expect(await seen('app.tenant_id', tenant)).toEqual([tenant]);
  expect(await seen('app.tenant_id', '')).toEqual([]);
  expect(await seen('request.jwt.claims', JSON.stringify({ app_metadata: { tenant_id: other } }))).toEqual([other]);
  expect(await seen('request.jwt.claims', '{}')).toEqual([]);

  await query.query('BEGIN; SET LOCAL ROLE sluice_read');
  await expect(query.query(`UPDATE channel_summary SET name = 'mine'`)).rejects.toThrow('permission denied');
  await query.query('ROLLBACK');
});

it('a key is recognised by its hash, which the query API cannot read', async () => {
  await query.query('BEGIN; SET LOCAL ROLE sluice_read');
  expect(await columnOf(query, `SELECT id FROM find_api_key('unknown')`)).toEqual([]);
  await expect(query.query('SELECT hash FROM api_key_directory')).rejects.toThrow('permission denied');
  await query.query('ROLLBACK');
});

it('the command API writes its own tenant’s rows alone', async () => {
  await command.query('BEGIN; SET LOCAL ROLE sluice_api');
  await command.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenant]);
  const insert = `
    INSERT INTO workflows (tenant_id, id, name, status, revision, draft, created_by) VALUES ($1, $1, 'w', 'draft', 1, '{}', 'test')`;
  await command.query(insert, [tenant]);
  await expect(command.query(insert, [other])).rejects.toThrow('row-level security');
  await command.query('ROLLBACK');
});

it('migrations can be taken back and applied again, twice without harm', async () => {
  const fresh = await testDatabase();
  for (const [url, store] of [
    [fresh.commandUrl, commandStoreSchema],
    [fresh.queryUrl, queryStoreSchema],
  ] as const) {
    for (const _ of store.migrations) await revertLastMigration(url, store);
    const client = new pg.Client(url);
    await client.connect();
    const tables = await columnOf(
      client,
      `SELECT relname FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname NOT LIKE '%migrations'`,
    );
    expect(tables).toEqual([]);
    expect(await columnOf(client, `SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace`)).toEqual([]);
    await client.end();
  }
  const lines: string[] = [];
  await migrate({ ...fresh, log: (line) => lines.push(line) });
  await Promise.all([migrate(fresh), migrate({ ...fresh, log: (line) => lines.push(line) })]);
  const migrations = commandStoreSchema.migrations.length + queryStoreSchema.migrations.length;
  expect(lines.filter((line) => line.includes('applied'))).toHaveLength(migrations);
  expect(lines).toContain('command store: up to date');
  await fresh.drop();
}, 60_000);
