import type { TriggerMetadata } from '@sluice/executions-domain';
import { type Json, newId } from '@sluice/kernel';
import { type CatchUp, dueBetween, nextDue, scheduleProblem } from '@sluice/nodes';
import type { TaskTicket } from '@sluice/platform-queue';
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
export async function fireDueSchedules(pool: Pool): Promise<TaskTicket[]> {
  const begun: TaskTicket[] = [];
  while (begun.length < runsMax && (await anyIsDue(pool))) {
    const { taken, tickets } = await inTransaction(pool, fireBatch);
    begun.push(...tickets);
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

async function fireBatch(client: PoolClient): Promise<{ readonly taken: number; readonly tickets: readonly TaskTicket[] }> {
  const { rows } = await client.query<DueRow>({
    name: 'take-due-schedules',
    text: `SELECT tenant_id, workflow_id, node_id, cron, time_zone, catch_up, catch_up_max, next_at, now() AS now
           FROM schedules WHERE next_at <= now() ORDER BY next_at LIMIT ${batchMax} FOR UPDATE SKIP LOCKED`,
  });
  const fired: Fired[] = [];
  let runs = 0;
  for (const row of rows) {
    if (runs >= runsMax) break;
    const one = fireOne(row);
    fired.push(one);
    runs += one.run.length;
  }
  if (fired.length === 0) return { taken: 0, tickets: [] };

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
  const begun = fired.flatMap(({ row, run }) => run.map((payload) => ({ tenantId: row.tenant_id, payload: JSON.stringify(payload) })));
  if (begun.length === 0) return { taken: fired.length, tickets: [] };
  const inserted = await client.query<TaskTicket>({
    name: 'begin-scheduled-runs',
    text: `INSERT INTO tasks (tenant_id, kind, payload, ticketed_at)
           SELECT tenant_id, 'begin', payload::jsonb, now() FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS k(tenant_id, payload, n) ORDER BY n
           RETURNING id, gen`,
    values: [begun.map(({ tenantId }) => tenantId), begun.map(({ payload }) => payload)],
  });
  return { taken: fired.length, tickets: inserted.rows };
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
