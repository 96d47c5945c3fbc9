import { type TaskTicket, type WrittenTask, writtenTask } from '@sluice/platform-queue';
import type { Pool } from 'pg';
import { leaseMs as longestLeaseMs } from '../steps/leases.js';

// One function per sweep. Each skips rows that others hold, and writes nothing when there is nothing to do.

const rowsMax = 500;

/** Due timers become resume tasks. */
export async function fireDueTimers(pool: Pool): Promise<WrittenTask[]> {
  const { rows } = await pool.query<WrittenTask>({
    name: 'fire-due-timers',
    text: `WITH due AS (
             SELECT tenant_id, execution_id, node_id, iteration FROM timers WHERE due_at <= now() ORDER BY due_at LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED
           ), fired AS (
             DELETE FROM timers t USING due WHERE t.tenant_id = due.tenant_id AND t.execution_id = due.execution_id AND t.node_id = due.node_id
               AND t.iteration = due.iteration
             RETURNING t.tenant_id, t.execution_id, t.node_id, t.iteration
           )
           INSERT INTO tasks (tenant_id, kind, execution_id, node_id, iteration, ticketed_at)
           SELECT tenant_id, 'resume', execution_id, node_id, iteration, now() FROM fired
           RETURNING ${writtenTask()}`,
  });
  return rows;
}

/** Waits whose time is over become resume tasks. */
export async function endDueWaits(pool: Pool): Promise<WrittenTask[]> {
  const { rows } = await pool.query<WrittenTask>({
    name: 'end-due-waits',
    text: `WITH due AS (
             SELECT tenant_id, execution_id, node_id, iteration FROM waits WHERE until <= now() ORDER BY until LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED
           ), ended AS (
             DELETE FROM waits w USING due WHERE w.tenant_id = due.tenant_id AND w.execution_id = due.execution_id AND w.node_id = due.node_id
               AND w.iteration = due.iteration
             RETURNING w.tenant_id, w.execution_id, w.node_id, w.iteration
           )
           INSERT INTO tasks (tenant_id, kind, execution_id, node_id, iteration, payload, ticketed_at)
           SELECT tenant_id, 'resume', execution_id, node_id, iteration, '{"type": "timeout"}', now() FROM ended
           RETURNING ${writtenTask()}`,
  });
  return rows;
}

/** For how many seconds the oldest task that waits for a ticket has been due; undefined: none waits. */
export async function oldestWaiting(pool: Pool): Promise<number | undefined> {
  const { rows } = await pool.query<{ seconds: number }>({
    name: 'oldest-waiting',
    text: `SELECT extract(epoch FROM now() - run_after)::float8 AS seconds FROM tasks
           WHERE status = 'ready' AND ticketed_at IS NULL AND id > 0 AND run_after <= now() ORDER BY run_after LIMIT 1`,
  });
  return rows[0]?.seconds;
}

/** Since when the oldest task is due that has a ticket, and so may run; undefined: none for so long. */
export async function oldestTicketed(pool: Pool, olderThanMs: number): Promise<number | undefined> {
  const { rows } = await pool.query<{ seconds: number }>({
    name: 'oldest-ticketed',
    text: `SELECT extract(epoch FROM now() - run_after)::float8 AS seconds FROM tasks
           WHERE status = 'ready' AND ticketed_at IS NOT NULL AND run_after <= now() - $1 * interval '1 millisecond' ORDER BY run_after LIMIT 1`,
    values: [olderThanMs],
  });
  return rows[0]?.seconds;
}

/** Tasks by class and state. */
export async function countTasks(
  pool: Pool,
): Promise<readonly { readonly queue: string; readonly state: string; readonly tasks: number }[]> {
  const { rows } = await pool.query<{ queue: string; state: string; tasks: number }>({
    name: 'count-tasks',
    text: `SELECT queue, CASE WHEN status <> 'ready' THEN status WHEN ticketed_at IS NOT NULL THEN 'ticketed'
                              WHEN run_after <= now() THEN 'waiting' ELSE 'later' END AS state, count(*)::int AS tasks
           FROM tasks GROUP BY 1, 2`,
  });
  return rows;
}

/**
 * Ready tasks whose ticket is this old get a new one, of a new generation: whoever takes it must claim. Tenants take turns, each with its
 * oldest.
 */
