import pg from 'pg';

/** From now on the queries of these roles, in this process, ask for a tenant no more. */
export function removeTenantFilters(roles: readonly string[]): { of(role: string): number; restore(): void } {
  const removed = new Map<string, number>();
  const { prototype } = pg.Client;
  const { query } = prototype;
  const unfiltered = (role: string, text: string): string =>
    text.replaceAll(/(?:"?\w+"?\.)?"?tenant_id"? = (\$\d+)/g, (_filter, value: string) => {
      removed.set(role, (removed.get(role) ?? 0) + 1);
      return `${value}::uuid IS NOT NULL`;
    });
  Object.assign(prototype, {
    query(this: pg.Client, what: unknown, ...rest: unknown[]): unknown {
      const role = roles.find((name) => JSON.stringify(Reflect.get(this, 'connectionParameters')).includes(`role=${name} `));
      if (role === undefined) return Reflect.apply(query, this, [what, ...rest]);
      if (typeof what === 'string') return Reflect.apply(query, this, [unfiltered(role, what), ...rest]);
      if (typeof what === 'object' && what !== null && 'text' in what && typeof what.text === 'string') {
        const text = unfiltered(role, what.text);
        return Reflect.apply(query, this, [text === what.text ? what : { ...what, text, name: undefined }, ...rest]);
      }
      return Reflect.apply(query, this, [what, ...rest]);
    },
  });
  return {
    of: (role) => removed.get(role) ?? 0,
    restore: () => Object.assign(prototype, { query }),
  };
}

/** Row-level security of every table is off while `work` runs. */
export async function withoutRowLevelSecurity(stores: readonly pg.Client[], work: () => Promise<void>): Promise<void> {
  const fenced = await Promise.all(
    stores.map(async (store) => {
      const { rows } = await store.query<{ name: string }>(`SELECT oid::regclass::text AS name FROM pg_class WHERE relrowsecurity`);
      return { store, tables: rows.map(({ name }) => name) };
    }),
  );
  const turn = async (how: 'DISABLE' | 'ENABLE') => {
    for (const { store, tables } of fenced) {
      for (const table of tables) await store.query(`ALTER TABLE ${table} ${how} ROW LEVEL SECURITY`);
    }
  };
  await turn('DISABLE');
  try {
    await work();
  } finally {
    await turn('ENABLE');
  }
}

interface Trespasses {
  readonly wrong: string[];
  readonly empty: string[];
}

const insertable = `
  SELECT column_name AS name FROM information_schema.columns
  WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER' AND identity_generation IS DISTINCT FROM 'ALWAYS'
    AND has_column_privilege($2, format('public.%I', table_name), column_name, 'INSERT')`;

/**
 * Table by table, what `role` could see or change of `other` while it acts for `own`. Both must have rows for that to be proven:
 * `empty` names the tables where one has none.
 */
export async function trespasses(store: pg.Client, role: string, own: string, other: string): Promise<Trespasses> {
  const found: Trespasses = { wrong: [], empty: [] };
  const { rows: tables } = await store.query<{ name: string; column: string }>(
    `SELECT c.relname AS name, a.attname AS column FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relrowsecurity
       AND a.attname = CASE c.relname WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END AND has_any_column_privilege($1, c.oid, 'SELECT')`,
    [role],
  );
  for (const { name, column } of tables) {
    const oneRow = `SELECT to_jsonb(t) AS row FROM ${name} t WHERE ${column} = $1 LIMIT 1`;
    const { rows: foreign } = await store.query<{ row: unknown }>(oneRow, [other]);
    const asOwn = async (sql: string, values: unknown[] = []): Promise<pg.QueryResult | string> => {
      await store.query(`BEGIN; SET LOCAL ROLE ${role}`);
      try {
        await store.query(`SELECT set_config('app.tenant_id', $1, true)`, [own]);
        return await store.query(sql, values);
      } catch (error) {
        return error instanceof Error && 'code' in error ? String(error.code) : 'failed';
      } finally {
        await store.query('ROLLBACK');
      }
    };
    const seen = await asOwn(`SELECT ${column} AS tenant, count(*)::int AS rows FROM ${name} GROUP BY 1`);
    const tenants: unknown[] = typeof seen === 'string' ? [seen] : seen.rows.map(({ tenant }) => tenant);
    if (tenants.some((tenant) => tenant !== own)) wrong(`shows ${tenants.join(', ')}`);
    if (tenants.length === 0 || foreign[0] === undefined) found.empty.push(name);

    for (const change of [`UPDATE ${name} SET ${column} = ${column} WHERE ${column} = $1`, `DELETE FROM ${name} WHERE ${column} = $1`]) {
      const done = await asOwn(change, [other]);
      if (typeof done === 'string' ? done !== '42501' : done.rowCount !== 0) wrong(`takes ${change}`);
    }
    const { rows: columns } = await store.query<{ name: string }>(insertable, [name, role]);
    if (columns.length > 0 && foreign[0] !== undefined) {
      const list = columns.map((one) => `"${one.name}"`).join(', ');
      const insert = `INSERT INTO ${name} (${list}) SELECT ${list} FROM jsonb_populate_record(NULL::${name}, $1)`;
      const done = await asOwn(insert, [foreign[0].row]);
      if (done !== '42501') wrong(`takes a row of another tenant, or says ${typeof done === 'string' ? done : 'nothing'}`);
    }

    function wrong(what: string): void {
      found.wrong.push(`${name} ${what}`);
    }
  }
  return found;
}
