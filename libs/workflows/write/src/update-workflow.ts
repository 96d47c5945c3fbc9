import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandStore } from '@sluice/platform-event-log';
import { type Changes, evolve, update } from '@sluice/workflows-domain';
import { lockWorkflow, saveWorkflow } from './workflow.table.js';

export class UpdateWorkflow extends Command<{ id: string; revision: number }> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly changes: Changes,
    readonly by: string,
    readonly ifMatch?: number,
  ) {
    super();
  }
}

@CommandHandler(UpdateWorkflow)
export class UpdateWorkflowHandler implements ICommandHandler<UpdateWorkflow> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, workflowId, changes, by, ifMatch }: UpdateWorkflow): Promise<{ id: string; revision: number }> {
    return this.store.transaction(tenantId, async (tx) => {
      const workflow = await lockWorkflow(tx.manager, tenantId, workflowId, ifMatch);
      const events = update(workflow, changes, by);
      const updated = events.reduce(evolve, workflow);

      if (events.length > 0) await saveWorkflow(tx.manager, updated);
      tx.append(events, workflow.streamVersion);
      return { id: updated.id, revision: updated.revision };
    });
  }
}
