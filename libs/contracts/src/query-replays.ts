import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageAnswer } from './query-page.js';

export const replayVersions = ['same', 'newest'] as const;
export const replayStatuses = ['running', 'paused', 'completed', 'cancelled'] as const;
/** Of events that start something */
export const replayableStatuses = ['processed', 'failed'] as const;

export class ReplayFilterQuery {
  @ApiPropertyOptional({ format: 'uuid', description: 'This event alone' })
  readonly eventId?: string;

  @ApiProperty({ format: 'uuid' })
  readonly channelId: string;

  @ApiPropertyOptional({ type: [String] })
  readonly kinds?: readonly string[];

  @ApiPropertyOptional()
  readonly action?: string;

  @ApiPropertyOptional({ enum: replayableStatuses })
  readonly status?: (typeof replayableStatuses)[number];

  @ApiPropertyOptional()
  readonly customerId?: string;

  @ApiProperty({ format: 'date-time' })
  readonly dateFrom: string;

  @ApiProperty({ format: 'date-time' })
  readonly dateTo: string;
}

export class ReplayEventsQuery {
  @ApiProperty({ description: 'Events that there were when it was asked for' })
  readonly total: number;

  @ApiProperty({ description: 'Handed to their workflows so far' })
  readonly done: number;

  @ApiProperty({ description: 'Of those, the ones whose start failed' })
  readonly failed: number;
}

export class ReplayQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty()
  readonly name: string;

  @ApiProperty({ enum: replayStatuses })
  readonly status: (typeof replayStatuses)[number];

  @ApiProperty({ type: ReplayFilterQuery })
  readonly filter: ReplayFilterQuery;

  @ApiProperty({ enum: replayVersions })
  readonly version: (typeof replayVersions)[number];

  @ApiPropertyOptional({ type: [String] })
  readonly workflowIds?: readonly string[];

  @ApiProperty()
  readonly ratePerSecond: number;

  @ApiProperty()
  readonly reason: string;

  @ApiProperty()
  readonly requestedBy: string;

  @ApiProperty({ type: ReplayEventsQuery })
  readonly events: ReplayEventsQuery;

  @ApiProperty({ description: 'Runs that it began' })
  readonly executions: number;

  @ApiProperty({ format: 'date-time' })
  readonly startedAt: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly endedAt: string | null;

  @ApiPropertyOptional({ description: 'Who cancelled it; `sluice`: its channel is gone' })
  readonly endedBy?: string;
}

export class ReplayPage extends PageAnswer {
  @ApiProperty({ type: [ReplayQuery] })
  readonly items: readonly ReplayQuery[];
}
