import { Database, type DatabaseOptions, dataSourceFor, commandStoreSchema, queryStoreSchema } from '@sluice/platform-database';
import { readLog } from '@sluice/platform-event-log';
import pg from 'pg';
import { copyBlobs } from './copy-blobs.js';
import { projectBatch, SHARD } from './project-batch.js';
import type { AnyProjection } from './projection.js';

/** Where the next generation grows, and where the last one is kept. */
const nextSchema = 'sluice_next';
const keptSchema = 'sluice_kept';
/** So near to the log's end the live projector is held for the rest */
const nearEvents = 2_000;

export interface Stores {
  /** Of a login that may become each of Sluice's roles, such as the one that migrates */
  readonly commandUrl: string;
  readonly queryUrl: string;
}

export interface Progress {
  readonly position: number;
  readonly head: number;
  readonly eventsPerSecond: number;
}

/** How a tenant's rows of one read model differ from those that the log makes. */
export interface Difference {
  readonly table: string;
  readonly tenantId: string;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
}

export interface RebuildResult {
  readonly position: number;
  readonly differences: readonly Difference[];
  /** False: rows differ, and nobody said that this is wanted. The generation stays, and a further call goes on with it. */
  readonly swapped: boolean;
}

/** Another rebuild than the one that was asked for is under way. */
export class AnotherRebuild extends Error {
  constructor(tables: readonly string[]) {
    super(`A rebuild of ${tables.join(', ')} is under way: finish it by the same command, or give it up (projections discard).`);
    this.name = 'AnotherRebuild';
  }
}

/**
 * Makes these read models anew from the whole log, beside the live ones, which go on being projected and asked. Once it is near the log's
 * end, the live checkpoint is locked, the rest is projected, and both are compared by checksum, tenant by tenant, at the same position. Then the
 * tables change places in one transaction; the old ones are kept until the next rebuild. It may be ended at any moment: called again it goes
 * on where it was. Rows that differ are swapped only with `acceptDifferences`.
 */
export async function rebuild(
  stores: Stores,
  projections: readonly AnyProjection[],
  options: { readonly acceptDifferences: boolean; readonly onProgress?: (progress: Progress) => void; readonly signal?: AbortSignal },
): Promise<RebuildResult> {
  return withGeneration(stores, projections, async ({ admin, log, next }) => {
    await catchUp(log, next, projections, options);
    for (;;) {
      const result = await atTheSamePosition({ admin, log, next }, projections, async (position) => {
        const differences = await differencesOf(admin, projections);
        const swapped = differences.length === 0 || options.acceptDifferences;
        if (swapped) await swap(admin, projections);
        return { position, differences, swapped };
      });
      if (result !== undefined) return result;
      await catchUp(log, next, projections, options);
    }
  });
}

/** Whether the read models are what the log makes of them: projects it from the beginning, compares, and leaves nothing behind. */
export async function compareReadModels(stores: Stores, projections: readonly AnyProjection[]): Promise<readonly Difference[]> {
  await discardGeneration(stores.queryUrl);
  try {
    return await withGeneration(stores, projections, async ({ admin, log, next }) => {
      for (;;) {
        await catchUp(log, next, projections, {});
        const found = await atTheSamePosition({ admin, log, next }, projections, () => differencesOf(admin, projections));
        if (found !== undefined) return found;
      }
    });
  } finally {
    await discardGeneration(stores.queryUrl);
  }
}

/** Gives up a rebuild that is under way, if there is one. */
export async function discardGeneration(queryUrl: string): Promise<void> {
  await withAdmin(queryUrl, async (admin) => {
    await admin.query('SET ROLE sluice_owner');
    await admin.query(`DROP SCHEMA IF EXISTS ${nextSchema} CASCADE`);
  });
}

interface Generation {
  readonly admin: pg.Client;
  readonly log: Database;
  /** The query store as the projector sees it, with the tables of the next generation before the live ones */
  readonly next: Database;
}

async function withAdmin<T>(queryUrl: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: queryUrl, application_name: 'sluice-rebuild' });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

