import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { type ExecutionPage, executionStatuses, nodeWaits } from '@sluice/contracts';
import { isUuid } from '@sluice/kernel';
import { containing, IsId, mapItems, newestFirst, Parameters, PeriodPage, ReadStore, withinPeriod } from '@sluice/platform-projections';
import { assertWorkflowExists } from '@sluice/workflows-read';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { executionColumns, executionOf, type ExecutionRow } from './execution-row.js';
import { channelWaitedFor } from './held-sends.js';

/** That runs are looked for by. */
const nodeStatuses = ['in_doubt'] as const;

/** `dateFrom` and `dateTo` are about the start. */
export class ExecutionFilter extends PeriodPage {
  @ApiPropertyOptional({ enum: executionStatuses })
  @IsOptional()
  @IsIn(executionStatuses)
  status?: (typeof executionStatuses)[number];

  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(512)
  customerId?: string;

  @ApiPropertyOptional({ enum: nodeStatuses, description: 'Open runs that have such a node: calls in doubt wait for a person' })
  @IsOptional()
  @IsIn(nodeStatuses)
  nodeStatus?: (typeof nodeStatuses)[number];

  @ApiPropertyOptional({
    enum: nodeWaits,
    description: 'Open runs with a node that waits for this. `channel`: a send whose channel cannot send',
  })
  @IsOptional()
  @IsIn(nodeWaits)
  waitsFor?: (typeof nodeWaits)[number];

  @ApiPropertyOptional({ description: 'An id of the run or of the event that started it; or in customer, correlation or error' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  search?: string;
}

export class AnyExecutionFilter extends ExecutionFilter {
  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsId()
  workflowId?: string;
}

export class ListExecutions extends Query<ExecutionPage> {
  constructor(
    readonly tenantId: string,
    readonly filter: AnyExecutionFilter,
    /** Only this workflow's; there must be one */
    readonly ofWorkflow?: string,
  ) {
    super();
  }
}

@QueryHandler(ListExecutions)
export class ListExecutionsHandler implements IQueryHandler<ListExecutions> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, filter, ofWorkflow }: ListExecutions): Promise<ExecutionPage> {
    const { workflowId = ofWorkflow, status, customerId, nodeStatus, waitsFor, search } = filter;
    const parameters = new Parameters();
    const where = [`s.tenant_id = ${parameters.of(tenantId)}`, ...withinPeriod('s.started_at', filter, parameters)];
    if (workflowId !== undefined) where.push(`s.workflow_id = ${parameters.of(workflowId)}`);
    if (status !== undefined) where.push(`s.status = ${parameters.of(status)}`);
    if (customerId !== undefined) where.push(`s.customer_id = ${parameters.of(customerId)}`);
    if (nodeStatus !== undefined || waitsFor !== undefined) where.push(`s.status IN ('running', 'waiting', 'paused')`);
    if (nodeStatus !== undefined) {
      where.push(
        `EXISTS (SELECT FROM execution_detail d WHERE d.tenant_id = s.tenant_id AND d.execution_id = s.id AND d.status = 'in_doubt')`,
      );
    }
    if (waitsFor === 'channel') {
      where.push(
        `EXISTS (SELECT FROM execution_detail d JOIN ${channelWaitedFor}
                 WHERE d.tenant_id = s.tenant_id AND d.execution_id = s.id AND d.held_for IS NOT NULL)`,
      );
    } else if (waitsFor !== undefined) {
      where.push(
        `EXISTS (SELECT FROM execution_detail d WHERE d.tenant_id = s.tenant_id AND d.execution_id = s.id
                 AND d.status = 'waiting' AND d.waits_for = ${parameters.of(waitsFor)})`,
      );
    }
    if (search !== undefined && isUuid(search)) {
      const id = parameters.of(search);
      where.push(`(s.id = ${id} OR s.webhook_event_id = ${id} OR s.correlation_id = lower(${id}::text))`);
    } else if (search !== undefined) {
      const pattern = parameters.of(containing(search));
      where.push(`(s.customer_id ILIKE ${pattern} OR s.correlation_id ILIKE ${pattern} OR s.error ->> 'message' ILIKE ${pattern})`);
    }
    return this.store.read(tenantId, async (client) => {
      if (ofWorkflow !== undefined) await assertWorkflowExists(client, tenantId, ofWorkflow);
      const rows = await this.store.list<ExecutionRow>(client, {
        name: ofWorkflow === undefined ? 'executions' : `workflows/${ofWorkflow}/executions`,
        tenantId,
        filter,
        select: executionColumns,
        from: 'execution_summary s',
        where,
        order: newestFirst('s.started_at', 'startedAt'),
        parameters,
      });
      return mapItems(rows, executionOf);
    });
  }
}
