import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ExecutionErrorQuery, executionStatuses, nodeExecutionStatuses } from './query-executions.js';
import { PageAnswer } from './query-page.js';

export const jobStates = ['ready', 'waiting', 'running', 'done', 'dead'] as const;

export class JobQuery {
  @ApiProperty({ format: 'uuid', description: 'Of the node run or the execution' })
  readonly id: string;

  @ApiProperty({ enum: ['execution', 'node'] })
  readonly kind: 'execution' | 'node';

  @ApiProperty({ format: 'uuid' })
  readonly executionId: string;

  @ApiProperty({ format: 'uuid' })
  readonly workflowId: string;

  @ApiPropertyOptional({ description: 'Of a node run' })
  readonly nodeId?: string;

  @ApiProperty({
    enum: jobStates,
    description:
      'ready: due, a worker takes it next; waiting: until `until`, or for a person or an event; running; ' +
      'done: completed, skipped or cancelled; dead: it failed or could not be completed, and goes on only if somebody does something',
  })
  readonly state: (typeof jobStates)[number];

  @ApiProperty({ enum: [...new Set([...executionStatuses, ...nodeExecutionStatuses])], description: 'Of the node run or the execution' })
  readonly status: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'While it waits for a time' })
  readonly until?: string;

  @ApiProperty({ description: 'Of a node run: those begun so far. Of an execution: the most that one of its nodes took' })
  readonly attempts: number;

  @ApiPropertyOptional({ type: ExecutionErrorQuery, description: 'The latest, also when it goes on' })
  readonly lastError?: ExecutionErrorQuery;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly startedAt: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly completedAt: string | null;
}

export class NodeRunQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ format: 'uuid' })
  readonly executionId: string;

  @ApiProperty({ format: 'uuid' })
  readonly workflowId: string;

  @ApiProperty()
  readonly nodeId: string;

  @ApiProperty({ example: 'logic.if' })
  readonly type: string;

  @ApiPropertyOptional()
  readonly iteration?: string;

  @ApiProperty({ enum: nodeExecutionStatuses })
  readonly status: (typeof nodeExecutionStatuses)[number];

  @ApiProperty({ description: '0 for a skipped node' })
  readonly attempt: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly startedAt: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly completedAt: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Of the last attempt; null while it goes on, or when it was skipped' })
  readonly durationMs: number | null;

  @ApiPropertyOptional({ format: 'date-time', description: 'When it goes on, or is tried again' })
  readonly waitUntil?: string;

  @ApiPropertyOptional({ description: 'The handle by which it was left' })
  readonly handle?: string;

  @ApiPropertyOptional({ type: ExecutionErrorQuery })
  readonly error?: ExecutionErrorQuery;
}

export class NodeRunPage extends PageAnswer {
  @ApiProperty({ type: [NodeRunQuery] })
  readonly items: readonly NodeRunQuery[];
}
