import { type DynamicModule, Module } from '@nestjs/common';
import { CommandStoreModule } from '@sluice/platform-event-log';
import { ArchiveWorkflowHandler } from './archive-workflow.js';
import { CreateWorkflowHandler } from './create-workflow.js';
import { ImportWorkflowHandler } from './import-workflow.js';
import { CODE_NODES } from './known-to-tenant.js';
import { PublishWorkflowHandler } from './publish-workflow.js';
import { RollbackWorkflowHandler } from './rollback-workflow.js';
import { UpdateWorkflowHandler } from './update-workflow.js';
import { ValidateWorkflowHandler } from './validate-workflow.js';
import { WorkflowsController } from './workflows.controller.js';

/** Authoring workflows. Needs the API's database, notifications, and a global provider of WorkflowDependants. */
@Module({})
export class WorkflowsWriteModule {
  /** `codeNodes`: workers run authors' code here */
  static forRoot({ codeNodes }: { readonly codeNodes: boolean }): DynamicModule {
    return {
      module: WorkflowsWriteModule,
      imports: [CommandStoreModule],
      controllers: [WorkflowsController],
      providers: [
        { provide: CODE_NODES, useValue: codeNodes },
        CreateWorkflowHandler,
        ImportWorkflowHandler,
        UpdateWorkflowHandler,
        PublishWorkflowHandler,
        RollbackWorkflowHandler,
        ArchiveWorkflowHandler,
        ValidateWorkflowHandler,
      ],
    };
  }
}
