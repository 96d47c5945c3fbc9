import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type DeadLetter, DeadLetterNotFound, spread } from '@sluice/executions-domain';
import { DomainError } from '@sluice/kernel';
import { type CommandTransaction, CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import { versionWithId } from '../find-version.js';
import { renewFailedEffects, retryOf } from '../retry-execution.js';
import { clientOf, issueAfterCommit, lockRuns, writeSteps } from '../run-controls.js';
import type { PublishedVersion } from '../steps/compiled-versions.js';
import { openIterations, type Run } from '../steps/run.js';
import type { Step } from '../steps/run-step.js';
import {
  closeLettersOf,
  type DeadLetterFilter,
  type DeadLettersDone,
  isOfARun,
  lockLetters,
  openLetter,
  openLetters,
  receiveAgain,
  reviveTasks,
  sayRetried,
} from './open-dead-letters.js';

export class RetryDeadLetter extends Command<{ id: string; status: 'retried' }> {
  constructor(
    readonly tenantId: string,
    readonly deadLetterId: string,
    readonly by: string,
  ) {
    super();
  }
}

/**
 * A person has what was given up done again. A task of a run: the run goes on from where it failed, as by its own retry. An event's start:
 * the event is received again, and what has begun already does not begin twice. Anything else: the task is ready again, as a new one.
 */
@CommandHandler(RetryDeadLetter)
export class RetryDeadLetterHandler implements ICommandHandler<RetryDeadLetter> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  execute({ tenantId, deadLetterId, by }: RetryDeadLetter): Promise<{ id: string; status: 'retried' }> {
    return this.store.transaction(tenantId, async (tx) => {
      const letter = await openLetter(await clientOf(tx), tenantId, deadLetterId);
      if (letter === undefined) throw new DeadLetterNotFound(deadLetterId);
      const { count, refused } = await retryLetters(tx, this.tickets, { tenantId, by }, [letter]);
      const [refusal] = refused;
      if (refusal !== undefined) throw refusal.error;
      if (count === 0) throw new DeadLetterNotFound(deadLetterId);
      return { id: deadLetterId, status: 'retried' };
    });
  }
}

export class RetryDeadLetters extends Command<DeadLettersDone> {
  constructor(
    readonly tenantId: string,
    readonly by: string,
    readonly filter: DeadLetterFilter,
    /** undefined: all at once */
    readonly ratePerSecond?: number,
  ) {
    super();
  }
}

/** All that a filter finds, the oldest first, at a rate. Each is decided by itself: what cannot be retried stays open, with its reason. */
@CommandHandler(RetryDeadLetters)
export class RetryDeadLettersHandler implements ICommandHandler<RetryDeadLetters> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  execute({ tenantId, by, filter, ratePerSecond }: RetryDeadLetters): Promise<DeadLettersDone> {
    return this.store.transaction(tenantId, async (tx) => {
      const { letters, more } = await openLetters(await clientOf(tx), tenantId, filter);
      const { count, refused } = await retryLetters(tx, this.tickets, { tenantId, by, ratePerSecond }, letters);
      const skipped = refused.map(({ letter, error: { code, message: reason } }) => ({ deadLetterId: letter.id, code, reason }));
      return { count, skipped, more };
    });
  }
}

interface Retry {
  readonly tenantId: string;
  readonly by: string;
  readonly ratePerSecond?: number | undefined;
}

interface Refused {
  readonly letter: DeadLetter;
  readonly error: DomainError;
}

/** `count`: of the letters that were open still, how many are retried. */
async function retryLetters(
  tx: CommandTransaction,
  tickets: Tickets,
  { tenantId, by, ratePerSecond }: Retry,
  letters: readonly DeadLetter[],
): Promise<{ readonly count: number; readonly refused: readonly Refused[] }> {
  const client = await clientOf(tx);
  const runIds = [...new Set(letters.filter(isOfARun).flatMap(({ executionId }) => executionId ?? []))];
  const runs = new Map<string, Run>();
  if (runIds.length > 0) {
    for (const run of await lockRuns(tx, tenantId, runIds, () => openIterations(client, tenantId, runIds))) runs.set(run.id, run);
  }
  const open = await lockLetters(client, tenantId, letters);
  // A run goes on once, whatever it died of.
  const things = [...Map.groupBy(open, (letter) => (isOfARun(letter) ? (letter.executionId ?? '') : letter.id)).values()];
  const delays = spread(things.length, ratePerSecond);

  const versions = new Map<string, Promise<PublishedVersion>>();
  const steps: Step[] = [];
  const revived: { readonly letter: DeadLetter; readonly delayMs: number }[] = [];
  const refused: Refused[] = [];
  for (const [index, thing] of things.entries()) {
    const [letter] = thing;
    const delayMs = delays[index] ?? 0;
    if (letter === undefined) continue;
    const run = runs.get(letter.executionId ?? '');
    if (!isOfARun(letter) || run === undefined) {
      revived.push({ letter, delayMs });
      continue;
    }
    try {
      const version = versions.get(run.versionId) ?? versionWithId(tx.manager, tenantId, run.versionId);
      versions.set(run.versionId, version);
      steps.push(later(retryOf(run, await version, by), delayMs));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      refused.push(...thing.map((one) => ({ letter: one, error })));
    }
  }

  const again = revived.map(({ letter }) => letter);
  await issueAfterCommit(
    tx,
    tickets,
    await reviveTasks(
      client,
      revived.map(({ letter: { taskId }, delayMs }) => ({ taskId, delayMs })),
    ),
  );
  await writeSteps(tx, tickets, steps);
  await renewFailedEffects(client, tenantId, steps);
  await receiveAgain(tx, client, tenantId, again, by);
  await closeLettersOf(
    tx,
    client,
    tenantId,
    steps.map(({ run }) => run.id),
    by,
  );
  sayRetried(tx, again, by);
  return { count: open.length - refused.length, refused };
}

const later = (step: Step, ms: number): Step => ({
  ...step,
  followUps: step.followUps.map((task) => ({ ...task, delayMs: task.delayMs + ms })),
});
