import { executionIsOver, type Iteration, type NodeError } from '@sluice/engine';
import type { Json, JsonObject } from '@sluice/kernel';
import { type WrittenTask, writtenTask } from '@sluice/platform-queue';
import type { Pool, PoolClient } from 'pg';
import type { Step } from './run-step.js';

// A row of `waits` is consumed by whoever deletes it: an event, a person, the end of a run that was called, or its time. So each wait ends
// once, whatever comes together. What it ends with goes to its run as the payload of a `resume` task.

/** How a node that waited goes on. Without one: by `out`, with its input. */
export type Resumption =
  | { readonly type: 'completed'; readonly handle: string; readonly output: Json }
  | { readonly type: 'failed'; readonly error: NodeError }
  | { readonly type: 'timeout' };

export interface WaitKey {
  readonly tenantId: string;
  readonly executionId: string;
  readonly nodeId: string;
  readonly iteration: Iteration;
}

/** A run that waits for an event. */
export interface EventWait extends WaitKey {
  readonly workflowId: string;
  readonly kinds: readonly string[];
  readonly condition: string | null;
  readonly scope: JsonObject | null;
  readonly exclusive: boolean;
  readonly createdAt: Date;
}

const placesOf = (waits: readonly WaitKey[]) => [
  waits.map(({ tenantId }) => tenantId),
  waits.map(({ executionId }) => executionId),
  waits.map(({ nodeId }) => nodeId),
  waits.map(({ iteration }) => iteration),
];

const eventWaitColumns = `w.tenant_id AS "tenantId", w.execution_id AS "executionId", w.node_id AS "nodeId", w.iteration,
  w.workflow_id AS "workflowId", w.kinds, w.condition, w.scope, w.exclusive, w.created_at AS "createdAt"`;

export interface WaitOfCustomer extends EventWait {
  readonly channelId: string;
  readonly customerId: string;
  /** Events of those asked for that its run went on with before it waited: it does not take them again. */
  readonly past: readonly string[];
}

/** Who waits for events of the customers that these are of. */
export async function readEventWaits(
  pool: Pool,
  events: readonly { readonly tenantId: string; readonly id: string; readonly channelId: string; readonly customerId: string }[],
): Promise<WaitOfCustomer[]> {
  if (events.length === 0) return [];
  const { rows } = await pool.query<WaitOfCustomer>({
    name: 'read-event-waits',
    text: `SELECT ${eventWaitColumns}, w.channel_id AS "channelId", w.customer_id AS "customerId",
                  ARRAY(SELECT m.event_id FROM wait_matches m WHERE m.tenant_id = w.tenant_id AND m.execution_id = w.execution_id
                          AND m.event_id = ANY ($4::uuid[]) AND m.created_at <= w.created_at) AS past
           FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(tenant_id, channel_id, customer_id)) k
           JOIN waits w USING (tenant_id, channel_id, customer_id) WHERE w.kind = 'event'`,
    values: [
      events.map(({ tenantId }) => tenantId),
      events.map(({ channelId }) => channelId),
      events.map(({ customerId }) => customerId),
      events.map(({ id }) => id),
    ],
  });
  return rows;
}

/** A wait, and the event that is to end it. */
export interface Match extends WaitKey {
  readonly eventId: string;
  readonly exclusive: boolean;
}

/** Of these, those that can still be: their waits are locked, and nobody else consumes them before this transaction ends. */
export async function lockMatches(client: PoolClient, matches: readonly Match[]): Promise<(match: Match) => boolean> {
  if (matches.length === 0) return () => false;
  const { rows } = await client.query<Omit<Match, 'tenantId'>>(
    `SELECT w.execution_id AS "executionId", w.node_id AS "nodeId", w.iteration, k.event_id AS "eventId"
     FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[]) AS k(tenant_id, execution_id, node_id, iteration, event_id)
     JOIN waits w USING (tenant_id, execution_id, node_id, iteration)
     WHERE NOT EXISTS (SELECT FROM wait_matches m WHERE m.tenant_id = w.tenant_id AND m.execution_id = w.execution_id
                         AND m.event_id = k.event_id AND m.created_at <= w.created_at)
     ORDER BY 1, 2, 3 FOR UPDATE OF w`,
    [...placesOf(matches), matches.map(({ eventId }) => eventId)],
  );
  const keyOf = (match: Omit<Match, 'tenantId'>) => `${match.eventId}/${keyOfWait(match)}`;
  const there = new Set(rows.map(keyOf));
  return (match) => there.has(keyOf(match));
}

