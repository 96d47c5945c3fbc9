import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { WorkflowVersionPage, WorkflowVersionQuery } from '@sluice/contracts';
import { type ListPage, Parameters, ReadStore } from '@sluice/platform-projections';
import { assertWorkflowExists } from './get-workflow.js';
import { versionColumns, versionTables } from './workflow-version-row.js';

export class ListWorkflowVersions extends Query<WorkflowVersionPage> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly filter: ListPage,
  ) {
    super();
  }
}

@QueryHandler(ListWorkflowVersions)
export class ListWorkflowVersionsHandler implements IQueryHandler<ListWorkflowVersions> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, workflowId, filter }: ListWorkflowVersions): Promise<WorkflowVersionPage> {
    return this.store.read(tenantId, async (client) => {
      await assertWorkflowExists(client, tenantId, workflowId);
      const parameters = new Parameters();
      return this.store.list<WorkflowVersionQuery>(client, {
        name: `workflows/${workflowId}/versions`,
        tenantId,
        filter,
        select: versionColumns,
        from: versionTables,
        where: [`v.tenant_id = ${parameters.of(tenantId)}`, `v.workflow_id = ${parameters.of(workflowId)}`],
        order: [{ column: 'v.version', type: 'int', property: 'version' }],
        parameters,
      });
    });
  }
}
