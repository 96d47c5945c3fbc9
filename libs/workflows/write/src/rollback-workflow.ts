import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { newId } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { evolve, rollBack, VersionNotFound } from '@sluice/workflows-domain';
import { CODE_NODES, knownToTenant } from './known-to-tenant.js';
import { keepSchedules } from './keep-schedules.js';
import { findVersions, insertVersions, lockWorkflow, saveWorkflow } from './workflow.table.js';

/** Makes an earlier version the one that new runs follow; runs in flight finish on theirs (Promise 3). */
export class RollbackWorkflow extends Command<{ id: string; version: number }> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly version: number,
    readonly by: string,
    readonly ifMatch?: number,
  ) {
    super();
  }
}

@CommandHandler(RollbackWorkflow)
export class RollbackWorkflowHandler implements ICommandHandler<RollbackWorkflow> {
  constructor(
    private readonly store: CommandStore,
    @Inject(CODE_NODES) private readonly codeNodes: boolean,
  ) {}

  execute({ tenantId, workflowId, version, by, ifMatch }: RollbackWorkflow): Promise<{ id: string; version: number }> {
    return this.store.transaction(tenantId, async (tx) => {
      const workflow = await lockWorkflow(tx.manager, tenantId, workflowId, ifMatch);
      const versions = await findVersions(tx.manager, workflow, [version, workflow.version]);
      const [to, newest] = [versions.get(version), versions.get(workflow.version)];
      if (to === undefined || newest === undefined) throw new VersionNotFound(workflowId, version);
      const events = rollBack(workflow, { to, newest }, await knownToTenant(tx.manager, tenantId, to, this.codeNodes), newId(), by);
      const rolledBack = events.reduce(evolve, workflow);

      if (events.length > 0) await saveWorkflow(tx.manager, rolledBack);
      await insertVersions(tx.manager, tenantId, events);
      await keepSchedules(tx.manager, tenantId, events);
      tx.append(events, workflow.streamVersion);
      return { id: rolledBack.id, version: rolledBack.version };
    });
  }
}
