import type { Json, JsonObject } from '@sluice/kernel';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { Allow, IsBoolean, IsInt, IsObject, Max, Min, ValidateNested } from 'class-validator';
import { limits } from './limits.js';
import { IsId } from './property-rules.js';
import { IfPresent } from './workflow-definition.command.js';

export class NodeTestItemCommand {
  @ApiPropertyOptional({ description: 'Any JSON: what expressions see as `item`', example: { sku: 'A-1' } })
  @Allow()
  value?: Json;

  @ApiPropertyOptional({ minimum: 0, default: 0, description: 'What expressions see as `index`' })
  @IfPresent()
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  index?: number;
}

export class NodeTestCommand {
  @ApiPropertyOptional({
    description: 'Any JSON: the input of the node; without it the item, or the event. Without an event it is the `trigger` as well',
    example: { text: 'Hello' },
  })
  @Allow()
  input?: Json;

  @ApiPropertyOptional({ format: 'uuid', description: 'A past webhook event: the `trigger`' })
  @IfPresent()
  @IsId()
  eventId?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'Outputs of other nodes, by their id: what expressions see as `nodes.<id>.output`',
    example: { lookup: { price: 10 } },
  })
  @IfPresent()
  @IsObject()
  mocks?: JsonObject;

  @ApiPropertyOptional({
    default: false,
    description: 'Whether a call is made. Without it, the answer is the evaluated config that it would be made with',
  })
  @IfPresent()
  @IsBoolean()
  effects?: boolean;

  @ApiPropertyOptional({ type: NodeTestItemCommand, description: 'The node is tested as in a loop, for this item' })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => NodeTestItemCommand)
  item?: NodeTestItemCommand;
}

export const nodeTestOutcomes = ['done', 'failed', 'effect', 'waits', 'loops', 'calls', 'stops'] as const;

export class NodeTestErrorResult {
  @ApiProperty({ example: 'http_status' })
  code: string;

  @ApiProperty()
  message: string;

  @ApiPropertyOptional({ description: 'Any JSON' })
  details?: Json;
}

export class NodeTestResult {
  @ApiProperty({
    enum: nodeTestOutcomes,
    description:
      'done: it was left by `handle` with `output`; failed: by `error`; effect: it would call the outside; ' +
      'waits, loops, calls: it would wait, run its body, or start another workflow; stops: it would end the run',
  })
  outcome: (typeof nodeTestOutcomes)[number];

  @ApiPropertyOptional({ description: 'The handle by which it was left' })
  handle?: string;

  @ApiPropertyOptional({ description: 'Any JSON' })
  output?: Json;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, description: 'The evaluated config of the call that was not made' })
  effect?: JsonObject;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { for: 'time', until: '2026-01-31T12:00:00.000Z' } })
  waits?: JsonObject;

  @ApiPropertyOptional({ description: 'Of a loop: how many items it would run over; they are its `output`' })
  items?: number;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, description: '`workflowId`, `version`, `input`' })
  calls?: JsonObject;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { status: 'completed' } })
  stops?: JsonObject;

  @ApiProperty({ description: 'In the worker, without the way there' })
  durationMs: number;

  @ApiPropertyOptional({ type: NodeTestErrorResult })
  error?: NodeTestErrorResult;
}

export class BacktestCommand {
  @ApiPropertyOptional({
    minimum: 1,
    maximum: limits.backtestEvents,
    default: 50,
    description: 'How many of the newest runs that an event started and that are over, and not cancelled',
  })
  @IfPresent()
  @IsInt()
  @Min(1)
  @Max(limits.backtestEvents)
  events?: number;
}

export class BacktestStartedResult {
  @ApiProperty({ format: 'uuid' })
  backtestId: string;
}
