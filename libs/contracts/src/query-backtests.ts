import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { Json } from '@sluice/kernel';
import { executionStatuses, nodeExecutionStatuses } from './query-executions.js';

export const backtestStatuses = ['running', 'completed', 'failed'] as const;
export const backtestReasons = ['path_changed', 'output_changed', 'request_changed', 'not_recorded', 'not_followed'] as const;
const draftNodeStatuses = [...nodeExecutionStatuses, 'absent', 'unknown', 'not_followed'] as const;

export class BacktestErrorQuery {
  @ApiProperty()
  readonly code: string;

  @ApiProperty()
  readonly message: string;
}

export class BacktestEventsQuery {
  @ApiProperty({ description: 'Runs to compare, each started by one event' })
  readonly total: number;

  @ApiProperty({ description: 'Compared so far' })
  readonly done: number;

  @ApiProperty({ description: 'Of those, the ones that the draft runs differently' })
  readonly different: number;
}

export class BacktestNodeEndQuery {
  @ApiProperty({
    enum: draftNodeStatuses,
    description: 'absent: it did not run; unknown: nothing was recorded that answers it; not_followed: it lies behind one that is unknown',
  })
  readonly status: string;

  @ApiPropertyOptional({ description: 'The handle by which it was left' })
  readonly handle?: string;
}

export class BacktestNodeQuery {
  @ApiProperty()
  readonly nodeId: string;

  @ApiPropertyOptional({ example: 'orders:3', description: 'In a loop: the loop and the place of the item, from 0' })
  readonly iteration?: string;

  @ApiProperty({ type: BacktestNodeEndQuery })
  readonly live: BacktestNodeEndQuery;

  @ApiProperty({ type: BacktestNodeEndQuery })
  readonly draft: BacktestNodeEndQuery;

  @ApiPropertyOptional()
  readonly outputDiffers?: boolean;

  @ApiProperty({ enum: backtestReasons })
  readonly why: (typeof backtestReasons)[number];

  @ApiPropertyOptional({
    description: 'Any JSON: the config of the call as the draft evaluates it, where that is another one or nothing answers it; up to 4 KiB',
  })
  readonly request?: Json;
}

export class BacktestStatusQuery {
  @ApiProperty({ enum: executionStatuses })
  readonly live: string;

  @ApiProperty({ enum: executionStatuses, description: 'running, waiting: it could not be followed to its end' })
  readonly draft: string;
}

export class BacktestResultQuery {
  @ApiProperty({ description: 'The event that started the run; empty if the run is gone' })
  readonly eventId: string;

  @ApiProperty({ format: 'uuid' })
  readonly executionId: string;

  @ApiProperty()
  readonly differs: boolean;

  @ApiPropertyOptional({ type: BacktestStatusQuery, description: 'How the runs ended' })
  readonly status?: BacktestStatusQuery;

  @ApiProperty({ type: [BacktestNodeQuery], description: 'The nodes that differ, 50 at most' })
  readonly nodes: readonly BacktestNodeQuery[];

  @ApiPropertyOptional({ description: 'How many more nodes differ' })
  readonly omitted?: number;

  @ApiPropertyOptional({ type: BacktestErrorQuery, description: 'Why the run could not be compared' })
  readonly error?: BacktestErrorQuery;
}

export class BacktestQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ format: 'uuid' })
  readonly workflowId: string;

  @ApiProperty({ enum: backtestStatuses })
  readonly status: (typeof backtestStatuses)[number];

  @ApiProperty()
  readonly requestedBy: string;

  @ApiProperty({ format: 'date-time' })
  readonly startedAt: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly completedAt: string | null;

  @ApiProperty({ description: 'Of the draft as it stood when the backtest was asked for' })
  readonly draftRevision: number;

  @ApiProperty({ description: 'The newest version then; each run is compared with what it did itself, by whatever version' })
  readonly liveVersion: number;

  @ApiProperty({ type: BacktestEventsQuery })
  readonly events: BacktestEventsQuery;

  @ApiPropertyOptional({ type: BacktestErrorQuery, description: 'Why it failed' })
  readonly error?: BacktestErrorQuery;

  @ApiProperty({ type: [BacktestResultQuery], description: 'A page of the runs that differ or could not be compared, newest first' })
  readonly results: readonly BacktestResultQuery[];

  @ApiProperty({ example: 1 })
  readonly page: number;

  @ApiProperty({ example: 50 })
  readonly limit: number;

  @ApiProperty({ description: 'How many results there are in all so far' })
  readonly resultsTotal: number;
}
