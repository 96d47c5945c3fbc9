import { codeOf, type Database } from '@sluice/platform-database';
import type { LoggedEvent } from '@sluice/platform-event-log';
import { failpoint } from '@sluice/platform-failpoints';
import type pg from 'pg';
import { aggregateKey, type ChangedRow, Folding, type Parked, parked } from './fold.js';
import type { AnyProjection } from './projection.js';
import { loadRows, upsertRows } from './row-sql.js';

export const SHARD = 'all';

export interface BatchResult {
  /** The checkpoint now. Another one than the batch ends at: somebody else has moved it, and nothing was written. */
  readonly position: number;
  readonly parked: readonly Parked[];
  readonly changed: readonly { readonly table: string; readonly rows: readonly ChangedRow[] }[];
}

interface Batch {
  readonly projections: readonly AnyProjection[];
  /** The checkpoint that the events follow */
  readonly from: number;
  readonly events: readonly LoggedEvent[];
}

// What is wrong with a value, not with the store: data exceptions, violated constraints, sizes over a limit.
const isDataError = (error: unknown): boolean => /^(22|23|54)/.test(codeOf(error) ?? '');

/**
 * A batch of events into all read models: one transaction under the locked checkpoint, which fences a second or zombie projector and
 * makes each event count once. The rows of a table are loaded by one statement, folded in memory and written by one. When the store refuses
 * a value, the batch is repeated with a savepoint per statement to find the row, whose aggregates are parked.
 */
export async function projectBatch(database: Database, batch: Batch): Promise<BatchResult> {
  try {
    return await database.withClient((client) => write(client, batch, upsertTogether));
  } catch (error) {
    if (!isDataError(error)) throw error;
    return database.withClient(async (client) => {
      const refused: Parked[] = [];
      const result = await write(client, batch, async (_client, projection, rows) => {
        refused.push(...(await upsertApart(client, projection, rows)));
      });
      await park(client, refused);
      return { ...result, parked: [...result.parked, ...refused] };
    });
  }
}

type Upsert = (client: pg.PoolClient, projection: AnyProjection, rows: readonly ChangedRow[]) => Promise<void>;

const upsertTogether: Upsert = (client, projection, rows) =>
  upsertRows(
    client,
    projection,
    rows.map(({ row }) => row),
  );

async function write(client: pg.PoolClient, { projections, from, events }: Batch, upsert: Upsert): Promise<BatchResult> {
  const { rows } = await client.query<{ position: number; any_parked: boolean }>(
    `SELECT position, EXISTS (SELECT FROM projection_parked) AS any_parked FROM projection_checkpoints WHERE shard = $1 FOR UPDATE`,
    [SHARD],
  );
  const [checkpoint] = rows;
  if (checkpoint === undefined) throw new Error(`the query store has no checkpoint "${SHARD}"; run \`npm run migrate\``);
  const last = events.at(-1);
  if (checkpoint.position !== from || last === undefined) return { position: checkpoint.position, parked: [], changed: [] };

  const alreadyParked = checkpoint.any_parked ? await parkedAmong(client, events) : new Map<string, Set<string>>();
  const failures: Parked[] = [];
  const changed: { table: string; rows: readonly ChangedRow[] }[] = [];
  for (const projection of projections) {
    const folding = new Folding(projection, events, alreadyParked.get(projection.table));
    if (folding.keys.length > 0) {
      const changedRows = folding.fold(await loadRows(client, projection, folding.keys));
      if (changedRows.length > 0) {
        await upsert(client, projection, changedRows);
        changed.push({ table: projection.table, rows: changedRows });
        await failpoint('prj.mid_batch');
      }
    }
    failures.push(...folding.failures);
  }
  await park(client, failures);
  await client.query('UPDATE projection_checkpoints SET position = $2, updated_at = now() WHERE shard = $1', [SHARD, last.position]);
  await failpoint('prj.before_commit');
  return { position: last.position, parked: failures, changed };
}

/** By projection, the aggregates of these events that are parked. */
async function parkedAmong(client: pg.PoolClient, events: readonly LoggedEvent[]): Promise<Map<string, Set<string>>> {
  const { rows } = await client.query<{ projection: string; tenantId: string; aggregateId: string }>(
    `SELECT projection, tenant_id AS "tenantId", aggregate_id AS "aggregateId"
     FROM projection_parked WHERE aggregate_id = ANY ($1::uuid[])`,
    [[...new Set(events.map(({ aggregateId }) => aggregateId))]],
  );
  const found = new Map<string, Set<string>>();
  for (const row of rows) found.set(row.projection, (found.get(row.projection) ?? new Set()).add(aggregateKey(row)));
  return found;
}

async function park(client: pg.PoolClient, failures: readonly Parked[]): Promise<void> {
  if (failures.length === 0) return;
  await client.query(
    `INSERT INTO projection_parked (tenant_id, aggregate_id, projection, position, event_type, error)
     SELECT "tenantId", "aggregateId", projection, position, "eventType", error
     FROM jsonb_to_recordset($1::jsonb)
       AS p("tenantId" uuid, "aggregateId" uuid, projection text, position bigint, "eventType" text, error text)
     ON CONFLICT DO NOTHING`,
    [JSON.stringify(failures)],
  );
}

/** Halves the rows until the refused ones are alone. Returns the aggregates that made those. */
async function upsertApart(client: pg.PoolClient, projection: AnyProjection, rows: readonly ChangedRow[]): Promise<Parked[]> {
  await client.query('SAVEPOINT rows');
  try {
    await upsertTogether(client, projection, rows);
    await client.query('RELEASE SAVEPOINT rows');
    return [];
  } catch (error) {
    if (!isDataError(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT rows');
    const [only, second] = rows;
    if (only !== undefined && second === undefined) {
      const first = new Map(only.events.toReversed().map((event) => [aggregateKey(event), event]));
      return [...first.values()].map((event) => parked(projection, event, error));
    }
    const half = Math.ceil(rows.length / 2);
    return [...(await upsertApart(client, projection, rows.slice(0, half))), ...(await upsertApart(client, projection, rows.slice(half)))];
  }
}
