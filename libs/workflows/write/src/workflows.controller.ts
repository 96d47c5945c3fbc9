import { Body, Controller, Delete, HttpCode, Param, ParseUUIDPipe, Post, Put, UseInterceptors } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiHeader, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import {
  WorkflowChangesCommand,
  WorkflowDefinitionCommand,
  WorkflowImportCommand,
  WorkflowImportedResult,
  WorkflowPublishedResult,
  WorkflowRollbackCommand,
  WorkflowSavedResult,
  WorkflowValidationResult,
} from '@sluice/contracts';
import { isError } from '@sluice/workflows-domain';
import { Allow, Caller, IfMatch, RevisionETag } from '@sluice/platform-http';
import { ArchiveWorkflow } from './archive-workflow.js';
import { CreateWorkflow } from './create-workflow.js';
import { plainEdges, plainNodes } from './drawn-graph.js';
import { ImportWorkflow } from './import-workflow.js';
import { PublishWorkflow } from './publish-workflow.js';
import { RollbackWorkflow } from './rollback-workflow.js';
import { UpdateWorkflow } from './update-workflow.js';
import { ValidateWorkflow } from './validate-workflow.js';

const ifMatchHeader = { name: 'If-Match', required: false, description: 'The revision that the change is based on, as in ETag' };

@ApiTags('workflows')
@Controller('api/workflows')
@UseInterceptors(RevisionETag)
export class WorkflowsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @Allow('editor')
  @ApiCreatedResponse({ type: WorkflowSavedResult })
  create(@Caller() { tenantId, userId }: Caller, @Body() body: WorkflowDefinitionCommand): Promise<WorkflowSavedResult> {
    const { name, description = null, nodes = [], edges = [], tags = [], settings = {} } = body;
    const graph = { nodes: plainNodes(nodes), edges: plainEdges(edges) };
    return this.commands.execute(new CreateWorkflow(tenantId, { name, description, graph, tags, settings }, userId));
  }

  @Post('import')
  @Allow('editor')
  @ApiCreatedResponse({ type: WorkflowImportedResult })
  import(@Caller() { tenantId, userId }: Caller, @Body() body: WorkflowImportCommand): Promise<WorkflowImportedResult> {
    const { name, description = null, nodes = [], edges = [], tags = [], settings = {}, omitted = [] } = body;
    const graph = { nodes: plainNodes(nodes), edges: plainEdges(edges) };
    return this.commands.execute(new ImportWorkflow(tenantId, { name, description, graph, tags, settings }, omitted, userId));
  }

  @Put(':id')
  @Allow('editor')
  @ApiHeader(ifMatchHeader)
  @ApiOkResponse({ type: WorkflowSavedResult })
  update(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body() body: WorkflowChangesCommand,
    @IfMatch() revision?: number,
  ): Promise<WorkflowSavedResult> {
    const { nodes, edges, ...rest } = body;
    const changes = { ...rest, nodes: nodes && plainNodes(nodes), edges: edges && plainEdges(edges) };
    return this.commands.execute(new UpdateWorkflow(tenantId, id, changes, userId, revision));
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('editor')
  @ApiHeader(ifMatchHeader)
  @ApiNoContentResponse()
  archive(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string, @IfMatch() revision?: number): Promise<void> {
    return this.commands.execute(new ArchiveWorkflow(tenantId, id, userId, revision));
  }

  @Post(':id/publish')
  @HttpCode(200)
  @Allow('editor')
  @ApiHeader(ifMatchHeader)
  @ApiOkResponse({ type: WorkflowPublishedResult })
  publish(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @IfMatch() revision?: number,
  ): Promise<WorkflowPublishedResult> {
    return this.commands.execute(new PublishWorkflow(tenantId, id, userId, revision));
  }

  @Post(':id/rollback')
  @HttpCode(200)
  @Allow('editor')
  @ApiHeader(ifMatchHeader)
  @ApiOkResponse({ type: WorkflowPublishedResult, description: 'The new version, with the graph of the named one' })
  rollback(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body() { version }: WorkflowRollbackCommand,
    @IfMatch() revision?: number,
  ): Promise<WorkflowPublishedResult> {
    return this.commands.execute(new RollbackWorkflow(tenantId, id, version, userId, revision));
  }

  @Post(':id/validate')
  @HttpCode(200)
  @Allow('viewer')
  @ApiOkResponse({ type: WorkflowValidationResult })
  async validate(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<WorkflowValidationResult> {
    const findings = await this.queries.execute(new ValidateWorkflow(tenantId, id));
    return { valid: !findings.some(isError), findings };
  }
}
