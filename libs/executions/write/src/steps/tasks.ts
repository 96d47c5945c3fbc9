import type { Iteration } from '@sluice/engine';
import { crashesMax, type TaskKind } from '@sluice/executions-domain';
import type { Json } from '@sluice/kernel';
import type { Queue, TaskTicket } from '@sluice/platform-queue';
import type { KeptEvent } from '@sluice/webhooks-domain';
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
  /** start: its line, the events of one customer of one channel */
  readonly line: string | null;
  readonly queue: Queue;
  /** Since it was due */
  readonly waitedSeconds: number;
  /** start */
  readonly webhookEvent: { readonly id: string; readonly item: KeptEvent; readonly correlationId: string } | null;
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
  line: string | null;
  queue: Queue;
  waited: number;
  webhook_event_id: string | null;
  item: KeptEvent | null;
  correlation_id: string | null;
}

/** The tasks that these tickets permit to look at: ready, due, and of the ticket's generation. Any other ticket is forgotten. */
export async function readTasks(pool: Pool, tickets: readonly TaskTicket[]): Promise<Task[]> {
  const { rows } = await pool.query<TaskRow>({
    name: 'read-tasks',
    text: `SELECT ${taskColumns} FROM (SELECT DISTINCT * FROM unnest($1::bigint[], $2::int[]) AS k(id, gen)) k
           JOIN tasks t USING (id, gen)
           LEFT JOIN webhook_events w ON w.tenant_id = t.tenant_id AND w.id = t.webhook_event_id
           WHERE t.status = 'ready' AND t.run_after <= now()
           ORDER BY t.priority DESC, t.order_at`,
    values: [tickets.map(({ id }) => id), tickets.map(({ gen }) => gen)],
  });
  return rows.map(taskOf);
}

const taskColumns = `t.id, t.tenant_id, t.kind, t.gen, t.epoch, t.crashes, t.failures, t.execution_id, t.node_id, t.iteration, t.attempt, t.payload,
  t.queue, extract(epoch FROM now() - t.run_after)::float8 AS waited, t.order_key::text AS line, t.webhook_event_id, w.item, w.correlation_id`;

const taskOf = (row: TaskRow): Task => ({
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
  queue: row.queue,
  waitedSeconds: row.waited,
  line: row.line,
  webhookEvent:
    row.webhook_event_id === null || row.item === null || row.correlation_id === null
      ? null
      : { id: row.webhook_event_id, item: row.item, correlationId: row.correlation_id },
});

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

/** Not now, and without losing their place: the tasks wait for a ticket again, of a new generation, and belong to nobody. */
export async function handBackTasks(pool: Pool, tasks: readonly Task[]): Promise<void> {
  if (tasks.length === 0) return;
  await pool.query(
    `UPDATE tasks t SET status = 'ready', lease_owner = NULL, lease_until = NULL, ticketed_at = NULL, gen = t.gen + 1
     FROM (SELECT t.id FROM unnest($1::bigint[], $2::int[]) AS k(id, epoch) JOIN tasks t USING (id, epoch)
           WHERE t.status IN ('ready', 'leased') ORDER BY t.id FOR UPDATE OF t) k
     WHERE t.id = k.id`,
    [tasks.map(({ id }) => id), tasks.map(({ epoch }) => epoch)],
  );
}

/**
 * Not now: the tasks, claimed by us or by nobody, get another ticket after this long, of a new generation, for whoever has room then. One that
 * was skipped because somebody locks it would keep its lease until that runs out.
 */
export async function putOffTasks(pool: Pool, tasks: readonly Pick<Task, 'id' | 'epoch'>[], ms = 1_000): Promise<void> {
  if (tasks.length === 0) return;
  await pool.query({
    name: 'put-off-tasks',
    text: `UPDATE tasks t SET status = 'ready', lease_owner = NULL, lease_until = NULL, ticketed_at = NULL, gen = t.gen + 1,
                  run_after = now() + $3 * interval '1 millisecond'
           FROM (SELECT t.id FROM unnest($1::bigint[], $2::int[]) AS k(id, epoch) JOIN tasks t USING (id, epoch)
                 WHERE t.status IN ('ready', 'leased') ORDER BY t.id FOR UPDATE OF t) k
           WHERE t.id = k.id`,
    values: [tasks.map(({ id }) => id), tasks.map(({ epoch }) => epoch), ms],
  });
}

/** Of tasks that cannot even be read nothing is known but their tickets. */
export async function putOffTickets(pool: Pool, tickets: readonly TaskTicket[], ms: number): Promise<void> {
  await pool.query(
    `UPDATE tasks t SET ticketed_at = NULL, gen = t.gen + 1, run_after = now() + $3 * interval '1 millisecond'
     FROM unnest($1::bigint[], $2::int[]) AS k(id, gen) WHERE t.id = k.id AND t.gen = k.gen AND t.status = 'ready'`,
    [tickets.map(({ id }) => id), tickets.map(({ gen }) => gen), ms],
  );
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
           JOIN tasks t USING (id, epoch) WHERE t.status <> 'dead' ORDER BY t.id FOR UPDATE OF t) k
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

