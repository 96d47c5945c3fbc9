import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandStore, type CommandTransaction } from '@sluice/platform-event-log';
import { archive, evolve } from '@sluice/workflows-domain';
import { keepSchedules } from './keep-schedules.js';
import { lockWorkflow, saveWorkflow } from './workflow.table.js';

/** What else ends with a workflow, in the same transaction; called after the workflow is locked. See ChannelDependants. */
export abstract class WorkflowDependants {
  abstract releaseWorkflow(tx: CommandTransaction, tenantId: string, workflowId: string, by: string): Promise<void>;
}

export class ArchiveWorkflow extends Command<void> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly by: string,
    readonly ifMatch?: number,
  ) {
    super();
  }
}

@CommandHandler(ArchiveWorkflow)
export class ArchiveWorkflowHandler implements ICommandHandler<ArchiveWorkflow> {
  constructor(
    private readonly store: CommandStore,
    private readonly dependants: WorkflowDependants,
  ) {}

  execute({ tenantId, workflowId, by, ifMatch }: ArchiveWorkflow): Promise<void> {
    return this.store.transaction(tenantId, async (tx) => {
      const workflow = await lockWorkflow(tx.manager, tenantId, workflowId, ifMatch);
      const events = archive(workflow, by);
      if (events.length === 0) return;

      await saveWorkflow(tx.manager, events.reduce(evolve, workflow));
      await keepSchedules(tx.manager, tenantId, events);
      await this.dependants.releaseWorkflow(tx, tenantId, workflowId, by);
      tx.append(events, workflow.streamVersion);
    });
  }
}
