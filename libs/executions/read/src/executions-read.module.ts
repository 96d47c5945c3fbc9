import { Module } from '@nestjs/common';
import { ReadingModule } from '@sluice/platform-projections';
import { BacktestQueriesController } from './backtests.controller.js';
import { ExecutionQueriesController } from './executions.controller.js';
import { GetBlobHandler } from './get-blob.js';
import { GetBacktestHandler } from './get-backtest.js';
import { GetExecutionHandler } from './get-execution.js';
import { GetJobHandler } from './get-job.js';
import { ListExecutionsHandler } from './list-executions.js';
import { ListNodeRunsHandler } from './list-node-runs.js';

@Module({
  imports: [ReadingModule],
  controllers: [ExecutionQueriesController, BacktestQueriesController],
  providers: [GetBacktestHandler, GetBlobHandler, ListExecutionsHandler, GetExecutionHandler, GetJobHandler, ListNodeRunsHandler],
})
export class ExecutionsReadModule {}
