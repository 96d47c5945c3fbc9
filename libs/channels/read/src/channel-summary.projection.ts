import type { ChannelEvent } from '@sluice/channels-domain';
import type { JsonObject } from '@sluice/kernel';
import type { Projection, TenantRow } from '@sluice/platform-projections';

export interface ChannelSummary extends TenantRow {
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  readonly externalAccountId: string | null;
  readonly status: 'connected' | 'deleted';
  readonly config: JsonObject;
  readonly expiresAt: string | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export const channelSummary: Projection<ChannelEvent, ChannelSummary> = {
  table: 'channel_summary',
  key: ['id'],
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    provider: 'text',
    name: 'text',
    externalAccountId: 'text',
    status: 'text',
    config: 'jsonb',
    expiresAt: 'timestamptz',
    createdBy: 'text',
    createdAt: 'timestamptz',
    updatedAt: 'timestamptz',
  },
  keys: ({ aggregateId: id }) => [{ id }],
  on: {
    'channel.connected': ({ payload: { by, ...channel }, timestamp }) => ({
      ...channel,
      status: 'connected',
      createdBy: by,
      createdAt: timestamp,
      updatedAt: timestamp,
    }),
    'channel.disconnected': ({ timestamp: updatedAt }) => ({ status: 'deleted', updatedAt }),
  },
};
