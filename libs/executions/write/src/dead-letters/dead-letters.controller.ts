import { Body, Controller, Delete, HttpCode, Param, ParseUUIDPipe, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiNoContentResponse, ApiTags } from '@nestjs/swagger';
import { DeadLetterRetriedResult, DeadLettersDiscardCommand, DeadLettersResult, DeadLettersRetryCommand } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { DiscardDeadLetter, DiscardDeadLetters } from './discard-dead-letters.js';
import { RetryDeadLetter, RetryDeadLetters } from './retry-dead-letters.js';

@ApiTags('dead letters')
@Controller('api/dead-letters')
export class DeadLettersController {
  constructor(private readonly commands: CommandBus) {}

  @Post('retry')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: DeadLettersResult })
  retryMany(
    @Caller() { tenantId, userId }: Caller,
    @Body() { filter, ratePerSecond }: DeadLettersRetryCommand,
  ): Promise<DeadLettersResult> {
    return this.commands.execute(new RetryDeadLetters(tenantId, userId, filter, ratePerSecond));
  }

  @Post('discard')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: DeadLettersResult })
  discardMany(@Caller() { tenantId, userId }: Caller, @Body() { filter }: DeadLettersDiscardCommand): Promise<DeadLettersResult> {
    return this.commands.execute(new DiscardDeadLetters(tenantId, userId, filter));
  }

  @Post(':id/retry')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: DeadLetterRetriedResult })
  retry(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<DeadLetterRetriedResult> {
    return this.commands.execute(new RetryDeadLetter(tenantId, id, userId));
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('operator')
  @ApiNoContentResponse()
  discard(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.commands.execute(new DiscardDeadLetter(tenantId, id, userId));
  }
}
