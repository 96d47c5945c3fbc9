import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { cancel } from '@sluice/executions-domain';
import { storeClock } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import { lockRun, writeSteps } from './run-controls.js';
import { stepWith } from './steps/run-step.js';

export class CancelExecution extends Command<{ id: string; status: 'cancelled' }> {
  constructor(
    readonly tenantId: string,
    readonly executionId: string,
    readonly by: string,
  ) {
    super();
  }
}

/**
 * Ends a run where it is, and those that it called. The locked row decides between this and a step that is being committed: whoever is
 * second finds a run that is over. A call that is under way cannot be called back: its task stays with its worker, which records what came
 * of it.
 */
@CommandHandler(CancelExecution)
export class CancelExecutionHandler implements ICommandHandler<CancelExecution> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  execute({ tenantId, executionId, by }: CancelExecution): Promise<{ id: string; status: 'cancelled' }> {
    return this.store.transaction(tenantId, async (tx) => {
      const run = await lockRun(tx, tenantId, executionId);
      const events = cancel({ id: run.id, workflowId: run.workflowId, status: run.state.status }, by, storeClock.now());
      await writeSteps(tx, this.tickets, [stepWith(run, { state: { ...run.state, status: 'cancelled' }, events })]);
      return { id: executionId, status: 'cancelled' };
    });
  }
}
