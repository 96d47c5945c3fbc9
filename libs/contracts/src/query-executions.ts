import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { Json } from '@sluice/kernel';
import { PageAnswer } from './query-page.js';

export const executionStatuses = ['running', 'waiting', 'paused', 'completed', 'failed', 'cancelled', 'incomplete'] as const;
export const executionSources = ['webhook', 'manual', 'schedule', 'subworkflow', 'error', 'rerun', 'replay'] as const;
export const nodeExecutionStatuses = ['completed', 'failed', 'skipped', 'waiting', 'running', 'in_doubt'] as const;

export class ExecutionErrorQuery {
  @ApiProperty({ example: 'http_status' })
  readonly code: string;

  @ApiProperty()
  readonly message: string;

  @ApiPropertyOptional({ description: 'Any JSON' })
  readonly details?: Json;
}

export class TriggerMetadataQuery {
  @ApiProperty({ enum: executionSources })
  readonly source: (typeof executionSources)[number];

  @ApiProperty({ description: 'The provider, `api`, or what `source` says' })
  readonly sourceType: string;

  @ApiProperty()
  readonly actionType: string;

  @ApiProperty({ type: String, nullable: true })
  readonly customerId: string | null;

  @ApiProperty({ description: 'The channel, who called, or the run that it came from' })
  readonly clientId: string;

  @ApiProperty({ format: 'date-time' })
  readonly receivedAt: string;

  @ApiPropertyOptional({ format: 'uuid' })
  readonly webhookId?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  readonly webhookEventId?: string;

  @ApiPropertyOptional({ enum: [true], description: 'Begun by a test delivery' })
  readonly test?: true;

  @ApiPropertyOptional({ format: 'uuid', description: 'The replay that began it' })
  readonly replayId?: string;
}

export class ExecutionQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ format: 'uuid' })
  readonly workflowId: string;

  @ApiProperty()
  readonly workflowVersion: number;

  @ApiProperty({ format: 'uuid' })
  readonly tenantId: string;

  @ApiProperty({ enum: executionStatuses })
  readonly status: (typeof executionStatuses)[number];

  @ApiProperty({ format: 'date-time' })
  readonly startedAt: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly completedAt: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'From start to end; null while it goes on' })
  readonly durationMs: number | null;

  @ApiProperty({ type: String, nullable: true })
  readonly customerId: string | null;

  @ApiProperty()
  readonly correlationId: string;

  @ApiPropertyOptional({ type: ExecutionErrorQuery })
  readonly error?: ExecutionErrorQuery;

  @ApiProperty({ type: TriggerMetadataQuery })
  readonly trigger: TriggerMetadataQuery;
}

export const nodeWaits = ['time', 'event', 'approval', 'execution', 'channel'] as const;

export class WaitsForChannelQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty()
  readonly name: string;

  @ApiProperty({ type: ExecutionErrorQuery, nullable: true, description: 'Why the channel cannot send, and what to do' })
  readonly reason: { readonly code: string; readonly message: string } | null;

  @ApiProperty({ format: 'date-time', description: 'Since when this send waits for it' })
  readonly since: string;
}

export class NodeExecutionQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ description: 'The node in the workflow' })
  readonly nodeId: string;

  @ApiProperty({ example: 'logic.if' })
  readonly type: string;

  @ApiPropertyOptional({ example: 'orders:3', description: 'In a loop: the loop and the place of the item, from 0' })
  readonly iteration?: string;

  @ApiPropertyOptional({ description: 'Of a loop: how many items it has' })
  readonly itemCount?: number;

  @ApiPropertyOptional({ enum: nodeWaits, description: 'What it waits for. `channel`: its channel needs new credentials' })
  readonly waitsFor?: (typeof nodeWaits)[number];

  @ApiPropertyOptional({ type: WaitsForChannelQuery })
  readonly waitsForChannel?: WaitsForChannelQuery;

  @ApiPropertyOptional({ format: 'uuid', description: 'The run that it called' })
  readonly calledExecutionId?: string;

  @ApiProperty({ enum: nodeExecutionStatuses })
  readonly status: (typeof nodeExecutionStatuses)[number];

  @ApiProperty({ description: '0 for a skipped node' })
  readonly attempt: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly startedAt: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly completedAt: string | null;

  @ApiPropertyOptional({ format: 'date-time', description: 'When it goes on, or is tried again' })
  readonly waitUntil?: string;

  @ApiPropertyOptional({ description: 'The handle by which it was left' })
  readonly handle?: string;

  @ApiProperty({ nullable: true, description: 'Any JSON: its predecessor’s output, after a join an object by node id' })
  readonly input: Json;

  @ApiProperty({ nullable: true, description: 'Any JSON' })
  readonly output: Json;

  @ApiPropertyOptional({ type: ExecutionErrorQuery })
  readonly error?: ExecutionErrorQuery;

  @ApiPropertyOptional({ description: 'Its call was under way when the run was cancelled, and arrived, or may have arrived' })
  readonly sentAfterCancel?: boolean;
}

export class ExecutionDetailQuery extends ExecutionQuery {
  @ApiPropertyOptional({ format: 'uuid', description: 'The run that called it' })
  readonly parentExecutionId?: string;

  @ApiProperty({ description: 'The node that the run began with' })
  readonly entryNodeId: string;

  @ApiProperty({ nullable: true, description: 'Any JSON' })
  readonly input: Json;

  @ApiProperty({ nullable: true, description: 'Any JSON' })
  readonly output: Json;

  @ApiProperty({ description: 'Of all node runs, those of items of loops included' })
  readonly nodeRunCount: number;

  @ApiProperty({
    type: [NodeExecutionQuery],
    description: 'In the order in which they began; of more than 1000 those outside loops first. `iteration` asks for those of an item',
  })
  readonly nodes: readonly NodeExecutionQuery[];
}

export class BlobQuery {
  @ApiProperty({ description: 'Of its JSON' })
  readonly sha256: string;

  @ApiProperty({ nullable: true, description: 'Any JSON' })
  readonly value: Json;
}

export class ExecutionPage extends PageAnswer {
  @ApiProperty({ type: [ExecutionQuery] })
  readonly items: readonly ExecutionQuery[];
}
