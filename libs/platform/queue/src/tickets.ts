/**
 * A ticket is permission to look at a task, never an instruction (R4): a duplicate, late, reordered or forged one is harmless.
 * `gen` only makes job ids new; a re-issued ticket (`gen > 1`) must claim its task.
 */
export interface TaskTicket {
  readonly id: number;
  readonly gen: number;
  /** 1 goes before others, -1 after them. Default 0 */
  readonly priority?: number;
  /** On a way of its own, for tenants that have little out: past those that have much. */
  readonly isExpress?: boolean;
}

/** Two ways to the workers, each with places of its own there: what stands in one keeps nothing of the other waiting. */
export type Way = 'main' | 'express';
export const ways: readonly Way[] = ['main', 'express'];
export const QUEUE_NAMES: Readonly<Record<Way, string>> = {
  main: 'workflow-node-execution',
  express: 'workflow-node-execution-express',
};
/** Tasks per job. */
export const ticketsPerJob = 100;

/** Issues tickets after the commit that wrote their tasks. */
export abstract class Tickets {
  /** Resolves true when they are out; false when they could not be placed, and the sweeps will. Never rejects, never takes over a second. */
  abstract issue(tickets: readonly TaskTicket[]): Promise<boolean>;

  /**
   * Who keeps the tickets now; another value than before means that those issued earlier are lost (`FLUSHALL`, a restart without its
   * data). undefined: nobody can be asked.
   */
  abstract keeper(): Promise<string | undefined>;

  /** About how many tickets wait to be taken; 0 when nobody can be asked. */
  abstract waiting(): Promise<number>;
}

/** Runs the tasks of one job. Must not reject: what fails is found again by the sweeps. */
export abstract class TicketHandler {
  abstract handle(tickets: readonly TaskTicket[]): Promise<void>;
}

/** The tickets of a job somebody may have forged; what is not a ticket is left out. */
export function ticketsOf(data: unknown): TaskTicket[] {
  const tasks = typeof data === 'object' && data !== null && 'tasks' in data ? data.tasks : undefined;
  if (!Array.isArray(tasks)) return [];
  return tasks.slice(0, ticketsPerJob).flatMap((ticket: unknown) => {
    if (typeof ticket !== 'object' || ticket === null || !('id' in ticket) || !('gen' in ticket)) return [];
    const { id, gen } = ticket;
    return isCount(id) && isCount(gen) ? [{ id, gen }] : [];
  });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;

/** The tasks of one way and priority, up to a hundred */
export interface TicketJob {
  readonly way: Way;
  readonly priority: number;
  readonly tasks: readonly TaskTicket[];
}

export function inJobs(tickets: readonly TaskTicket[]): TicketJob[] {
  const alike = Map.groupBy(tickets, ({ isExpress = false, priority = 0 }) => `${isExpress ? 'express' : 'main'} ${priority}`);
  return [...alike.values()].flatMap((tasks) => {
    const [{ isExpress = false, priority = 0 } = {}] = tasks;
    return Array.from({ length: Math.ceil(tasks.length / ticketsPerJob) }, (_, n) => ({
      way: isExpress ? ('express' as const) : ('main' as const),
      priority,
      tasks: tasks.slice(n * ticketsPerJob, (n + 1) * ticketsPerJob).map(({ id, gen }) => ({ id, gen })),
    }));
  });
}
