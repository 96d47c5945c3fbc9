import type { TaskTicket } from './tickets.js';

/** Who gets a ticket as its task is written; the others wait in Postgres for the dispatcher. */
export interface Admission {
  /** Takes a place of the tenant's window for a task of this kind, if there is one. */
  admit(tenantId: string, kind: string): boolean;
  /** It has so little out that its tickets take the express way, past those who have much. */
  isLight(tenantId: string): boolean;
}

/** A task as the statement that wrote it answers. */
export interface WrittenTask {
  readonly id: number;
  readonly gen: number;
  readonly tenantId: string;
  readonly kind: string;
  readonly priority: number;
}

/** For `RETURNING`, of the table `tasks` or what is called so: a WrittenTask. */
export const writtenTask = (tasks = 'tasks'): string =>
  `${tasks}.id, ${tasks}.gen, ${tasks}.tenant_id AS "tenantId", ${tasks}.kind, ${tasks}.priority`;

/**
 * Its priority counts on the express way alone: on the main way everybody stands in one line, and nobody's wish puts another tenant back.
 * There a tenant's own order was kept when the tickets were given.
 */
export function ticketFor({ id, gen, priority, tenantId }: WrittenTask, admission: Pick<Admission, 'isLight'>): TaskTicket {
  return admission.isLight(tenantId) ? { id, gen, priority, isExpress: true } : { id, gen };
}

/**
 * The tickets of tasks that were written as having theirs out. Those for which there is no room lose it again, in the transaction that
 * wrote them.
 */
export async function withhold(
  query: (text: string, values: unknown[]) => Promise<unknown>,
  tasks: readonly WrittenTask[],
  admission: Admission,
): Promise<TaskTicket[]> {
  const withheld: number[] = [];
  const tickets = tasks.flatMap((task) => {
    if (admission.admit(task.tenantId, task.kind)) return [ticketFor(task, admission)];
    withheld.push(task.id);
    return [];
  });
  if (withheld.length > 0) await query('UPDATE tasks SET ticketed_at = NULL WHERE id = ANY ($1::bigint[])', [withheld]);
  return tickets;
}