/** The workflows whose runs took these events for themselves: they begin none with them. */
export async function readTakers(
  client: Pool | PoolClient,
  events: readonly { readonly tenantId: string; readonly eventId: string }[],
): Promise<{ readonly eventId: string; readonly workflowId: string }[]> {
  if (events.length === 0) return [];
  const { rows } = await client.query<{ eventId: string; workflowId: string }>({
    name: 'read-takers',
    text: `SELECT m.event_id AS "eventId", e.workflow_id AS "workflowId"
           FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, event_id)
           JOIN wait_matches m USING (tenant_id, event_id)
           JOIN workflow_executions e ON e.tenant_id = m.tenant_id AND e.id = m.execution_id
           WHERE m.exclusive`,
    values: [events.map(({ tenantId }) => tenantId), events.map(({ eventId }) => eventId)],
  });
  return rows;
}

export const keyOfWait = ({ executionId, nodeId, iteration }: Omit<WaitKey, 'tenantId'>): string => `${executionId}/${iteration}/${nodeId}`;

/** How a wait ends. `childId`: only the wait for this run that was called; a call that was made again waits for another. */
export type WaitEnd = WaitKey & { readonly resumption: Resumption; readonly childId?: string };

/** Consumes waits: each run gets its task. Waits that are gone get none. */
export async function consumeWaits(client: PoolClient, waits: readonly WaitEnd[]): Promise<WrittenTask[]> {
  if (waits.length === 0) return [];
  const { rows } = await client.query<WrittenTask>(
    `WITH gone AS (
       DELETE FROM waits w USING unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::uuid[])
         AS k(tenant_id, execution_id, node_id, iteration, payload, child)
       WHERE w.tenant_id = k.tenant_id AND w.execution_id = k.execution_id AND w.node_id = k.node_id AND w.iteration = k.iteration
         AND (k.child IS NULL OR w.child_execution_id = k.child)
       RETURNING k.*
     )
     INSERT INTO tasks (tenant_id, kind, execution_id, node_id, iteration, payload, ticketed_at)
     SELECT tenant_id, 'resume', execution_id, node_id, iteration, payload, now() FROM gone RETURNING ${writtenTask()}`,
    [...placesOf(waits), waits.map(({ resumption }) => JSON.stringify(resumption)), waits.map(({ childId = null }) => childId)],
  );
  return rows;
}

/** Remembers which events a run went on with, so that its next wait does not take them again; and which of them are its workflow's alone. */
export async function rememberMatches(client: PoolClient, matches: readonly Match[]): Promise<void> {
  if (matches.length === 0) return;
  await client.query(
    `INSERT INTO wait_matches AS m (tenant_id, execution_id, event_id, exclusive)
     SELECT tenant_id, execution_id, event_id, bool_or(exclusive)
     FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[]) AS k(tenant_id, execution_id, event_id, exclusive)
     GROUP BY 1, 2, 3
     ON CONFLICT (tenant_id, execution_id, event_id) DO UPDATE SET exclusive = true WHERE excluded.exclusive AND NOT m.exclusive`,
    [
      matches.map(({ tenantId }) => tenantId),
      matches.map(({ executionId }) => executionId),
      matches.map(({ eventId }) => eventId),
      matches.map(({ exclusive }) => exclusive),
    ],
  );
}

/**
 * The waits that steps began; each for an event also gets a task that looks for one that came just before: whoever commits an event after
 * this commit sees the wait, and what was committed before is seen by that task.
 */
