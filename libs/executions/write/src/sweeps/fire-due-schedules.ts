import type { TriggerMetadata } from '@sluice/executions-domain';
import { type Json, newId } from '@sluice/kernel';
import { type CatchUp, dueBetween, nextDue, scheduleProblem } from '@sluice/nodes';
import { type WrittenTask, writtenTask } from '@sluice/platform-queue';
import { readSettings } from '@sluice/workflows-domain';
import type { Pool, PoolClient } from 'pg';

/** Computing an instant takes a fraction of a millisecond, and nothing else happens meanwhile. */
const batchMax = 50;
/** What is due beyond these is left to the next sweep. */
const runsMax = 1_000;

interface DueRow {
  tenant_id: string;
  workflow_id: string;
  node_id: string;
  cron: string;
  time_zone: string;
  catch_up: CatchUp['mode'];
  catch_up_max: number;
  next_at: Date;
  now: Date;
  /** As the version says it */
  queue: string | null;
}

/** A run that begins, as the task's payload says it. */
interface Beginning {
  readonly workflowId: string;
  readonly nodeId: string;
  readonly startKey: string;
  readonly trigger: TriggerMetadata;
  readonly input: Json;
  readonly correlationId: string;
}

/** A schedule after this sweep. */
interface Fired {
  readonly row: DueRow;
  readonly run: readonly Beginning[];
  readonly nextAt: Date | null;
  readonly lastAt: Date | null;
  readonly problem: string | null;
}

/**
 * Instants that have come begin runs, each once: its task is written with the schedule's next instant, and its start key is that of the
 * instant. The database's clock says what is due. What cannot be computed any more, because a time zone is gone, stops with its reason.
 */
export async function fireDueSchedules(pool: Pool): Promise<WrittenTask[]> {
  const begun: WrittenTask[] = [];
  while (begun.length < runsMax && (await anyIsDue(pool))) {
    const { taken, tasks } = await inTransaction(pool, fireBatch);
    begun.push(...tasks);
    // What is left, others hold.
    if (taken === 0) break;
  }
  return begun;
}

/** All that happens when there is nothing to do: a look at an index. */
async function anyIsDue(pool: Pool): Promise<boolean> {
  const { rowCount } = await pool.query({ name: 'any-due-schedule', text: 'SELECT FROM schedules WHERE next_at <= now() LIMIT 1' });
  return rowCount === 1;
}

async function inTransaction<Result>(pool: Pool, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    // The connection may be gone; closing it takes the transaction back in any case.
    client.release(true);
    throw error;
  }
}

async function fireBatch(client: PoolClient): Promise<{ readonly taken: number; readonly tasks: readonly WrittenTask[] }> {
  const { rows } = await client.query<DueRow>({
    name: 'take-due-schedules',
    text: `SELECT s.tenant_id, s.workflow_id, s.node_id, s.cron, s.time_zone, s.catch_up, s.catch_up_max, s.next_at, now() AS now,
                  v.settings ->> 'queue' AS queue
           FROM schedules s LEFT JOIN workflow_versions v ON v.tenant_id = s.tenant_id AND v.id = s.version_id
           WHERE s.next_at <= now() ORDER BY s.next_at LIMIT ${batchMax} FOR UPDATE OF s SKIP LOCKED`,
  });
  const fired: Fired[] = [];
  let runs = 0;
  for (const row of rows) {
    if (runs >= runsMax) break;
    const one = fireOne(row);
    fired.push(one);
    runs += one.run.length;
  }
  if (fired.length === 0) return { taken: 0, tasks: [] };

  await client.query({
    name: 'move-schedules-on',
    text: `UPDATE schedules s SET next_at = k.next_at, last_at = coalesce(k.last_at, s.last_at), problem = k.problem, updated_at = now()
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[])
             AS k(tenant_id, workflow_id, node_id, next_at, last_at, problem)
           WHERE s.tenant_id = k.tenant_id AND s.workflow_id = k.workflow_id AND s.node_id = k.node_id`,
    values: [
      fired.map(({ row }) => row.tenant_id),
      fired.map(({ row }) => row.workflow_id),
      fired.map(({ row }) => row.node_id),
      fired.map(({ nextAt }) => nextAt),
      fired.map(({ lastAt }) => lastAt),
      fired.map(({ problem }) => problem),
    ],
  });
  const begun = fired.flatMap(({ row, run }) => run.map((payload) => ({ row, payload: JSON.stringify(payload) })));
  if (begun.length === 0) return { taken: fired.length, tasks: [] };
  const inserted = await client.query<WrittenTask>({
    name: 'begin-scheduled-runs',
    text: `INSERT INTO tasks (tenant_id, kind, payload, queue, ticketed_at)
           SELECT tenant_id, 'begin', payload::jsonb, queue, now()
           FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS k(tenant_id, payload, queue, n) ORDER BY n
           RETURNING ${writtenTask()}`,
    values: [
      begun.map(({ row }) => row.tenant_id),
      begun.map(({ payload }) => payload),
      begun.map(({ row }) => readSettings({ queue: row.queue }).queue),
    ],
  });
  return { taken: fired.length, tasks: inserted.rows };
}

function fireOne(row: DueRow): Fired {
  const schedule = { cron: row.cron, timeZone: row.time_zone };
  try {
    // Computed again up to now, with the zone's rules of now: `next_at` says only when to look.
    const from = new Date(row.next_at.getTime() - 1);
    const { run, skipped } = dueBetween(schedule, from, row.now, { mode: row.catch_up, max: row.catch_up_max });
    return {
      row,
      run: run.map((due, index) => beginning(row, due, index === 0 ? skipped : undefined)),
      nextAt: nextDue(schedule, row.now) ?? null,
      lastAt: run.at(-1) ?? null,
      problem: null,
    };
  } catch (error) {
    // One that cannot be computed here must not hold up the others.
    const problem = scheduleProblem(schedule);
    if (problem === undefined) throw error;
    return { row, run: [], nextAt: null, lastAt: null, problem };
  }
}

function beginning(
  { workflow_id: workflowId, node_id: nodeId, cron, time_zone: timeZone, now }: DueRow,
  due: Date,
  skipped: { readonly first: Date; readonly last: Date } | undefined,
): Beginning {
  const scheduledFor = due.toISOString();
  return {
    workflowId,
    nodeId,
    startKey: `s:${workflowId}:${nodeId}:${scheduledFor}`,
    trigger: {
      source: 'schedule',
      sourceType: 'schedule',
      actionType: 'schedule',
      customerId: null,
      clientId: 'schedule',
      receivedAt: now.toISOString(),
    },
    input: {
      scheduledFor,
      timeZone,
      cron,
      ...(skipped === undefined ? {} : { skipped: { first: skipped.first.toISOString(), last: skipped.last.toISOString() } }),
    },
    correlationId: newId(),
  };
}
