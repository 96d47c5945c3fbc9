import { Module } from '@nestjs/common';
import { CommandStoreModule } from '@sluice/platform-event-log';
import { ArchiveWorkflowHandler } from './archive-workflow.js';
import { CreateWorkflowHandler } from './create-workflow.js';
import { ImportWorkflowHandler } from './import-workflow.js';
import { PublishWorkflowHandler } from './publish-workflow.js';
import { RollbackWorkflowHandler } from './rollback-workflow.js';
import { UpdateWorkflowHandler } from './update-workflow.js';
import { ValidateWorkflowHandler } from './validate-workflow.js';
import { WorkflowsController } from './workflows.controller.js';

/** Authoring workflows. Needs the API's database, notifications, and a global provider of WorkflowDependants. */
@Module({
  imports: [CommandStoreModule],
  controllers: [WorkflowsController],
  providers: [
    CreateWorkflowHandler,
    ImportWorkflowHandler,
    UpdateWorkflowHandler,
    PublishWorkflowHandler,
    RollbackWorkflowHandler,
    ArchiveWorkflowHandler,
    ValidateWorkflowHandler,
  ],
})
export class WorkflowsWriteModule {}
