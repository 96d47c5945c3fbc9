import { Body, Controller, HttpCode, Param, ParseUUIDPipe, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { BacktestCommand, BacktestStartedResult, NodeTestCommand, NodeTestResult } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { StartBacktest } from './start-backtest.js';
import { TestNode } from './test-node.js';

/** What authors try out while they draw. */
@ApiTags('workflows')
@Controller('api/workflows')
export class DraftsController {
  constructor(private readonly commands: CommandBus) {}

  @Post(':id/nodes/:nodeId/test')
  @HttpCode(200)
  @Allow('editor')
  @ApiOkResponse({ type: NodeTestResult, description: 'What the node of the draft came to, its failure included, or would do' })
  test(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Param('nodeId') nodeId: string,
    @Body() { input, eventId, mocks = {}, effects = false, item }: NodeTestCommand,
  ): Promise<NodeTestResult> {
    const loop = item === undefined ? undefined : { item: item.value ?? null, index: item.index ?? 0 };
    return this.commands.execute(new TestNode(tenantId, id, nodeId, userId, { input, eventId, mocks, effects, item: loop }));
  }

  @Post(':id/backtest')
  @HttpCode(202)
  @Allow('editor')
  @ApiAcceptedResponse({ type: BacktestStartedResult })
  backtest(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body() { events = 50 }: BacktestCommand,
  ): Promise<BacktestStartedResult> {
    return this.commands.execute(new StartBacktest(tenantId, id, userId, events));
  }
}