async function withGeneration<T>(
  { commandUrl, queryUrl }: Stores,
  projections: readonly AnyProjection[],
  work: (generation: Generation) => Promise<T>,
): Promise<T> {
  return withAdmin(queryUrl, async (admin) => {
    // Two at once would project everything twice, at best.
    await admin.query(`SELECT pg_advisory_lock(hashtextextended('sluice.rebuild', 0))`);
    await prepare(admin, projections);
    const databases: Database[] = [];
    const open = async (options: Pick<DatabaseOptions, 'url' | 'schema' | 'searchPath'>) => {
      const all: DatabaseOptions = { ...options, poolSize: 2, role: 'sluice_projector', app: 'rebuild', statementTimeoutMs: 300_000 };
      const database = new Database(await dataSourceFor(all).initialize(), all);
      databases.push(database);
      return database;
    };
    try {
      const log = await open({ url: commandUrl, schema: commandStoreSchema });
      const next = await open({ url: queryUrl, schema: queryStoreSchema, searchPath: `${nextSchema},public` });
      return await work({ admin, log, next });
    } finally {
      for (const database of databases) await database.onApplicationShutdown();
    }
  });
}

const tablesOf = (projections: readonly AnyProjection[]): string[] => projections.map(({ table }) => table).toSorted();

