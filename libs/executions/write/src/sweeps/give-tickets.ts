import {
  isLight,
  type Lane,
  laneOf,
  readWindows,
  type TaskTicket,
  ticketFor,
  type Windows,
  type WrittenTask,
  writtenTask,
} from '@sluice/platform-queue';
import type { PoolClient } from 'pg';
import { type Grant, shareTickets, type Shared } from './share-tickets.js';

/** Of one lane, in one go */
const placesMax = 500;

export interface Given extends Pick<Shared, 'isMoreDue' | 'atLimit' | 'spent'> {
  readonly tickets: readonly TaskTicket[];
  /** The tenant that the next round begins with; undefined: all were seen */
  readonly more: string | undefined;
}

/**
 * Tasks that wait get their tickets, as far as there is room in the windows. One transaction does so at a time: undefined, another one is at
 * it. `from`: the tenant to begin with.
 */
export async function giveTickets(client: PoolClient, from?: string): Promise<Given | undefined> {
  const { rows } = await client.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended('sluice.dispatch', 0)) AS mine`,
  );
  if (rows[0]?.mine !== true) return undefined;
  const windows = await readWindows(client, placesMax, from);
  const shared = shareTickets(windows, placesMax);
  const tickets = inTurns(await ticketTasks(client, shared.grants), shared, windows);
  return { tickets, isMoreDue: shared.isMoreDue, atLimit: shared.atLimit, spent: shared.spent, more: windows.more };
}

/** The oldest tasks of each group have a ticket now; answers them in the order of the grants. */
async function ticketTasks(client: PoolClient, grants: readonly Grant[]): Promise<WrittenTask[]> {
  if (grants.length === 0) return [];
  const { rows } = await client.query<WrittenTask & { queue: string; order_at: number }>({
    name: 'ticket-tasks',
    text: `UPDATE tasks SET ticketed_at = now()
           WHERE id = ANY (ARRAY(
             SELECT due.id FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[], $5::int[]) AS g(tenant_id, queue, priority, kind, places)
             CROSS JOIN LATERAL (
               SELECT w.id FROM tasks w WHERE w.status = 'ready' AND w.ticketed_at IS NULL AND w.tenant_id = g.tenant_id AND w.queue = g.queue
                 AND w.priority = g.priority AND w.kind = g.kind AND w.run_after <= now()
               ORDER BY w.run_after, w.order_at LIMIT g.places FOR UPDATE SKIP LOCKED) due))
           RETURNING ${writtenTask()}, queue, order_at`,
    values: [
      grants.map(({ tenantId }) => tenantId),
      grants.map(({ queue }) => queue),
      grants.map(({ priority }) => priority),
      grants.map(({ kind }) => kind),
      grants.map(({ places }) => places),
    ],
  });
  const turnOf = new Map(grants.map((grant, turn) => [groupOf(grant), turn]));
  const turn = (task: (typeof rows)[number]) => turnOf.get(groupOf(task)) ?? 0;
  return rows.sort((a, b) => turn(a) - turn(b) || a.order_at - b.order_at);
}

const groupOf = ({ tenantId, queue, priority, kind }: Pick<Grant, 'tenantId' | 'priority' | 'kind'> & { readonly queue: string }): string =>
  `${tenantId}/${queue}/${priority}/${kind}`;

/** The tickets of these tasks: tenants take turns, each with its own in their order. */
function inTurns(tasks: readonly WrittenTask[], { turns }: Shared, { tenants, workers }: Windows): TaskTicket[] {
  const own = Map.groupBy(tasks, ({ kind, tenantId }) => `${laneOf(kind)}/${tenantId}`);
  const given = Map.groupBy(turns.steps, (tenantId) => tenantId);
  const admission = {
    isLight: (tenantId: string) => isLight((tenants.get(tenantId)?.steps ?? 0) + (given.get(tenantId)?.length ?? 0), workers),
  };
  const ticketsOf = (lane: Lane) =>
    turns[lane].flatMap((tenantId) => {
      const task = own.get(`${lane}/${tenantId}`)?.shift();
      return task === undefined ? [] : [ticketFor(task, admission)];
    });
  return [...ticketsOf('steps'), ...ticketsOf('calls')];
}
