import type { Iteration } from '@sluice/engine';
import type { TaskKind } from '@sluice/executions-domain';
import type { Json } from '@sluice/kernel';
import type { TaskTicket } from '@sluice/platform-queue';
import type { TriggerEvent } from '@sluice/webhooks-domain';
import type { Pool } from 'pg';

/** A task that may be worked on now. */
export interface Task {
  readonly id: number;
  readonly tenantId: string;
  readonly kind: TaskKind;
  readonly gen: number;
  readonly epoch: number;
  readonly crashes: number;
  readonly failures: number;
  readonly executionId: string | null;
  readonly nodeId: string | null;
  readonly iteration: Iteration;
  readonly attempt: number;
  readonly payload: Json;
  /** Which of two came first */
  readonly orderAt: number;
  /** start */
  readonly webhookEvent: { readonly id: string; readonly item: TriggerEvent; readonly correlationId: string } | null;
}

interface TaskRow {
  id: number;
  tenant_id: string;
  kind: Task['kind'];
  gen: number;
  epoch: number;
  crashes: number;
  failures: number;
  execution_id: string | null;
  node_id: string | null;
  iteration: string;
  attempt: number;
  payload: Json;
  order_at: number;
  webhook_event_id: string | null;
  item: TriggerEvent | null;
  correlation_id: string | null;
}

/** The tasks that these tickets permit to look at: ready, due, and of the ticket's generation. Any other ticket is forgotten. */
export async function readTasks(pool: Pool, tickets: readonly TaskTicket[]): Promise<Task[]> {
  const { rows } = await pool.query<TaskRow>({
    name: 'read-tasks',
    text: `SELECT t.id, t.tenant_id, t.kind, t.gen, t.epoch, t.crashes, t.failures, t.execution_id, t.node_id, t.iteration,
                  t.attempt, t.payload, t.order_at, t.webhook_event_id, w.item, w.correlation_id
           FROM (SELECT DISTINCT * FROM unnest($1::bigint[], $2::int[]) AS k(id, gen)) k
           JOIN tasks t USING (id, gen)
           LEFT JOIN webhook_events w ON w.tenant_id = t.tenant_id AND w.id = t.webhook_event_id
           WHERE t.status = 'ready' AND t.run_after <= now()
           ORDER BY t.priority DESC, t.order_at`,
    values: [tickets.map(({ id }) => id), tickets.map(({ gen }) => gen)],
  });
  return rows.map((row) => ({
    id: row.id,
    tenantId: row.tenant_id,
    kind: row.kind,
    gen: row.gen,
    epoch: row.epoch,
    crashes: row.crashes,
    failures: row.failures,
    executionId: row.execution_id,
    nodeId: row.node_id,
    iteration: row.iteration,
    attempt: row.attempt,
    payload: row.payload,
    orderAt: row.order_at,
    webhookEvent:
      row.webhook_event_id === null || row.item === null || row.correlation_id === null
        ? null
        : { id: row.webhook_event_id, item: row.item, correlationId: row.correlation_id },
  }));
}

/**
 * Takes a lease on these tasks: at most one worker performs an effect, and what kills its process is counted. Answers those that are
 * ours now, with their new epoch; the others have gone to somebody else.
 */
export async function claimTasks(pool: Pool, tasks: readonly Task[], owner: string, leaseMs: number): Promise<Task[]> {
  if (tasks.length === 0) return [];
  const { rows } = await pool.query<{ id: number; epoch: number }>({
    name: 'claim-tasks',
    text: `UPDATE tasks t SET status = 'leased', epoch = t.epoch + 1, lease_owner = $3, lease_until = now() + $4 * interval '1 millisecond'
           FROM (SELECT t.id FROM unnest($1::bigint[], $2::int[]) AS k(id, epoch) JOIN tasks t USING (id, epoch)
                 WHERE t.status = 'ready' AND t.run_after <= now() ORDER BY t.id FOR UPDATE OF t SKIP LOCKED) k
           WHERE t.id = k.id RETURNING t.id, t.epoch`,
    values: [tasks.map(({ id }) => id), tasks.map(({ epoch }) => epoch), owner, leaseMs],
  });
  const epochs = new Map(rows.map(({ id, epoch }) => [id, epoch]));
  return tasks.flatMap((task) => {
    const epoch = epochs.get(task.id);
    return epoch === undefined ? [] : [{ ...task, epoch }];
  });
}

/** Gives leases back without counting a crash: the worker stops, or could not do what it took them for. */
export async function releaseTasks(pool: Pool, tasks: readonly { readonly id: number; readonly epoch: number }[]): Promise<void> {
  if (tasks.length === 0) return;
  await pool.query(
    `UPDATE tasks t SET status = 'ready', lease_owner = NULL, lease_until = NULL, ticketed_at = NULL, gen = gen + 1
     FROM unnest($1::bigint[], $2::int[]) AS k(id, epoch) WHERE t.id = k.id AND t.epoch = k.epoch AND t.status = 'leased'`,
    [tasks.map(({ id }) => id), tasks.map(({ epoch }) => epoch)],
  );
}

