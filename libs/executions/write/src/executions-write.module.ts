import { Module } from '@nestjs/common';
import { CommandStoreModule } from '@sluice/platform-event-log';
import { ApiStepTools } from './api-step-tools.js';
import { ApprovalsController } from './approvals/approvals.controller.js';
import { DecideApprovalHandler } from './approvals/decide-approval.js';
import { BulkExecutionsHandler } from './bulk-executions.js';
import { CancelExecutionHandler } from './cancel-execution.js';
import { DeadLettersController } from './dead-letters/dead-letters.controller.js';
import { DiscardDeadLetterHandler, DiscardDeadLettersHandler } from './dead-letters/discard-dead-letters.js';
import { RetryDeadLetterHandler, RetryDeadLettersHandler } from './dead-letters/retry-dead-letters.js';
import { DraftsController } from './drafts.controller.js';
import { ExecutionsController } from './executions.controller.js';
import { MoveRunsHandler } from './move-runs.js';
import { PauseExecutionHandler } from './pause-execution.js';
import { RerunExecutionHandler } from './rerun-execution.js';
import { ResolveEffectHandler } from './resolve-effect.js';
import { ResumeExecutionHandler } from './resume-execution.js';
import { RetryExecutionHandler } from './retry-execution.js';
import { StartBacktestHandler } from './start-backtest.js';
import { TestNodeHandler } from './test-node.js';
import { TriggerNodeHandler } from './trigger-node.js';

/** What people and frontends do to runs. */
@Module({
  imports: [CommandStoreModule],
  controllers: [ExecutionsController, DraftsController, ApprovalsController, DeadLettersController],
  providers: [
    ApiStepTools,
    BulkExecutionsHandler,
    CancelExecutionHandler,
    DecideApprovalHandler,
    DiscardDeadLetterHandler,
    DiscardDeadLettersHandler,
    MoveRunsHandler,
    PauseExecutionHandler,
    RerunExecutionHandler,
    ResolveEffectHandler,
    ResumeExecutionHandler,
    RetryDeadLetterHandler,
    RetryDeadLettersHandler,
    RetryExecutionHandler,
    StartBacktestHandler,
    TestNodeHandler,
    TriggerNodeHandler,
  ],
})
export class ExecutionsWriteModule {}
