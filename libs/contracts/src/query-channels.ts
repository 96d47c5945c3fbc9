import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '@sluice/kernel';
import { PageAnswer } from './query-page.js';

export const channelStatuses = ['connected', 'expiring', 'expired', 'disconnected', 'held', 'deleted'] as const;

export class ChannelReasonQuery {
  @ApiProperty({ example: 'credentials_expiring', description: 'A word of ours, or what the provider calls it' })
  readonly code: string;

  @ApiProperty()
  readonly message: string;
}

export class ChannelErrorQuery extends ChannelReasonQuery {
  @ApiProperty({ format: 'date-time' })
  readonly at: string;
}

export class ChannelHealthQuery {
  @ApiProperty({ enum: ['ok', 'expiring', 'expired', 'disconnected'], description: 'What its credentials are good for' })
  readonly state: 'ok' | 'expiring' | 'expired' | 'disconnected';

  @ApiProperty({ type: ChannelReasonQuery, nullable: true })
  readonly reason: ChannelReasonQuery | null;

  @ApiProperty({ format: 'date-time' })
  readonly since: string;
}

export class ChannelQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ format: 'uuid' })
  readonly tenantId: string;

  @ApiProperty({ example: 'instagram' })
  readonly provider: string;

  @ApiProperty()
  readonly name: string;

  @ApiProperty({ type: String, nullable: true })
  readonly externalAccountId: string | null;

  @ApiProperty({
    enum: channelStatuses,
    description:
      'Of what is true of it, what matters: deleted, held (what comes in waits), disconnected (the provider calls its token dead), expired, ' +
      'expiring, connected. What it is to send waits while it is disconnected or expired',
  })
  readonly status: (typeof channelStatuses)[number];

  @ApiProperty({ type: 'object', additionalProperties: true })
  readonly config: JsonObject;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When its credentials expire' })
  readonly expiresAt: string | null;

  @ApiProperty({ type: ChannelHealthQuery })
  readonly health: ChannelHealthQuery;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When its provider last sent something that was verified, or gave it a new token',
  })
  readonly lastSuccessAt: string | null;

  @ApiProperty({
    type: ChannelErrorQuery,
    nullable: true,
    description: 'What its provider refused last, about the channel itself or of what workflows send by it',
  })
  readonly lastError: ChannelErrorQuery | null;

  @ApiProperty()
  readonly createdBy: string;

  @ApiProperty({ format: 'date-time' })
  readonly createdAt: string;

  @ApiProperty({ format: 'date-time' })
  readonly updatedAt: string;
}

export class DependantQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty()
  readonly name: string;
}

export class ChannelDependantsQuery {
  @ApiProperty({ type: [DependantQuery], description: 'Active webhooks that listen to it' })
  readonly webhooks: readonly DependantQuery[];

  @ApiProperty({ type: [DependantQuery], description: 'The workflows of those webhooks' })
  readonly workflows: readonly DependantQuery[];
}

export class ChannelDetailQuery extends ChannelQuery {
  @ApiProperty({ type: ChannelDependantsQuery })
  readonly dependants: ChannelDependantsQuery;
}

export class ChannelPage extends PageAnswer {
  @ApiProperty({ type: [ChannelQuery] })
  readonly items: readonly ChannelQuery[];
}
