import { DomainError, type DomainEvent } from '@sluice/kernel';

export type TaskKind = 'start' | 'begin' | 'step' | 'effect' | 'resume' | 'cancel' | 'match' | 'request';

/**
 * Why the system gave a task up; never what a workflow came to by itself. crash_loop: its worker died of it three times. keeps_failing: its
 * work threw ten times. not_storable: Postgres refuses what was to be written. workflow_broken: no worker can compile the version.
 * cannot_begin: there is nothing (any more) that could be begun.
 */
export type DeadLetterReason = 'crash_loop' | 'keeps_failing' | 'not_storable' | 'workflow_broken' | 'cannot_begin';

/** What the task was about. */
export interface DeadLetterSubject {
  readonly taskId: number;
  readonly kind: TaskKind;
  readonly reason: DeadLetterReason;
  readonly executionId?: string;
  readonly workflowId?: string;
  readonly webhookEventId?: string;
  readonly nodeId?: string;
  readonly iteration?: string;
}

export interface DeadLetterError {
  readonly code: string;
  readonly message: string;
}

export type TaskDeadLettered = DomainEvent<'task.dead_lettered', DeadLetterSubject & { readonly error: DeadLetterError }>;
/** A person has it done again: the task itself, or its run from where that failed. If it dies again, that is another dead letter. */
export type TaskRetried = DomainEvent<'task.retried', DeadLetterSubject & { readonly by: string }>;
/** A person does without it. */
export type TaskDiscarded = DomainEvent<'task.discarded', DeadLetterSubject & { readonly by: string }>;

/** Aggregate: the dead letter. It is open from its first event to its second, which is its last. */
export type DeadLetterEvent = TaskDeadLettered | TaskRetried | TaskDiscarded;

/** An open one. */
export interface DeadLetter extends DeadLetterSubject {
  readonly id: string;
}

export class DeadLetterNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'dead_letter_not_found', `There is no open dead letter ${id}.`);
  }
}

export function deadLettered({ id, ...subject }: DeadLetter, error: DeadLetterError): TaskDeadLettered {
  return { type: 'task.dead_lettered', aggregateId: id, payload: { ...subject, error } };
}

export function retried({ id, ...subject }: DeadLetter, by: string): TaskRetried {
  return { type: 'task.retried', aggregateId: id, payload: { ...subject, by } };
}

export function discarded({ id, ...subject }: DeadLetter, by: string): TaskDiscarded {
  return { type: 'task.discarded', aggregateId: id, payload: { ...subject, by } };
}

/** A task that its worker died of this often is given up. */
export const crashesMax = 3;
const suspectsTogether = 20;

/** What was under way when its worker died may be what it died of. */
export const isSuspect = ({ crashes }: { readonly crashes: number }): boolean => crashes > 0 && crashes < crashesMax;

/**
 * Suspects in groups that are worked on one after the other. After one death, few together: the next one narrows it down. What the next one
 * would end is alone, so that none is given up for another's fault.
 */
export function suspectGroups<Task extends { readonly crashes: number }>(suspects: readonly Task[]): Task[][] {
  const [last, others] = [suspects.filter(isLastChance), suspects.filter((task) => !isLastChance(task))];
  const groups = Array.from({ length: Math.ceil(others.length / suspectsTogether) }, (_, index) =>
    others.slice(index * suspectsTogether, (index + 1) * suspectsTogether),
  );
  return [...groups, ...last.map((task) => [task])];
}

const isLastChance = ({ crashes }: { readonly crashes: number }): boolean => crashes === crashesMax - 1;

/** A task whose work threw this often is given up. */
export const failuresMax = 10;

const firstPauseMs = 1_000;
const pauseMsMax = 300_000;

/** It is time to give it up, or how long to wait before the next attempt: a second at first, twice that each time, 5 minutes at most. */
export type AfterFailure = { readonly givenUp: true } | { readonly givenUp: false; readonly delayMs: number };

/** `failures`: with the newest. `random`: in [0, 1); half of the pause is left to it, so that what failed together does not come back together. */
export function afterFailure(failures: number, random: number): AfterFailure {
  if (failures >= failuresMax) return { givenUp: true };
  const pauseMs = Math.min(pauseMsMax, firstPauseMs * 2 ** (failures - 1));
  return { givenUp: false, delayMs: pauseMs * (0.5 + random / 2) };
}

/** Where in time each of `count` things begins, in milliseconds from now, so that no more than `ratePerSecond` begin in any second. */
export function spread(count: number, ratePerSecond: number | undefined): readonly number[] {
  return Array.from({ length: count }, (_, index) => (ratePerSecond === undefined ? 0 : (index * 1_000) / ratePerSecond));
}
