import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiProperty } from '@nestjs/swagger';
import type { WorkflowDiffQuery } from '@sluice/contracts';
import { ReadStore } from '@sluice/platform-projections';
import { diffDefinitions } from '@sluice/workflows-domain';
import { findDefinition, IsVersion } from './find-definition.js';

export class WorkflowDiffFilter {
  @ApiProperty({ description: 'A version, or `draft`', example: '1' })
  @IsVersion()
  from: string;

  @ApiProperty({ description: 'A version, or `draft`', example: 'draft' })
  @IsVersion()
  to: string;
}

export class DiffWorkflow extends Query<WorkflowDiffQuery> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly filter: WorkflowDiffFilter,
  ) {
    super();
  }
}

@QueryHandler(DiffWorkflow)
export class DiffWorkflowHandler implements IQueryHandler<DiffWorkflow> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, workflowId, filter: { from, to } }: DiffWorkflow): Promise<WorkflowDiffQuery> {
    return this.store.read(tenantId, async (client) => {
      const before = await findDefinition(client, tenantId, workflowId, from);
      const after = await findDefinition(client, tenantId, workflowId, to);
      return { workflowId, from, to, ...diffDefinitions(before, after) };
    });
  }
}