export async function writeWaits(client: PoolClient, steps: readonly Step[]): Promise<WrittenTask[]> {
  const rows = steps.flatMap(({ run, waits }) => waits.map((wait) => ({ run, wait })));
  if (rows.length === 0) return [];
  await client.query({
    name: 'write-waits',
    text: `INSERT INTO waits (tenant_id, execution_id, node_id, iteration, workflow_id, kind, channel_id, customer_id, kinds, condition, scope,
                              exclusive, child_execution_id, title, message, until)
           SELECT tenant_id, execution_id, node_id, iteration, workflow_id, kind, channel_id, customer_id, kinds, condition, scope,
                  coalesce(exclusive, false), child_execution_id, title, message, until
           FROM jsonb_to_recordset($1::jsonb) AS w(tenant_id uuid, execution_id uuid, node_id text, iteration text, workflow_id uuid, kind text,
             channel_id uuid, customer_id text, kinds text[], condition text, scope jsonb, exclusive boolean, child_execution_id uuid, title text,
             message text, until timestamptz)
           ON CONFLICT DO NOTHING`,
    values: [
      JSON.stringify(
        rows.map(({ run, wait }) => ({
          tenant_id: run.tenantId,
          execution_id: run.id,
          node_id: wait.nodeId,
          iteration: wait.iteration,
          workflow_id: run.workflowId,
          kind: wait.kind,
          until: wait.until,
          ...(wait.kind === 'execution' && { child_execution_id: wait.childId }),
          ...(wait.kind === 'approval' && { title: wait.title, message: wait.message }),
          ...(wait.kind === 'event' && {
            channel_id: wait.channelId,
            customer_id: wait.customerId,
            kinds: wait.kinds,
            condition: wait.condition,
            scope: wait.scope,
            exclusive: wait.exclusive,
          }),
        })),
      ),
    ],
  });
  const events = rows.filter(({ wait }) => wait.kind === 'event');
  if (events.length === 0) return [];
  const { rows: tickets } = await client.query<WrittenTask>(
    `INSERT INTO tasks (tenant_id, kind, execution_id, node_id, iteration, ticketed_at)
     SELECT tenant_id, 'match', execution_id, node_id, iteration, now()
     FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS k(tenant_id, execution_id, node_id, iteration) RETURNING ${writtenTask()}`,
    placesOf(events.map(({ run, wait }) => ({ tenantId: run.tenantId, executionId: run.id, ...wait }))),
  );
  return tickets;
}

/** What nobody waits for any more: the waits, timers and tasks of runs that are over and of frames that were given up. Runs that were called end. */
export async function dropWhatIsLeft(client: PoolClient, steps: readonly Step[]): Promise<WrittenTask[]> {
  const prefixes = steps.flatMap(({ run: { tenantId, id }, state, givenUp, leavesBehind }) => {
    const dropped: readonly (string | null)[] = executionIsOver(state) ? (leavesBehind ? [null] : []) : givenUp;
    return dropped.map((prefix) => ({ tenantId, id, prefix }));
  });
  // A run that began and ended in this step left nothing behind.
  const left = prefixes.filter(({ id }) => steps.some(({ run }) => run.id === id && run.version > 0));
  if (left.length === 0) return [];
  const values = [left.map(({ tenantId }) => tenantId), left.map(({ id }) => id), left.map(({ prefix }) => prefix)];
  const keys = 'unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(tenant_id, execution_id, prefix)';
  const of = (alias: string) =>
    `${alias}.tenant_id = k.tenant_id AND ${alias}.execution_id = k.execution_id AND (k.prefix IS NULL OR starts_with(${alias}.iteration || '/', k.prefix))`;
  const { rows: called } = await client.query<{ tenant_id: string; child: string | null }>(
    `DELETE FROM waits w USING ${keys} WHERE ${of('w')} RETURNING w.tenant_id, w.child_execution_id AS child`,
    values,
  );
  await client.query(`DELETE FROM timers t USING ${keys} WHERE ${of('t')}`, values);
  await client.query(
    `DELETE FROM tasks WHERE id IN (SELECT t.id FROM ${keys} JOIN tasks t ON ${of('t')} WHERE t.status = 'ready' ORDER BY t.id FOR UPDATE OF t SKIP LOCKED)`,
    values,
  );
  const children = called.flatMap(({ tenant_id: tenantId, child }) => (child === null ? [] : [{ tenantId, child }]));
  if (children.length === 0) return [];
  const { rows } = await client.query<WrittenTask>(
    `INSERT INTO tasks (tenant_id, kind, execution_id, payload, ticketed_at)
     SELECT tenant_id, 'cancel', id, '{"reason": "The run that called it is over."}', now()
     FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, id) RETURNING ${writtenTask()}`,
    [children.map(({ tenantId }) => tenantId), children.map(({ child }) => child)],
  );
  return rows;
}

/** A run that was called and is over lets its caller go on. */
export function endOfCall({ run, state }: Step): WaitEnd | undefined {
  if (run.parent === null || !executionIsOver(state)) return undefined;
  const { executionId, nodeId, iteration } = run.parent;
  const place = { tenantId: run.tenantId, executionId, nodeId, iteration, childId: run.id };
  if (state.status === 'completed') return { ...place, resumption: { type: 'completed', handle: 'out', output: state.output ?? null } };
  const message = `The run that was called ended ${state.status}${state.error === undefined ? '' : `: ${state.error.message}`}`;
  const details = { executionId: run.id, status: state.status, ...(state.error === undefined ? {} : { error: { ...state.error } }) };
  return { ...place, resumption: { type: 'failed', error: { code: 'subworkflow_failed', message, details } } };
}
