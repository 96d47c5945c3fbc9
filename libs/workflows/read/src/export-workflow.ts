import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import type { WorkflowExportQuery } from '@sluice/contracts';
import { ReadStore } from '@sluice/platform-projections';
import { exportDefinition } from '@sluice/workflows-domain';
import { IsOptional } from 'class-validator';
import { findDefinition, IsVersion } from './find-definition.js';
import { findWorkflow } from './get-workflow.js';

export class WorkflowExportFilter {
  @ApiPropertyOptional({ description: 'A version, or `draft`', default: 'draft' })
  @IsOptional()
  @IsVersion()
  version: string = 'draft';
}

export class ExportWorkflow extends Query<WorkflowExportQuery> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly version: string,
  ) {
    super();
  }
}

/** Name, description and tags belong to the workflow: they are today's, of whichever version the rest is. */
@QueryHandler(ExportWorkflow)
export class ExportWorkflowHandler implements IQueryHandler<ExportWorkflow> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, workflowId, version }: ExportWorkflow): Promise<WorkflowExportQuery> {
    return this.store.read(tenantId, async (client) => {
      const { name, description, tags } = await findWorkflow(client, tenantId, workflowId);
      const { nodes, edges, settings } = await findDefinition(client, tenantId, workflowId, version);
      return exportDefinition({ tenantId, name, description, tags, settings, graph: { nodes, edges } });
    });
  }
}
