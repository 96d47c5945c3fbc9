import { Body, Controller, HttpCode, Param, ParseUUIDPipe, Post, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiParam, ApiTags } from '@nestjs/swagger';
import {
  BulkExecutionsCommand,
  BulkExecutionsResult,
  EffectResolutionCommand,
  ExecutionCancelledResult,
  ExecutionPausedResult,
  ExecutionRerunCommand,
  ExecutionRerunResult,
  ExecutionRetriedResult,
  ExecutionRetryCommand,
  ExecutionStatusResult,
  MoveRunsCommand,
  MoveRunsResult,
  NodeTriggerCommand,
  NodeTriggeredResult,
} from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import type { FastifyReply } from 'fastify';
import { BulkExecutions } from './bulk-executions.js';
import { CancelExecution } from './cancel-execution.js';
import { MoveRuns } from './move-runs.js';
import { PauseExecution } from './pause-execution.js';
import { RerunExecution } from './rerun-execution.js';
import { ResolveEffect } from './resolve-effect.js';
import { ResumeExecution } from './resume-execution.js';
import { RetryExecution } from './retry-execution.js';
import { TriggerNode } from './trigger-node.js';

@ApiTags('executions')
@Controller('api')
export class ExecutionsController {
  constructor(private readonly commands: CommandBus) {}

  @Post('workflows/:id/nodes/:nodeId/trigger')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: NodeTriggeredResult })
  trigger(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Param('nodeId') nodeId: string,
    @Body() { input, metadata }: NodeTriggerCommand,
  ): Promise<NodeTriggeredResult> {
    return this.commands.execute(new TriggerNode(tenantId, id, nodeId, userId, input ?? null, metadata ?? undefined));
  }

  @Post('executions/:id/cancel')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: ExecutionCancelledResult })
  cancel(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ExecutionCancelledResult> {
    return this.commands.execute(new CancelExecution(tenantId, id, userId));
  }

  @Post('executions/:id/pause')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: ExecutionPausedResult })
  pause(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ExecutionPausedResult> {
    return this.commands.execute(new PauseExecution(tenantId, id, userId));
  }

  @Post('executions/:id/resume')
  @HttpCode(202)
  @Allow('operator')
  @ApiAcceptedResponse({ type: ExecutionStatusResult })
  resume(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ExecutionStatusResult> {
    return this.commands.execute(new ResumeExecution(tenantId, id, userId));
  }

  @Post('executions/:id/retry')
  @HttpCode(202)
  @Allow('operator')
  @ApiBody({ type: ExecutionRetryCommand, required: false })
  @ApiAcceptedResponse({ type: ExecutionRetriedResult })
  retry(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body() body?: ExecutionRetryCommand,
  ): Promise<ExecutionRetriedResult> {
    const { nodeId, iteration = '' } = body ?? {};
    return this.commands.execute(new RetryExecution(tenantId, id, userId, nodeId === undefined ? undefined : { nodeId, iteration }));
  }

  @Post('executions/:id/rerun')
  @HttpCode(202)
  @Allow('operator')
  @ApiBody({ type: ExecutionRerunCommand, required: false })
  @ApiAcceptedResponse({ type: ExecutionRerunResult })
  rerun(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body() body?: ExecutionRerunCommand,
  ): Promise<ExecutionRerunResult> {
    const { input, version = 'same' } = body ?? {};
    return this.commands.execute(new RerunExecution(tenantId, id, userId, version, input));
  }

  @Post('executions/:id/effects/:key/resolve')
  @HttpCode(202)
  @Allow('operator')
  @ApiParam({
    name: 'key',
    description: 'The node’s id, in a loop behind its iteration: `orders:3/charge`, URL-encoded',
    example: 'charge',
  })
  @ApiAcceptedResponse({ type: ExecutionStatusResult })
  resolve(
    @Caller() { tenantId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Param('key') key: string,
    @Body() { outcome, output = null }: EffectResolutionCommand,
  ): Promise<ExecutionStatusResult> {
    return this.commands.execute(new ResolveEffect(tenantId, id, key, outcome === 'sent' ? { outcome, output } : { outcome }));
  }

  @Post('executions/bulk')
  @HttpCode(202)
  @Allow('operator')
  @ApiOkResponse({ type: BulkExecutionsResult, description: 'How many there are (`dryRun`)' })
  @ApiAcceptedResponse({ type: BulkExecutionsResult })
  async bulk(
    @Caller() { tenantId, userId }: Caller,
    @Body() { action, filter, dryRun }: BulkExecutionsCommand,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BulkExecutionsResult> {
    if (dryRun === true) reply.code(200);
    return this.commands.execute(new BulkExecutions(tenantId, userId, action, filter, dryRun === true ? 'count' : 'do'));
  }

  @Post('workflows/:id/move-runs')
  @HttpCode(202)
  @Allow('operator')
  @ApiOkResponse({ type: MoveRunsResult, description: 'Which could be moved (`dryRun`)' })
  @ApiAcceptedResponse({ type: MoveRunsResult })
  async moveRuns(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body() { fromVersion, toVersion, filter = {}, dryRun }: MoveRunsCommand,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MoveRunsResult> {
    if (dryRun === true) reply.code(200);
    return this.commands.execute(new MoveRuns(tenantId, id, userId, fromVersion, toVersion, filter, dryRun === true ? 'look' : 'do'));
  }
}
