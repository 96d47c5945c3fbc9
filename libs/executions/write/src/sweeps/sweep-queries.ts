import type { TaskTicket } from '@sluice/platform-queue';
import type { Pool } from 'pg';
import { leaseMs as longestLeaseMs } from '../steps/leases.js';

// One function per sweep. Each skips rows that others hold, and writes nothing when there is nothing to do.

const rowsMax = 500;

/** Due timers become resume tasks. */
export async function fireDueTimers(pool: Pool): Promise<TaskTicket[]> {
  const { rows } = await pool.query<TaskTicket>({
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
           RETURNING id, gen`,
  });
  return rows;
}

/** Waits whose time is over become resume tasks. */
export async function endDueWaits(pool: Pool): Promise<TaskTicket[]> {
  const { rows } = await pool.query<TaskTicket>({
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
           RETURNING id, gen`,
  });
  return rows;
}

/** Tasks without a ticket that are due now: retries, released leases, what a full queue did not take. */
export async function ticketDueTasks(pool: Pool): Promise<TaskTicket[]> {
  const { rows } = await pool.query<TaskTicket>({
    name: 'ticket-due-tasks',
    text: `UPDATE tasks t SET ticketed_at = now()
           FROM (SELECT id FROM tasks WHERE status = 'ready' AND ticketed_at IS NULL AND run_after <= now()
                 ORDER BY run_after LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED) k
           WHERE t.id = k.id RETURNING t.id, t.gen, t.priority`,
  });
  return rows;
}

/** Ready tasks whose ticket is this old get a new one, of a new generation: whoever takes it must claim. */
export async function renewOldTickets(pool: Pool, olderThanMs: number, limit = rowsMax): Promise<TaskTicket[]> {
  const { rows } = await pool.query<TaskTicket>({
    name: 'renew-old-tickets',
    text: `UPDATE tasks t SET gen = t.gen + 1, ticketed_at = now()
           FROM (SELECT id FROM tasks WHERE status = 'ready' AND ticketed_at < now() - $1 * interval '1 millisecond' AND run_after <= now()
                 ORDER BY ticketed_at LIMIT $2 FOR UPDATE SKIP LOCKED) k
           WHERE t.id = k.id RETURNING t.id, t.gen`,
    values: [olderThanMs, limit],
  });
  return rows;
}

/**
 * Tasks whose lease ran out are ready again. It counts as a crash only if the worker's own row is stale as well and Postgres has been
 * up for a whole lease: neither a slow worker nor a database restart makes a task look deadly. A lease that ends later than any can was
 * written while the database's clock was ahead: it is over as well.
 */
export async function requeueExpiredLeases(pool: Pool, leaseMs: number): Promise<number> {
  const { rowCount } = await pool.query({
    name: 'requeue-expired-leases',
    text: `UPDATE tasks t
           SET status = 'ready', lease_owner = NULL, lease_until = NULL, ticketed_at = NULL, gen = t.gen + 1,
               crashes = t.crashes + CASE
                 WHEN EXISTS (SELECT 1 FROM workers w WHERE w.id = t.lease_owner AND w.beat_at > now() - $1 * interval '1 millisecond') THEN 0
                 WHEN pg_postmaster_start_time() > now() - $1 * interval '1 millisecond' THEN 0
                 ELSE 1 END
           FROM (SELECT id FROM tasks WHERE status = 'leased' AND (lease_until < now() OR lease_until > now() + ${2 * longestLeaseMs} * interval '1 millisecond')
                 ORDER BY lease_until LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED) k
           WHERE t.id = k.id`,
    values: [leaseMs],
  });
  return rowCount ?? 0;
}

/**
 * Keeps the log's next partitions ahead, and forgets workers that are long gone, what commands answered a day ago, and values, answers and
 * requests past their time. Answers how many
 * events fell into the default partition.
 */
export async function keepHouse(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ strays: number }>('SELECT ensure_event_partitions() AS strays');
  await pool.query(`DELETE FROM workers WHERE beat_at < now() - interval '1 hour'`);
  await pool.query(`DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'`);
  await pool.query(`DELETE FROM node_state WHERE expires_at < now()`);
  await pool.query(`DELETE FROM webhook_answers WHERE created_at < now() - interval '1 hour'`);
  await pool.query(`DELETE FROM worker_requests WHERE created_at < now() - interval '7 days'`);
  return rows[0]?.strays ?? 0;
}
