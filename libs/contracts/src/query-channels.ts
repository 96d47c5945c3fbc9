import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '@sluice/kernel';
import { PageAnswer } from './query-page.js';

export const channelStatuses = ['connected', 'held', 'deleted'] as const;

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

  @ApiProperty({ enum: channelStatuses })
  readonly status: (typeof channelStatuses)[number];

  @ApiProperty({ type: 'object', additionalProperties: true })
  readonly config: JsonObject;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When its credentials expire' })
  readonly expiresAt: string | null;

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
