import { Controller, Get, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import {
  NodeTypeList,
  WorkflowDefinitionQuery,
  WorkflowDiffQuery,
  WorkflowExportQuery,
  WorkflowPage,
  WorkflowVersionDetailQuery,
  WorkflowVersionPage,
} from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { Cached, ListPage, ReadsTheLog } from '@sluice/platform-projections';
import { DiffWorkflow, WorkflowDiffFilter } from './diff-workflow.js';
import { ExportWorkflow, WorkflowExportFilter } from './export-workflow.js';
import { GetWorkflowVersion } from './get-workflow-version.js';
import { GetWorkflow } from './get-workflow.js';
import { ListNodeTypes } from './list-node-types.js';
import { ListWorkflowVersions } from './list-workflow-versions.js';
import { ListWorkflows, WorkflowFilter } from './list-workflows.js';
import { VersionPipe } from './version-pipe.js';

@ApiTags('Workflows')
@Controller('api/workflows')
@ReadsTheLog()
export class WorkflowQueriesController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Allow('viewer')
  @Cached({ tables: ['workflow_summary', 'workflow_detail'] })
  @ApiOkResponse({ type: WorkflowPage })
  list(@Caller() { tenantId }: Caller, @Query() filter: WorkflowFilter): Promise<WorkflowPage> {
    return this.queries.execute(new ListWorkflows(tenantId, filter));
  }

  @Get(':id')
  @Allow('viewer')
  @Cached({ rows: ['workflow_summary', 'workflow_detail'] })
  @ApiOkResponse({ type: WorkflowDefinitionQuery })
  get(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<WorkflowDefinitionQuery> {
    return this.queries.execute(new GetWorkflow(tenantId, id));
  }

  @Get(':id/versions')
  @Allow('viewer')
  @ApiOkResponse({ type: WorkflowVersionPage })
  versions(
    @Caller() { tenantId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Query() filter: ListPage,
  ): Promise<WorkflowVersionPage> {
    return this.queries.execute(new ListWorkflowVersions(tenantId, id, filter));
  }

  @Get(':id/versions/:version')
  @Allow('viewer')
  @ApiOkResponse({ type: WorkflowVersionDetailQuery })
  version(
    @Caller() { tenantId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Param('version', VersionPipe) version: number,
  ): Promise<WorkflowVersionDetailQuery> {
    return this.queries.execute(new GetWorkflowVersion(tenantId, id, version));
  }

  @Get(':id/diff')
  @Allow('viewer')
  @ApiOkResponse({ type: WorkflowDiffQuery })
  diff(
    @Caller() { tenantId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Query() filter: WorkflowDiffFilter,
  ): Promise<WorkflowDiffQuery> {
    return this.queries.execute(new DiffWorkflow(tenantId, id, filter));
  }

  @Get(':id/export')
  @Allow('viewer')
  @ApiOkResponse({ type: WorkflowExportQuery, description: 'Without secrets, references to credentials and channels, and the tenant’s id' })
  export(
    @Caller() { tenantId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Query() { version }: WorkflowExportFilter,
  ): Promise<WorkflowExportQuery> {
    return this.queries.execute(new ExportWorkflow(tenantId, id, version));
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
