import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageAnswer } from './query-page.js';

export const deadLetterStatuses = ['open', 'retried', 'discarded'] as const;
export const deadLetterReasons = ['crash_loop', 'keeps_failing', 'not_storable', 'workflow_broken', 'cannot_begin'] as const;
export const deadLetterKinds = ['start', 'begin', 'step', 'effect', 'resume', 'cancel', 'match', 'request'] as const;

export class DeadLetterErrorQuery {
  @ApiProperty({ example: 'crash_loop' })
  readonly code: string;

  @ApiProperty({ example: 'It stopped its worker 3 times.' })
  readonly message: string;
}

export class DeadLetterQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ enum: deadLetterStatuses, description: 'open: a person decides' })
  readonly status: (typeof deadLetterStatuses)[number];

  @ApiProperty({
    enum: deadLetterReasons,
    description:
      'crash_loop: its worker died of it three times; keeps_failing: its work failed ten times for a reason nobody foresaw; not_storable: Postgres refuses its values; workflow_broken: no worker can compile the version; cannot_begin: there is nothing that could be begun',
  })
  readonly reason: (typeof deadLetterReasons)[number];

  @ApiProperty({
    enum: deadLetterKinds,
    description:
      'What was given up. start: to begin what listens to an event; begin: a run for another reason (a schedule, a failure); step, effect, resume: a node of a run, which has failed; match: to look for an event that a run waits for; cancel: to end a run; request: a test or backtest of a draft',
  })
  readonly kind: (typeof deadLetterKinds)[number];

  @ApiProperty({ description: 'As worker logs name it' })
  readonly taskId: number;

  @ApiProperty({ type: DeadLetterErrorQuery })
  readonly error: DeadLetterErrorQuery;

  @ApiPropertyOptional({ format: 'uuid' })
  readonly executionId?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  readonly workflowId?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  readonly webhookEventId?: string;

  @ApiPropertyOptional()
  readonly nodeId?: string;

  @ApiPropertyOptional({ example: 'orders:3', description: 'In a loop: the loop and the place of the item, from 0' })
  readonly iteration?: string;

  @ApiProperty()
  readonly correlationId: string;

  @ApiProperty({ format: 'date-time' })
  readonly diedAt: string;

  @ApiPropertyOptional({ description: 'Who retried or discarded it' })
  readonly decidedBy?: string;

  @ApiPropertyOptional({ format: 'date-time' })
  readonly decidedAt?: string;
}

export class DeadLetterPage extends PageAnswer {
  @ApiProperty({ type: [DeadLetterQuery] })
  readonly items: readonly DeadLetterQuery[];
}
