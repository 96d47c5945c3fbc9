import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { WorkflowVersionDetailQuery } from '@sluice/contracts';
import { ReadStore } from '@sluice/platform-projections';
import { VersionNotFound } from '@sluice/workflows-domain';
import { assertWorkflowExists } from './get-workflow.js';
import { versionColumns, versionTables } from './workflow-version-row.js';

export class GetWorkflowVersion extends Query<WorkflowVersionDetailQuery> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly version: number,
  ) {
    super();
  }
}

@QueryHandler(GetWorkflowVersion)
export class GetWorkflowVersionHandler implements IQueryHandler<GetWorkflowVersion> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, workflowId, version }: GetWorkflowVersion): Promise<WorkflowVersionDetailQuery> {
    return this.store.read(tenantId, async (client) => {
      await assertWorkflowExists(client, tenantId, workflowId);
      const { rows } = await client.query<WorkflowVersionDetailQuery>(
        `SELECT ${versionColumns}, v.nodes, v.edges, v.settings FROM ${versionTables}
         WHERE v.tenant_id = $1 AND v.workflow_id = $2 AND v.version = $3`,
        [tenantId, workflowId, version],
      );
      if (rows[0] === undefined) throw new VersionNotFound(workflowId, version);
      return rows[0];
    });
  }
}
