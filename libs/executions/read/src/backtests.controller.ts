import { Controller, Get, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { BacktestQuery } from '@sluice/contracts';
import { Allow, Caller, Page } from '@sluice/platform-http';
import { ReadsTheLog } from '@sluice/platform-projections';
import { GetBacktest } from './get-backtest.js';

@ApiTags('Executions')
@Controller('api/backtests')
@ReadsTheLog()
export class BacktestQueriesController {
  constructor(private readonly queries: QueryBus) {}

  @Get(':id')
  @Allow('viewer')
  @ApiOkResponse({ type: BacktestQuery })
  get(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string, @Query() page: Page): Promise<BacktestQuery> {
    return this.queries.execute(new GetBacktest(tenantId, id, page));
  }
}
