import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { WorkflowDefinitionQuery } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import { type ReadClient, ReadStore } from '@sluice/platform-projections';
import { definitionOf, workflowColumns, type WorkflowRow, workflowTables } from './workflow-row.js';

export class WorkflowNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'workflow_not_found', `There is no workflow ${id}.`);
  }
}

export class GetWorkflow extends Query<WorkflowDefinitionQuery> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
  ) {
    super();
  }
}

@QueryHandler(GetWorkflow)
export class GetWorkflowHandler implements IQueryHandler<GetWorkflow> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, workflowId }: GetWorkflow): Promise<WorkflowDefinitionQuery> {
    return this.store.read(tenantId, async (client) => definitionOf(await findWorkflow(client, tenantId, workflowId)));
  }
}

export async function findWorkflow(client: ReadClient, tenantId: string, workflowId: string): Promise<WorkflowRow> {
  const { rows } = await client.query<WorkflowRow>(`SELECT ${workflowColumns} FROM ${workflowTables} WHERE tenant_id = $1 AND id = $2`, [
    tenantId,
    workflowId,
  ]);
  if (rows[0] === undefined) throw new WorkflowNotFound(workflowId);
  return rows[0];
}

/** For lists of what belongs to a workflow: one that is not there is not the same as one without any. */
export async function assertWorkflowExists(client: ReadClient, tenantId: string, workflowId: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM workflow_summary WHERE tenant_id = $1 AND id = $2', [tenantId, workflowId]);
  if (rowCount === 0) throw new WorkflowNotFound(workflowId);
}
