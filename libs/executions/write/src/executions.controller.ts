import { Body, Controller, HttpCode, Param, ParseUUIDPipe, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { NodeTriggerCommand, NodeTriggeredResult } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { TriggerNode } from './trigger-node.js';

@Controller('api/workflows')
export class ExecutionsController {
  constructor(private readonly commands: CommandBus) {}

  @Post(':id/nodes/:nodeId/trigger')
  @HttpCode(202)
  @Allow('operator')
  trigger(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Param('nodeId') nodeId: string,
    @Body() { input, metadata }: NodeTriggerCommand,
  ): Promise<NodeTriggeredResult> {
    return this.commands.execute(new TriggerNode(tenantId, id, nodeId, userId, input ?? null, metadata ?? undefined));
  }
}
