import { Inject } from '@nestjs/common';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { CommandStore } from '@sluice/platform-event-log';
import { type DefinitionFinding, findingsOf, type Listener } from '@sluice/workflows-domain';
import { CODE_NODES, knownToTenant } from './known-to-tenant.js';
import { sampleEvents } from './sample-events.js';
import { findWorkflow } from './workflow.table.js';

/** What publishing the draft would say, and warnings. */
export class ValidateWorkflow extends Query<readonly DefinitionFinding[]> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
  ) {
    super();
  }
}

@QueryHandler(ValidateWorkflow)
export class ValidateWorkflowHandler implements IQueryHandler<ValidateWorkflow> {
  constructor(
    private readonly store: CommandStore,
    @Inject(CODE_NODES) private readonly codeNodes: boolean,
  ) {}

  execute({ tenantId, workflowId }: ValidateWorkflow): Promise<readonly DefinitionFinding[]> {
    return this.store.read(tenantId, async (manager) => {
      const { id, name, draft: graph, settings } = await findWorkflow(manager, tenantId, workflowId);
      const known = await knownToTenant(manager, tenantId, { graph, settings }, this.codeNodes);
      const listeners: Listener[] = await manager.query(
        `SELECT name, node_id AS "nodeId" FROM webhooks WHERE tenant_id = $1 AND workflow_id = $2 AND status = 'active' ORDER BY created_at, id`,
        [tenantId, workflowId],
      );
      return findingsOf({ id, name, graph, settings }, known, await sampleEvents(manager, tenantId, workflowId), listeners);
    });
  }
}
