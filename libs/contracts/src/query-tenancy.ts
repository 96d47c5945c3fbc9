import { ApiProperty } from '@nestjs/swagger';
import { PageAnswer } from './query-page.js';

export class AuditSubjectQuery {
  @ApiProperty({ example: 'workflow' })
  readonly type: string;

  @ApiProperty()
  readonly id: string;
}

export class AuditEntryQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ description: 'The command', example: 'workflows.publish' })
  readonly action: string;

  @ApiProperty({ description: 'Who', example: 'key:0190e6ff-5a52-7cc0-9a0c-0d2b4c0a9f3e' })
  readonly by: string;

  @ApiProperty({ example: 'editor' })
  readonly role: string;

  @ApiProperty({ type: AuditSubjectQuery, nullable: true, description: 'The thing changed; null: there is no one thing' })
  readonly subject: AuditSubjectQuery | null;

  @ApiProperty({ type: String, nullable: true, description: 'The caller’s address as the socket had it', example: '192.0.2.7' })
  readonly from: string | null;

  @ApiProperty({ example: 'POST' })
  readonly method: string;

  @ApiProperty({ example: '/api/workflows' })
  readonly path: string;

  @ApiProperty()
  readonly correlationId: string;

  @ApiProperty({ format: 'date-time' })
  readonly timestamp: string;
}

export class AuditPage extends PageAnswer {
  @ApiProperty({ type: [AuditEntryQuery] })
  readonly items: readonly AuditEntryQuery[];
}

export class UsageOfDayQuery {
  @ApiProperty({ format: 'date', example: '2026-11-23', description: 'In UTC' })
  readonly day: string;

  @ApiProperty({ description: 'Runs that started' })
  readonly runs: number;

  @ApiProperty({ description: 'Events received, ignored ones too' })
  readonly events: number;
}

export class TenantUsageQuery {
  @ApiProperty({ format: 'uuid' })
  readonly tenantId: string;

  @ApiProperty({ type: [UsageOfDayQuery], description: 'Every day of the period, the latest first' })
  readonly days: readonly UsageOfDayQuery[];

  @ApiProperty({ description: 'Runs that started in the period' })
  readonly runs: number;

  @ApiProperty({ description: 'Events received in the period' })
  readonly events: number;
}
