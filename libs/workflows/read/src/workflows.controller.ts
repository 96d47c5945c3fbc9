import { Controller, Get, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { NodeTypeList, WorkflowDefinitionQuery, WorkflowPage } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { ReadsTheLog } from '@sluice/platform-projections';
import { GetWorkflow } from './get-workflow.js';
import { ListNodeTypes } from './list-node-types.js';
import { ListWorkflows, WorkflowFilter } from './list-workflows.js';

@ApiTags('Workflows')
@Controller('api/workflows')
@ReadsTheLog()
export class WorkflowQueriesController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Allow('viewer')
  @ApiOkResponse({ type: WorkflowPage })
  list(@Caller() { tenantId }: Caller, @Query() filter: WorkflowFilter): Promise<WorkflowPage> {
    return this.queries.execute(new ListWorkflows(tenantId, filter));
  }

  @Get(':id')
  @Allow('viewer')
  @ApiOkResponse({ type: WorkflowDefinitionQuery })
  get(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<WorkflowDefinitionQuery> {
    return this.queries.execute(new GetWorkflow(tenantId, id));
  }
}

@ApiTags('Workflows')
@Controller('api/node-types')
export class NodeTypesController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Allow('viewer')
  @ApiOkResponse({ type: NodeTypeList })
  list(): Promise<NodeTypeList> {
    return this.queries.execute(new ListNodeTypes());
  }
}
