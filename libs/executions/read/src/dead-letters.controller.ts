import { Controller, Get, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { DeadLetterPage, DeadLetterQuery } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { ReadsTheLog } from '@sluice/platform-projections';
import { GetDeadLetter } from './get-dead-letter.js';
import { DeadLetterFilter, ListDeadLetters } from './list-dead-letters.js';

@ApiTags('Dead letters')
@Controller('api/dead-letters')
@ReadsTheLog()
export class DeadLetterQueriesController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Allow('viewer')
  @ApiOkResponse({ type: DeadLetterPage })
  list(@Caller() { tenantId }: Caller, @Query() filter: DeadLetterFilter): Promise<DeadLetterPage> {
    return this.queries.execute(new ListDeadLetters(tenantId, filter));
  }

  @Get(':id')
  @Allow('viewer')
  @ApiOkResponse({ type: DeadLetterQuery })
  get(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<DeadLetterQuery> {
    return this.queries.execute(new GetDeadLetter(tenantId, id));
  }
}
