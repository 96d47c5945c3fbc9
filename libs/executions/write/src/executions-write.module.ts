import { Module } from '@nestjs/common';
import { CommandStoreModule } from '@sluice/platform-event-log';
import { ApiStepTools } from './api-step-tools.js';
import { CancelExecutionHandler } from './cancel-execution.js';
import { DraftsController } from './drafts.controller.js';
import { ExecutionsController } from './executions.controller.js';
import { StartBacktestHandler } from './start-backtest.js';
import { TestNodeHandler } from './test-node.js';
import { TriggerNodeHandler } from './trigger-node.js';

/** What people and frontends do to runs. */
@Module({
  imports: [CommandStoreModule],
  controllers: [ExecutionsController, DraftsController],
  providers: [ApiStepTools, CancelExecutionHandler, StartBacktestHandler, TestNodeHandler, TriggerNodeHandler],
})
export class ExecutionsWriteModule {}
