import { Module } from '@nestjs/common';
import { ReadingModule } from '@sluice/platform-projections';
import { ExecutionQueriesController } from './executions.controller.js';
import { GetExecutionHandler } from './get-execution.js';
import { ListExecutionsHandler } from './list-executions.js';

@Module({
  imports: [ReadingModule],
  controllers: [ExecutionQueriesController],
  providers: [ListExecutionsHandler, GetExecutionHandler],
})
export class ExecutionsReadModule {}
