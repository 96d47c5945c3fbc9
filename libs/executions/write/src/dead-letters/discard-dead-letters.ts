import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DeadLetterNotFound } from '@sluice/executions-domain';
import { CommandStore } from '@sluice/platform-event-log';
import { clientOf } from '../run-controls.js';
import { type DeadLetterFilter, type DeadLettersDone, discardLetters, lockLetters, openLetter, openLetters } from './open-dead-letters.js';

export class DiscardDeadLetter extends Command<void> {
  constructor(
    readonly tenantId: string,
    readonly deadLetterId: string,
    readonly by: string,
  ) {
    super();
  }
}

/** A person does without it: the task is gone. What had failed with it, a run or an event, stays failed. */
@CommandHandler(DiscardDeadLetter)
export class DiscardDeadLetterHandler implements ICommandHandler<DiscardDeadLetter> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, deadLetterId, by }: DiscardDeadLetter): Promise<void> {
    return this.store.transaction(tenantId, async (tx) => {
      const client = await clientOf(tx);
      const found = await openLetter(client, tenantId, deadLetterId);
      const [letter] = found === undefined ? [] : await lockLetters(client, tenantId, [found]);
      if (letter === undefined) throw new DeadLetterNotFound(deadLetterId);
      await discardLetters(tx, client, [letter], by);
    });
  }
}

export class DiscardDeadLetters extends Command<DeadLettersDone> {
  constructor(
    readonly tenantId: string,
    readonly by: string,
    readonly filter: DeadLetterFilter,
  ) {
    super();
  }
}

/** All that a filter finds, the oldest first. */
@CommandHandler(DiscardDeadLetters)
export class DiscardDeadLettersHandler implements ICommandHandler<DiscardDeadLetters> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, by, filter }: DiscardDeadLetters): Promise<DeadLettersDone> {
    return this.store.transaction(tenantId, async (tx) => {
      const client = await clientOf(tx);
      const { letters, more } = await openLetters(client, tenantId, filter);
      const open = await lockLetters(client, tenantId, letters);
      await discardLetters(tx, client, open, by);
      return { count: open.length, skipped: [], more };
    });
  }
}