/** The tables of the next generation, empty, with all that the live ones have: keys, indexes, policies, privileges. What is there is kept. */
async function prepare(admin: pg.Client, projections: readonly AnyProjection[]): Promise<void> {
  const tables = tablesOf(projections);
  await admin.query('BEGIN');
  const { rows: there } = await admin.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tablename NOT LIKE 'projection\\_%' ORDER BY 1`,
    [nextSchema],
  );
  if (there.length > 0) {
    await admin.query('ROLLBACK');
    const names = there.map(({ name }) => name);
    if (names.join() !== tables.join()) throw new AnotherRebuild(names);
    return;
  }
  await admin.query(`CREATE SCHEMA IF NOT EXISTS ${nextSchema} AUTHORIZATION sluice_owner`);
  await admin.query('SET LOCAL ROLE sluice_owner');
  await admin.query(`GRANT USAGE ON SCHEMA ${nextSchema} TO sluice_projector`);
  for (const table of [...tables, 'projection_checkpoints', 'projection_parked']) await makeLike(admin, table);
  await admin.query(`INSERT INTO ${nextSchema}.projection_checkpoints (shard, position) VALUES ($1, 0)`, [SHARD]);
  await admin.query('COMMIT');
}

async function makeLike(admin: pg.Client, table: string): Promise<void> {
  const made = `${nextSchema}.${table}`;
  await admin.query(`CREATE TABLE ${made} (LIKE public.${table} INCLUDING ALL)`);
  // What LIKE leaves out, as statements that say it of the new table.
  const { rows } = await admin.query<{ sql: string }>(
    `SELECT format('ALTER TABLE ${made} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY') AS sql FROM pg_class WHERE oid = $1::regclass AND relrowsecurity
     UNION ALL
     SELECT format('CREATE POLICY %I ON ${made} AS %s FOR %s TO %s%s%s', policyname, permissive, cmd, array_to_string(roles, ', '),
                   ' USING (' || qual || ')', ' WITH CHECK (' || with_check || ')')
     FROM pg_policies WHERE schemaname = 'public' AND tablename = $2
     UNION ALL
     SELECT format('GRANT %s ON ${made} TO %s', acl.privilege_type, acl.grantee::regrole)
     FROM pg_class c, aclexplode(c.relacl) acl WHERE c.oid = $1::regclass AND acl.grantee <> c.relowner AND acl.grantee <> 0
     UNION ALL
     SELECT format('GRANT %s (%I) ON ${made} TO %s', acl.privilege_type, a.attname, acl.grantee::regrole)
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) acl WHERE c.oid = $1::regclass AND acl.grantee <> c.relowner`,
    [`public.${table}`, table],
  );
  for (const { sql } of rows) await admin.query(sql);
}

const positionIn = async (database: Database): Promise<number> =>
  (await database.pool.query<{ position: number }>('SELECT position FROM projection_checkpoints WHERE shard = $1', [SHARD])).rows[0]
    ?.position ?? 0;

/** Projects until it is near the end of the log. */
async function catchUp(
  log: Database,
  next: Database,
  projections: readonly AnyProjection[],
  { onProgress = () => {}, signal }: { readonly onProgress?: (progress: Progress) => void; readonly signal?: AbortSignal },
): Promise<void> {
  const began = performance.now();
  const start = await positionIn(next);
  for (;;) {
    signal?.throwIfAborted();
    const position = await advance(log, next, projections, Number.POSITIVE_INFINITY);
    const { rows } = await log.pool.query<{ last: number }>('SELECT last FROM event_head');
    const head = rows[0]?.last ?? 0;
    onProgress({ position, head, eventsPerSecond: Math.round((position - start) / ((performance.now() - began) / 1_000)) });
    if (head - position <= nearEvents) return;
  }
}

/** One batch, of events up to this position. Answers the position then. */
async function advance(log: Database, next: Database, projections: readonly AnyProjection[], until: number): Promise<number> {
  const from = await positionIn(next);
  const events = (await readLog(log.pool, from)).filter(({ position }) => position <= until);
  if (events.length === 0) return from;
  await copyBlobs(log, next, events);
  return (await projectBatch(next, { projections, from, events })).position;
}

/**
 * Holds the live checkpoint, brings the generation to where it is, and does the work in that transaction. undefined: the generation is ahead of
 * the live tables, which have to come after it first.
 */
async function atTheSamePosition<T>(
  { admin, log, next }: Generation,
  projections: readonly AnyProjection[],
  work: (position: number) => Promise<T>,
): Promise<T | undefined> {
  await admin.query('BEGIN');
  try {
    await admin.query('SET LOCAL ROLE sluice_projector');
    const { rows } = await admin.query<{ position: number }>(
      'SELECT position FROM public.projection_checkpoints WHERE shard = $1 FOR UPDATE',
      [SHARD],
    );
    const live = Number(rows[0]?.position ?? 0);
    let position = await positionIn(next);
    while (position < live) position = await advance(log, next, projections, live);
    if (position > live) {
      await admin.query('ROLLBACK');
      await new Promise((resolve) => setTimeout(resolve, 200));
      return undefined;
    }
    const result = await work(position);
    await admin.query('COMMIT');
    return result;
  } catch (error) {
    await admin.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

async function differencesOf(admin: pg.Client, projections: readonly AnyProjection[]): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const table of tablesOf(projections)) {
    const sums = (schema: string) =>
      `SELECT tenant_id, count(*)::int AS n, sum(hashtextextended(t::text, 0)::numeric) AS sum FROM ${schema}.${table} t GROUP BY 1`;
    const { rows } = await admin.query<{ tenant_id: string; before: number; after: number }>(
      `SELECT tenant_id, coalesce(b.n, 0) AS before, coalesce(a.n, 0) AS after FROM (${sums('public')}) b FULL JOIN (${sums(nextSchema)}) a USING (tenant_id)
       WHERE (b.n, b.sum) IS DISTINCT FROM (a.n, a.sum) ORDER BY 1`,
    );
    found.push(...rows.map((row) => ({ table, tenantId: row.tenant_id, rowsBefore: row.before, rowsAfter: row.after })));
  }
  return found;
}

/** In the transaction that holds the live checkpoint. */
async function swap(admin: pg.Client, projections: readonly AnyProjection[]): Promise<void> {
  const tables = tablesOf(projections);
  await admin.query('SET LOCAL ROLE sluice_projector');
  await admin.query('DELETE FROM public.projection_parked WHERE projection = ANY ($1)', [tables]);
  await admin.query(`INSERT INTO public.projection_parked SELECT * FROM ${nextSchema}.projection_parked`);
  await admin.query('SET LOCAL ROLE NONE');
  await admin.query(`DROP SCHEMA IF EXISTS ${keptSchema} CASCADE`);
  await admin.query(`CREATE SCHEMA ${keptSchema} AUTHORIZATION sluice_owner`);
  await admin.query('SET LOCAL ROLE sluice_owner');
  for (const table of tables) {
    await admin.query(`ALTER TABLE public.${table} SET SCHEMA ${keptSchema}`);
    await admin.query(`ALTER TABLE ${nextSchema}.${table} SET SCHEMA public`);
  }
  await admin.query(`DROP SCHEMA ${nextSchema} CASCADE`);
}
