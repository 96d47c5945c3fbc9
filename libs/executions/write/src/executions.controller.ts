import { Body, Controller, HttpCode, Param, ParseUUIDPipe, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiTags } from '@nestjs/swagger';
import { ExecutionCancelledResult, NodeTriggerCommand, NodeTriggeredResult } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { CancelExecution } from './cancel-execution.js';
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
}
