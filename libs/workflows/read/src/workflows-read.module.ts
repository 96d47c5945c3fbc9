import { Module } from '@nestjs/common';
import { ReadingModule } from '@sluice/platform-projections';
import { GetWorkflowHandler } from './get-workflow.js';
import { ListNodeTypesHandler } from './list-node-types.js';
import { ListWorkflowsHandler } from './list-workflows.js';
import { NodeTypesController, WorkflowQueriesController } from './workflows.controller.js';

@Module({
  imports: [ReadingModule],
  controllers: [WorkflowQueriesController, NodeTypesController],
  providers: [ListWorkflowsHandler, GetWorkflowHandler, ListNodeTypesHandler],
})
export class WorkflowsReadModule {}
