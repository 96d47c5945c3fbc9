import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { newId } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { create, type Definition, evolve, undrawn } from '@sluice/workflows-domain';
import { saveWorkflow } from './workflow.table.js';

export class CreateWorkflow extends Command<{ id: string; revision: number }> {
  constructor(
    readonly tenantId: string,
    readonly definition: Definition,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(CreateWorkflow)
export class CreateWorkflowHandler implements ICommandHandler<CreateWorkflow> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, definition, by }: CreateWorkflow): Promise<{ id: string; revision: number }> {
    const blank = undrawn(tenantId, newId());
    return this.store.transaction(tenantId, async (tx) => {
      const events = create(blank, definition, by);
      const workflow = events.reduce(evolve, blank);

      await saveWorkflow(tx.manager, workflow);
      tx.append(events, blank.streamVersion);
      return { id: workflow.id, revision: workflow.revision };
    });
  }
}
