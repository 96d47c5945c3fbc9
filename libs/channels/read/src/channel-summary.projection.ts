import type { ChannelEvent } from '@sluice/channels-domain';
import type { JsonObject } from '@sluice/kernel';
import type { Projection, TenantRow } from '@sluice/platform-projections';

export interface ChannelSummary extends TenantRow {
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  readonly externalAccountId: string | null;
  readonly status: 'connected' | 'held' | 'deleted';
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
    'channel.credentials.rotated': ({ payload: { expiresAt }, timestamp: updatedAt }) => ({ expiresAt, updatedAt }),
    'channel.held': ({ timestamp: updatedAt }) => ({ status: 'held', updatedAt }),
    'channel.released': ({ timestamp: updatedAt }) => ({ status: 'connected', updatedAt }),
    'channel.disconnected': ({ timestamp: updatedAt }) => ({ status: 'deleted', updatedAt }),
  },
};
