import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { newId } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { evolve, publish } from '@sluice/workflows-domain';
import { CODE_NODES, knownToTenant } from './known-to-tenant.js';
import { keepSchedules } from './keep-schedules.js';
import { insertVersions, lockWorkflow, saveWorkflow } from './workflow.table.js';

export class PublishWorkflow extends Command<{ id: string; version: number }> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly by: string,
    readonly ifMatch?: number,
  ) {
    super();
  }
}

@CommandHandler(PublishWorkflow)
export class PublishWorkflowHandler implements ICommandHandler<PublishWorkflow> {
  constructor(
    private readonly store: CommandStore,
    @Inject(CODE_NODES) private readonly codeNodes: boolean,
  ) {}

  execute({ tenantId, workflowId, by, ifMatch }: PublishWorkflow): Promise<{ id: string; version: number }> {
    return this.store.transaction(tenantId, async (tx) => {
      const workflow = await lockWorkflow(tx.manager, tenantId, workflowId, ifMatch);
      const known = await knownToTenant(tx.manager, tenantId, { graph: workflow.draft, settings: workflow.settings }, this.codeNodes);
      const events = publish(workflow, known, newId(), by);
      const published = events.reduce(evolve, workflow);

      if (events.length > 0) await saveWorkflow(tx.manager, published);
      await insertVersions(tx.manager, tenantId, events);
      await keepSchedules(tx.manager, tenantId, events);
      tx.append(events, workflow.streamVersion);
      return { id: published.id, version: published.version };
    });
  }
}
