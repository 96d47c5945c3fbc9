import { ApiProperty } from '@nestjs/swagger';

export const sourceStatuses = ['ok', 'silent', 'failing'] as const;
export const sourceAlertTypes = ['silent', 'signature_failures', 'recovered'] as const;

export class SourceCallsQuery {
  @ApiProperty({ description: 'All that named an address of this channel, tests aside' })
  readonly received: number;

  @ApiProperty({ description: 'Recorded, whatever they said' })
  readonly accepted: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    example: { signature_mismatch: 3, malformed_json: 1 },
    description: 'By the reason why they were refused',
  })
  readonly rejected: Readonly<Record<string, number>>;
}

export class SourceEventsQuery {
  @ApiProperty({ description: 'New ones that may start runs' })
  readonly accepted: number;

  @ApiProperty({ description: 'New ones that start nothing: echoes, receipts and the like' })
  readonly ignored: number;

  @ApiProperty({ description: 'That were there already' })
  readonly duplicate: number;

  @ApiProperty({ description: 'Of those, the ones that said something else the second time' })
  readonly conflicting: number;
}

export class SourceAlertQuery {
  @ApiProperty({ enum: sourceAlertTypes })
  readonly type: (typeof sourceAlertTypes)[number];

  @ApiProperty({ format: 'date-time' })
  readonly at: string;

  @ApiProperty({ type: 'object', additionalProperties: true, description: 'The figures that led to it' })
  readonly details: object;
}

export class SourceConflictQuery {
  @ApiProperty({ format: 'date-time' })
  readonly at: string;

  @ApiProperty({ format: 'uuid', description: 'The event that was kept' })
  readonly eventId: string;

  @ApiProperty({ format: 'uuid', description: 'The call that brought the other one' })
  readonly deliveryId: string;

  @ApiProperty()
  readonly dedupeKey: string;

  @ApiProperty({ type: [String], example: ['text'], description: 'Fields that differ' })
  readonly differs: readonly string[];
}

export class SourceQuery {
  @ApiProperty({ format: 'uuid', description: 'Of the channel or provider app' })
  readonly id: string;

  @ApiProperty({ enum: sourceStatuses, description: '`silent`: it is usually heard of sooner; `failing`: many signatures are refused' })
  readonly status: (typeof sourceStatuses)[number];

  @ApiProperty({ type: SourceCallsQuery })
  readonly calls: SourceCallsQuery;

  @ApiProperty({ type: SourceEventsQuery })
  readonly events: SourceEventsQuery;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly lastAcceptedAt: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly lastRejectedAt: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'signature_mismatch' })
  readonly lastRejection: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Between two accepted calls; null: too few came so far' })
  readonly usualGapMs: number | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly silentSince: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly failingSince: string | null;

  @ApiProperty({ type: [SourceAlertQuery], description: 'The newest 20' })
  readonly alerts: readonly SourceAlertQuery[];

  @ApiProperty({ type: [SourceConflictQuery], description: 'The newest 20' })
  readonly conflicts: readonly SourceConflictQuery[];

  @ApiProperty({ format: 'date-time', description: 'Figures are told once a minute at most' })
  readonly updatedAt: string;
}
