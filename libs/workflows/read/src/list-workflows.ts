import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { type WorkflowPage, workflowStatuses } from '@sluice/contracts';
import { containing, ListPage, mapItems, newestFirst, Parameters, ReadStore } from '@sluice/platform-projections';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { definitionOf, workflowColumns, type WorkflowRow, workflowTables } from './workflow-row.js';

export class WorkflowFilter extends ListPage {
  @ApiPropertyOptional({ enum: workflowStatuses, description: 'Without it: all but the archived ones' })
  @IsOptional()
  @IsIn(workflowStatuses)
  status?: (typeof workflowStatuses)[number];

  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(200)
  tag?: string;

  @ApiPropertyOptional({ description: 'In name or description' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  search?: string;
}

export class ListWorkflows extends Query<WorkflowPage> {
  constructor(
    readonly tenantId: string,
    readonly filter: WorkflowFilter,
  ) {
    super();
  }
}

@QueryHandler(ListWorkflows)
export class ListWorkflowsHandler implements IQueryHandler<ListWorkflows> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, filter }: ListWorkflows): Promise<WorkflowPage> {
    const { status, tag, search } = filter;
    const parameters = new Parameters();
    const where = [
      `tenant_id = ${parameters.of(tenantId)}`,
      status === undefined ? `s.status <> 'archived'` : `s.status = ${parameters.of(status)}`,
    ];
    if (tag !== undefined) where.push(`${parameters.of(tag)} = ANY (s.tags)`);
    if (search !== undefined) {
      const pattern = parameters.of(containing(search));
      where.push(`(s.name ILIKE ${pattern} OR s.description ILIKE ${pattern})`);
    }
    return this.store.read(tenantId, async (client) => {
      const rows = await this.store.list<WorkflowRow>(client, {
        name: 'workflows',
        tenantId,
        filter,
        select: workflowColumns,
        from: workflowTables,
        where,
        order: newestFirst('s.created_at', 'createdAt'),
        parameters,
      });
      return mapItems(rows, definitionOf);
    });
  }
}
