import { Module } from '@nestjs/common';
import { ReadingModule } from '@sluice/platform-projections';
import { BacktestQueriesController } from './backtests.controller.js';
import { DeadLetterQueriesController } from './dead-letters.controller.js';
import { ExecutionQueriesController } from './executions.controller.js';
import { GetBlobHandler } from './get-blob.js';
import { GetBacktestHandler } from './get-backtest.js';
import { GetDeadLetterHandler } from './get-dead-letter.js';
import { GetExecutionHandler } from './get-execution.js';
import { GetJobHandler } from './get-job.js';
import { ListDeadLettersHandler } from './list-dead-letters.js';
import { ListExecutionsHandler } from './list-executions.js';
import { ListNodeRunsHandler } from './list-node-runs.js';

@Module({
  imports: [ReadingModule],
  controllers: [ExecutionQueriesController, BacktestQueriesController, DeadLetterQueriesController],
  providers: [
    GetBacktestHandler,
    GetBlobHandler,
    GetDeadLetterHandler,
    GetExecutionHandler,
    GetJobHandler,
    ListDeadLettersHandler,
    ListExecutionsHandler,
    ListNodeRunsHandler,
  ],
})
export class ExecutionsReadModule {}