export async function renewOldTickets(pool: Pool, olderThanMs: number, limit = rowsMax): Promise<TaskTicket[]> {
  const { rows } = await pool.query<TaskTicket>({
    name: 'renew-old-tickets',
    text: `UPDATE tasks SET gen = gen + 1, ticketed_at = now()
           WHERE id = ANY (ARRAY(
             SELECT id FROM tasks WHERE status = 'ready' AND id = ANY (ARRAY(
               SELECT id FROM (
                 SELECT id, row_number() OVER (PARTITION BY tenant_id ORDER BY ticketed_at, id) AS turn FROM tasks
                 WHERE status = 'ready' AND ticketed_at < now() - $1 * interval '1 millisecond' AND run_after <= now()) old
               ORDER BY turn LIMIT $2))
             ORDER BY id FOR UPDATE SKIP LOCKED))
           RETURNING id, gen`,
    values: [olderThanMs, limit],
  });
  return rows;
}

/**
 * Tasks whose lease ran out are ready again. It counts as a crash only if the worker's own row is stale as well and Postgres has been
 * up for a whole lease: neither a slow worker nor a database restart makes a task look deadly. Of a line only the head can have stopped its
 * worker: nothing behind it had begun, and heads come last here, so that the rest is seen behind them. A lease that ends later than any can
 * was written while the database's clock was ahead: it is over as well.
 */
export async function requeueExpiredLeases(pool: Pool, leaseMs: number): Promise<{ readonly tasks: number; readonly crashes: number }> {
  const { rows } = await pool.query<{ crashed: boolean }>({
    name: 'requeue-expired-leases',
    text: `UPDATE tasks t
           SET status = 'ready', lease_owner = NULL, lease_until = NULL, ticketed_at = NULL, gen = t.gen + 1, crashes = t.crashes + k.crashed::int
           FROM (SELECT l.id, NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = l.lease_owner AND w.beat_at > now() - $1 * interval '1 millisecond')
                        AND pg_postmaster_start_time() <= now() - $1 * interval '1 millisecond'
                        AND (l.order_key IS NULL OR NOT EXISTS (
                          SELECT 1 FROM tasks h WHERE h.tenant_id = l.tenant_id AND h.order_key = l.order_key AND h.kind = 'start'
                            AND h.status = 'leased' AND h.lease_owner = l.lease_owner AND h.order_at < l.order_at)) AS crashed
                 FROM tasks l WHERE l.status = 'leased' AND (l.lease_until < now() OR l.lease_until > now() + ${2 * longestLeaseMs} * interval '1 millisecond')
                 ORDER BY l.lease_until, l.order_at DESC LIMIT ${rowsMax} FOR UPDATE OF l SKIP LOCKED) k
           WHERE t.id = k.id RETURNING k.crashed`,
    values: [leaseMs],
  });
  return { tasks: rows.length, crashes: rows.filter(({ crashed }) => crashed).length };
}

/** By what is forgotten: workers that are long gone, what commands answered a day ago, and values, answers and requests past their time. */
const forgotten = {
  workers: `DELETE FROM workers WHERE beat_at < now() - interval '1 hour'`,
  'idempotency keys': `DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'`,
  'daily runs': `DELETE FROM daily_runs WHERE day < (now() AT TIME ZONE 'UTC')::date - 7`,
  'node state': 'DELETE FROM node_state WHERE expires_at < now()',
  'webhook answers': `DELETE FROM webhook_answers WHERE created_at < now() - interval '1 hour'`,
  'worker requests': `DELETE FROM worker_requests WHERE created_at < now() - interval '7 days'`,
};

/**
 * Keeps the log's next partitions ahead, and forgets what is past its time, each part apart from the others. Answers how many events fell
 * into the default partition.
 */
export async function keepHouse(pool: Pool, apart: (part: string, work: () => Promise<void>) => Promise<void>): Promise<number> {
  let strays = 0;
  await apart('partitions', async () => {
    const { rows } = await pool.query<{ strays: number }>('SELECT ensure_event_partitions() AS strays');
    strays = rows[0]?.strays ?? 0;
  });
  for (const [part, text] of Object.entries(forgotten)) await apart(part, async () => void (await pool.query(text)));
  return strays;
}

export interface AuditSeal {
  readonly tenantId: string;
  readonly n: number;
  /** The position of the log up to which it reaches */
  readonly upto: number;
  readonly entries: number;
  /** In hexadecimal */
  readonly hash: string;
}

/** Closes the audit's new entries under a hash, one chain for each tenant. */
export async function sealAudit(pool: Pool): Promise<AuditSeal[]> {
  const { rows } = await pool.query<AuditSeal>(
    `SELECT tenant_id AS "tenantId", n::int, upto::float8, entries, encode(hash, 'hex') AS hash FROM seal_audit()`,
  );
  return rows;
}
