import { Module } from '@nestjs/common';
import { ReadingModule } from '@sluice/platform-projections';
import { ExecutionQueriesController } from './executions.controller.js';
import { GetBlobHandler } from './get-blob.js';
import { GetExecutionHandler } from './get-execution.js';
import { GetJobHandler } from './get-job.js';
import { ListExecutionsHandler } from './list-executions.js';
import { ListNodeRunsHandler } from './list-node-runs.js';

@Module({
  imports: [ReadingModule],
  controllers: [ExecutionQueriesController],
  providers: [ListExecutionsHandler, GetBlobHandler, GetExecutionHandler, GetJobHandler, ListNodeRunsHandler],
})
export class ExecutionsReadModule {}
