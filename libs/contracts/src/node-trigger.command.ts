import type { Json, JsonObject } from '@sluice/kernel';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Allow, IsObject, IsOptional } from 'class-validator';

export class NodeTriggerCommand {
  @ApiPropertyOptional({ description: 'Any JSON; the output of the triggered node', example: { text: 'Hello' } })
  @Allow()
  input?: Json;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, description: 'For the record: source, customerId …' })
  @IsOptional()
  @IsObject()
  metadata?: JsonObject | null;
}

export class NodeTriggeredResult {
  @ApiProperty({ format: 'uuid' })
  executionId: string;
}