/** Not now: the tasks get another ticket after this long, of a new generation, for whoever has room then. */
export async function putOffTasks(pool: Pool, tasks: readonly Pick<Task, 'id' | 'gen'>[], ms = 1_000): Promise<void> {
  if (tasks.length === 0) return;
  await pool.query({
    name: 'put-off-tasks',
    text: `UPDATE tasks t SET ticketed_at = NULL, gen = t.gen + 1, run_after = now() + $3 * interval '1 millisecond'
           FROM (SELECT t.id FROM unnest($1::bigint[], $2::int[]) AS k(id, gen) JOIN tasks t USING (id, gen)
                 WHERE t.status = 'ready' ORDER BY t.id FOR UPDATE OF t SKIP LOCKED) k
           WHERE t.id = k.id`,
    values: [tasks.map(({ id }) => id), tasks.map(({ gen }) => gen), ms],
  });
}

export interface Postponement {
  readonly task: Pick<Task, 'id' | 'epoch'>;
  /** Until it is tried again */
  readonly delayMs: number;
  /** Work on it failed */
  readonly failure?: {
    /** Towards its end; nothing does for which the task is not to blame */
    readonly counts: boolean;
    readonly error: { readonly message: string };
  };
}

/** Taken, but not done: whoever comes first tries these tasks again, later. Their leases end. */
export async function postponeTasks(pool: Pool, tasks: readonly Postponement[]): Promise<void> {
  if (tasks.length === 0) return;
  await pool.query(
    `UPDATE tasks t
     SET status = 'ready', lease_owner = NULL, lease_until = NULL, ticketed_at = NULL, gen = t.gen + 1,
         run_after = now() + k.delay_ms * interval '1 millisecond', failures = t.failures + k.counted, last_error = coalesce(k.error, t.last_error)
     FROM (SELECT t.id, k.delay_ms, k.counted, k.error
           FROM unnest($1::bigint[], $2::int[], $3::double precision[], $4::int[], $5::jsonb[]) AS k(id, epoch, delay_ms, counted, error)
           JOIN tasks t USING (id, epoch) WHERE t.status <> 'dead' ORDER BY t.id FOR UPDATE OF t SKIP LOCKED) k
     WHERE t.id = k.id`,
    [
      tasks.map(({ task }) => task.id),
      tasks.map(({ task }) => task.epoch),
      tasks.map(({ delayMs }) => delayMs),
      tasks.map(({ failure }) => (failure?.counts === true ? 1 : 0)),
      tasks.map(({ failure }) => (failure === undefined ? null : JSON.stringify(failure.error))),
    ],
  );
}

/** Of these tasks, those whose run is paused wait until it is resumed; answers them. The locked run decides between this and a resumption. */
export async function parkTasks(pool: Pool, tasks: readonly Task[]): Promise<ReadonlySet<number>> {
  if (tasks.length === 0) return new Set();
  const { rows } = await pool.query<{ id: number }>(
    `WITH paused AS (
       SELECT e.id FROM (SELECT DISTINCT * FROM unnest($3::uuid[], $4::uuid[]) AS k(tenant_id, id)) k JOIN workflow_executions e USING (tenant_id, id)
       WHERE e.status = 'paused' ORDER BY e.id FOR SHARE OF e
     )
     UPDATE tasks t
     SET status = 'ready', lease_owner = NULL, lease_until = NULL, ticketed_at = NULL, gen = t.gen + 1, run_after = 'infinity'
     FROM unnest($1::bigint[], $2::int[]) AS k(id, epoch), paused
     WHERE t.id = k.id AND t.epoch = k.epoch AND t.execution_id = paused.id RETURNING t.id`,
    [
      tasks.map(({ id }) => id),
      tasks.map(({ epoch }) => epoch),
      tasks.map(({ tenantId }) => tenantId),
      tasks.map(({ executionId }) => executionId),
    ],
  );
  return new Set(rows.map(({ id }) => id));
}

/**
 * Of these start tasks, those before which another one of the same channel and customer is still to be done, by somebody else: by id, the
 * milliseconds until the last of those is due.
 */
export async function tasksOutOfTurn(pool: Pool, tasks: readonly Task[]): Promise<ReadonlyMap<number, number>> {
  if (tasks.length === 0) return new Map();
  const { rows } = await pool.query<{ id: number; due_in_ms: number }>(
    `SELECT t.id, e.due_in_ms FROM tasks t JOIN webhook_events w ON w.tenant_id = t.tenant_id AND w.id = t.webhook_event_id
     CROSS JOIN LATERAL (
       SELECT extract(epoch FROM max(e.run_after) - now())::float8 * 1000 AS due_in_ms
       FROM tasks e JOIN webhook_events f ON f.tenant_id = e.tenant_id AND f.id = e.webhook_event_id
       WHERE e.tenant_id = t.tenant_id AND e.kind = 'start' AND e.order_at < t.order_at AND e.status <> 'dead' AND NOT e.id = ANY ($1::bigint[])
         AND f.channel_id = w.channel_id AND f.customer_id IS NOT DISTINCT FROM w.customer_id
     ) e
     WHERE t.id = ANY ($1::bigint[]) AND e.due_in_ms IS NOT NULL`,
    [tasks.map(({ id }) => id)],
  );
  return new Map(rows.map(({ id, due_in_ms: dueInMs }) => [id, dueInMs]));
}
