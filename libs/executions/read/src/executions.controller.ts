import { Controller, Get, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { BlobQuery, ExecutionDetailQuery, ExecutionPage, JobQuery, NodeRunPage } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { Cached, ReadsTheLog } from '@sluice/platform-projections';
import { GetBlob } from './get-blob.js';
import { GetExecution, NodeRunsOfExecution } from './get-execution.js';
import { GetJob } from './get-job.js';
import { AnyExecutionFilter, ExecutionFilter, ListExecutions } from './list-executions.js';
import { ListNodeRuns, NodeRunFilter } from './list-node-runs.js';

@ApiTags('Executions')
@Controller('api')
@ReadsTheLog()
export class ExecutionQueriesController {
  constructor(private readonly queries: QueryBus) {}

  @Get('executions')
  @Allow('viewer')
  @Cached({ tables: ['execution_summary', 'execution_detail', 'channel_summary'] })
  @ApiOkResponse({ type: ExecutionPage })
  list(@Caller() { tenantId }: Caller, @Query() filter: AnyExecutionFilter): Promise<ExecutionPage> {
    return this.queries.execute(new ListExecutions(tenantId, filter));
  }

  @Get('workflows/:id/executions')
  @Allow('viewer')
  @Cached({ rows: ['workflow_summary'], tables: ['execution_summary', 'execution_detail', 'channel_summary'] })
  @ApiOkResponse({ type: ExecutionPage })
  ofWorkflow(
    @Caller() { tenantId }: Caller,
    @Param('id', ParseUUIDPipe) workflowId: string,
    @Query() filter: ExecutionFilter,
  ): Promise<ExecutionPage> {
    return this.queries.execute(new ListExecutions(tenantId, filter, workflowId));
  }

  @Get('executions/:id')
  @Allow('viewer')
  @Cached({ rows: ['execution_summary', 'execution_detail'], tables: ['channel_summary'] })
  @ApiOkResponse({ type: ExecutionDetailQuery })
  get(
    @Caller() { tenantId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Query() filter: NodeRunsOfExecution,
  ): Promise<ExecutionDetailQuery> {
    return this.queries.execute(new GetExecution(tenantId, id, filter));
  }

  @Get('blobs/:sha256')
  @Allow('viewer')
  @ApiOkResponse({ type: BlobQuery })
  blob(@Caller() { tenantId }: Caller, @Param('sha256') sha256: string): Promise<BlobQuery> {
    return this.queries.execute(new GetBlob(tenantId, sha256));
  }

  @Get('jobs/:id')
  @Allow('viewer')
  @ApiOkResponse({ type: JobQuery })
  job(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<JobQuery> {
    return this.queries.execute(new GetJob(tenantId, id));
  }

  @Get('nodes/:nodeId/executions')
  @Allow('viewer')
  @ApiOkResponse({ type: NodeRunPage })
  ofNode(@Caller() { tenantId }: Caller, @Param('nodeId') nodeId: string, @Query() filter: NodeRunFilter): Promise<NodeRunPage> {
    return this.queries.execute(new ListNodeRuns(tenantId, nodeId, filter));
  }
}
