import { Body, Controller, HttpCode, Param, ParseUUIDPipe, Post, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { EventReplayCommand, ReplayCommand, ReplayCountResult, ReplayStartedResult, ReplayStatusResult } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import type { FastifyReply } from 'fastify';
import { DecideReplay } from './decide-replay.js';
import { type ReplayAnswer, StartReplay } from './start-replay.js';

@ApiTags('webhooks')
@Controller('api')
export class ReplaysController {
  constructor(private readonly commands: CommandBus) {}

  @Post('webhook-events/:id/replay')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: ReplayStartedResult })
  startOne(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) eventId: string,
    @Body() { version = 'newest', workflowIds, reason }: EventReplayCommand,
  ): Promise<ReplayAnswer> {
    const asked = { name: `Event ${eventId}`, eventId, version, workflowIds, reason };
    return this.commands.execute(new StartReplay(tenantId, asked, userId));
  }

  @Post('webhook-events/replay')
  @HttpCode(202)
  @Allow('operator')
  @ApiOkResponse({ type: ReplayCountResult, description: 'How many there are (`dryRun`)' })
  @ApiAcceptedResponse({ type: ReplayStartedResult })
  start(
    @Caller() { tenantId, userId }: Caller,
    @Body() { version = 'newest', ratePerSecond = 10, dryRun, ...rest }: ReplayCommand,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReplayAnswer> {
    if (dryRun === true) reply.code(200);
    return this.commands.execute(new StartReplay(tenantId, { ...rest, version, ratePerSecond }, userId, dryRun === true ? 'count' : 'do'));
  }

  @Post('replays/:id/pause')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: ReplayStatusResult })
  pause(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ReplayStatusResult> {
    return this.commands.execute(new DecideReplay(tenantId, id, 'pause', userId));
  }

  @Post('replays/:id/resume')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: ReplayStatusResult })
  resume(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ReplayStatusResult> {
    return this.commands.execute(new DecideReplay(tenantId, id, 'resume', userId));
  }

  @Post('replays/:id/cancel')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: ReplayStatusResult })
  cancel(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ReplayStatusResult> {
    return this.commands.execute(new DecideReplay(tenantId, id, 'cancel', userId));
  }
}
