import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { type NodeRunPage, type NodeRunQuery, nodeExecutionStatuses } from '@sluice/contracts';
import { IsId, mapItems, Parameters, PeriodPage, ReadStore, selectList, withinPeriod } from '@sluice/platform-projections';
import { assertWorkflowExists } from '@sluice/workflows-read';
import { IsIn, IsOptional } from 'class-validator';
import { type ExecutionDetail, executionDetail } from './execution-detail.projection.js';
import { channelWaitedFor, shownStatus } from './held-sends.js';

/** `dateFrom` and `dateTo` are about the start of the last attempt: a skipped node has none. */
export class NodeRunFilter extends PeriodPage {
  @ApiProperty({ format: 'uuid', description: 'A node’s id is its own only within a workflow' })
  @IsId()
  workflowId: string;

  @ApiPropertyOptional({ enum: nodeExecutionStatuses })
  @IsOptional()
  @IsIn(nodeExecutionStatuses)
  status?: (typeof nodeExecutionStatuses)[number];
}

export class ListNodeRuns extends Query<NodeRunPage> {
  constructor(
    readonly tenantId: string,
    readonly nodeId: string,
    readonly filter: NodeRunFilter,
  ) {
    super();
  }
}

const listed = [
  'id',
  'executionId',
  'workflowId',
  'nodeId',
  'type',
  'iteration',
  'attempt',
  'startedAt',
  'completedAt',
  'waitUntil',
  'handle',
  'error',
  'ord',
] as const satisfies readonly (keyof ExecutionDetail)[];

type NodeRunRow = Pick<ExecutionDetail, (typeof listed)[number] | 'status'>;

/** A node's runs in all executions of its workflow. What went in and came out stands in each execution. */
@QueryHandler(ListNodeRuns)
export class ListNodeRunsHandler implements IQueryHandler<ListNodeRuns> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, nodeId, filter }: ListNodeRuns): Promise<NodeRunPage> {
    const { workflowId, status } = filter;
    const parameters = new Parameters();
    const where = [
      `d.tenant_id = ${parameters.of(tenantId)}`,
      `d.workflow_id = ${parameters.of(workflowId)}`,
      `d.node_id = ${parameters.of(nodeId)}`,
      ...withinPeriod('d.started_at', filter, parameters),
    ];
    if (status !== undefined) where.push(`${shownStatus} = ${parameters.of(status)}`);
    return this.store.read(tenantId, async (client) => {
      await assertWorkflowExists(client, tenantId, workflowId);
      const rows = await this.store.list<NodeRunRow>(client, {
        name: `nodes/${nodeId}/executions`,
        tenantId,
        filter,
        select: `${selectList(executionDetail, 'd', [...listed])}, ${shownStatus} AS "status"`,
        from: `execution_detail d LEFT JOIN ${channelWaitedFor}`,
        where,
        order: [
          { column: 'd.ord', type: 'bigint', property: 'ord' },
          { column: 'd.execution_id', type: 'uuid', property: 'executionId' },
          { column: 'd.iteration', type: 'text', property: 'iteration' },
        ],
        parameters,
      });
      return mapItems(rows, nodeRunOf);
    });
  }
}

function nodeRunOf({ ord: _, iteration, waitUntil, handle, error, ...run }: NodeRunRow): NodeRunQuery {
  const { startedAt, completedAt } = run;
  return {
    ...run,
    durationMs: startedAt === null || completedAt === null ? null : Date.parse(completedAt) - Date.parse(startedAt),
    ...(iteration !== '' && { iteration }),
    ...(waitUntil !== null && { waitUntil }),
    ...(handle !== null && { handle }),
    ...(error !== null && { error }),
  };
}
