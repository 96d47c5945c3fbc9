import { Module } from '@nestjs/common';
import { ReadingModule } from '@sluice/platform-projections';
import { DiffWorkflowHandler } from './diff-workflow.js';
import { ExportWorkflowHandler } from './export-workflow.js';
import { GetWorkflowVersionHandler } from './get-workflow-version.js';
import { GetWorkflowHandler } from './get-workflow.js';
import { ListNodeTypesHandler } from './list-node-types.js';
import { ListWorkflowVersionsHandler } from './list-workflow-versions.js';
import { ListWorkflowsHandler } from './list-workflows.js';
import { NodeTypesController, WorkflowQueriesController } from './workflows.controller.js';

@Module({
  imports: [ReadingModule],
  controllers: [WorkflowQueriesController, NodeTypesController],
  providers: [
    ListWorkflowsHandler,
    GetWorkflowHandler,
    ListWorkflowVersionsHandler,
    GetWorkflowVersionHandler,
    DiffWorkflowHandler,
    ExportWorkflowHandler,
    ListNodeTypesHandler,
  ],
})
export class WorkflowsReadModule {}