export interface Line {
  readonly tenantId: string;
  readonly line: string;
}

/** So many of a line at once */
const headMax = 50;

/**
 * Takes leases on the heads of these lines: of each the tasks, in order, up to the first that somebody else has, that is not due, or that was
 * with a worker as it died, unless so often that it is only given up; `alone`: only the first, whichever it is. Of a line whose head somebody
 * else takes at the same moment, none: what stands behind it is theirs, who come back for more when they are done.
 */
export async function claimLines(pool: Pool, lines: readonly Line[], alone: boolean, owner: string, leaseMs: number): Promise<Task[]> {
  if (lines.length === 0) return [];
  const { rows } = await pool.query<TaskRow>({
    name: 'claim-lines',
    text: `WITH head AS (
             SELECT * FROM (
               SELECT k.n, t.id, bool_and(t.status = 'ready' AND t.run_after <= now() AND ($5 OR t.crashes = 0 OR t.crashes >= ${crashesMax})) OVER (PARTITION BY k.n ORDER BY t.order_at) AS free
               FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS k(tenant_id, line, n), LATERAL (
                 SELECT id, status, run_after, crashes, order_at FROM tasks t
                 WHERE t.tenant_id = k.tenant_id AND t.order_key = k.line AND t.kind = 'start' AND t.status <> 'dead'
                 ORDER BY t.order_at LIMIT CASE WHEN $5 THEN 1 ELSE ${headMax} END) t) h
             WHERE free
           ), locked AS (
             SELECT h.n, t.id FROM tasks t JOIN head h USING (id) WHERE t.status = 'ready' ORDER BY t.id FOR UPDATE OF t
           ), whole AS (
             SELECT n FROM head LEFT JOIN locked USING (n, id) GROUP BY n HAVING count(*) = count(locked.id)
           ), claimed AS (
             UPDATE tasks t SET status = 'leased', epoch = t.epoch + 1, lease_owner = $3, lease_until = now() + $4 * interval '1 millisecond'
             FROM locked WHERE t.id = locked.id AND locked.n IN (SELECT n FROM whole) RETURNING t.*
           )
           SELECT ${taskColumns} FROM claimed t LEFT JOIN webhook_events w ON w.tenant_id = t.tenant_id AND w.id = t.webhook_event_id
           ORDER BY t.order_at`,
    values: [lines.map(({ tenantId }) => tenantId), lines.map(({ line }) => line), owner, leaseMs, alone],
  });
  return rows.map(taskOf);
}

/** After this long those behind a head that is about to be taken alone look again. */
const behindMs = 1_000;

/**
 * Tickets of tasks of lines of which nothing could be taken. Where somebody works on the head, they go on with these and their tickets are done
 * with. Where nobody does, as it is tried again later or taken alone, these come after it: a ticket that nobody works on would keep a place
 * of the tenant, which the head itself may need.
 */
export async function waitBehindHeads(pool: Pool, tasks: readonly Task[]): Promise<void> {
  if (tasks.length === 0) return;
  await pool.query({
    name: 'wait-behind-heads',
    text: `UPDATE tasks t SET ticketed_at = NULL, gen = t.gen + 1, run_after = k.run_after
           FROM (SELECT t.id, greatest(head.run_after, now() + interval '${behindMs} milliseconds') AS run_after
                 FROM unnest($1::bigint[], $2::int[]) AS k(id, gen) JOIN tasks t USING (id, gen), LATERAL (
                   SELECT h.id, h.status, h.run_after, h.crashes FROM tasks h
                   WHERE h.tenant_id = t.tenant_id AND h.order_key = t.order_key AND h.kind = 'start' AND h.status <> 'dead'
                   ORDER BY h.order_at LIMIT 1) head
                 WHERE t.status = 'ready' AND head.id <> t.id AND head.status = 'ready' AND (head.run_after > now() OR head.crashes > 0)
                 ORDER BY t.id FOR UPDATE OF t) k
           WHERE t.id = k.id`,
    values: [tasks.map(({ id }) => id), tasks.map(({ gen }) => gen)],
  });
}

/** The heads of these lines wait for a ticket again: whoever takes it goes on where we stopped. */
export async function handOnLines(pool: Pool, lines: readonly Line[]): Promise<void> {
  if (lines.length === 0) return;
  await pool.query(
    `UPDATE tasks t SET ticketed_at = NULL, gen = t.gen + 1
     FROM (SELECT DISTINCT ON (t.tenant_id, t.order_key) t.id FROM unnest($1::uuid[], $2::bigint[]) AS k(tenant_id, line)
           JOIN tasks t ON t.tenant_id = k.tenant_id AND t.order_key = k.line AND t.kind = 'start' AND t.status <> 'dead'
           ORDER BY t.tenant_id, t.order_key, t.order_at) head
     WHERE t.id = head.id AND t.status = 'ready'`,
    [lines.map(({ tenantId }) => tenantId), lines.map(({ line }) => line)],
  );
}
