import { Module } from '@nestjs/common';
import { CommandStoreModule } from '@sluice/platform-event-log';
import { ApiStepTools } from './api-step-tools.js';
import { CancelExecutionHandler } from './cancel-execution.js';
import { ExecutionsController } from './executions.controller.js';
import { TriggerNodeHandler } from './trigger-node.js';

/** What people and frontends do to runs. */
@Module({
  imports: [CommandStoreModule],
  controllers: [ExecutionsController],
  providers: [ApiStepTools, CancelExecutionHandler, TriggerNodeHandler],
})
export class ExecutionsWriteModule {}
