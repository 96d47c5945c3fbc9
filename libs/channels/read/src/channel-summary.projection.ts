import { type ChannelEvent, type ChannelHealth, expired, expiring, type HealthReason } from '@sluice/channels-domain';
import type { JsonObject } from '@sluice/kernel';
import { type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';

export interface ChannelSummary extends TenantRow {
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  readonly externalAccountId: string | null;
  readonly status: 'connected' | 'held' | 'deleted';
  readonly config: JsonObject;
  readonly expiresAt: string | null;
  readonly health: ChannelHealth;
  readonly healthReason: HealthReason | null;
  /** null: since it was connected */
  readonly healthSince: string | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

const health = (row: ChannelSummary | undefined, state: ChannelHealth, reason: HealthReason | null, timestamp: string) => ({
  health: state,
  healthReason: reason,
  healthSince: row?.health === state ? row.healthSince : timestamp,
});

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
    health: 'text',
    healthReason: 'jsonb',
    healthSince: 'timestamptz',
    createdBy: 'text',
    createdAt: 'timestamptz',
    updatedAt: 'timestamptz',
  },
  keys: ({ aggregateId: id }) => [{ id }],
  on: {
    'channel.connected': ({ payload: { by, ...channel }, timestamp }) => ({
      ...channel,
      status: 'connected',
      health: 'ok',
      healthReason: null,
      healthSince: null,
      createdBy: by,
      createdAt: timestamp,
      updatedAt: timestamp,
    }),
    'channel.credentials.rotated': ({ payload: { expiresAt }, timestamp }, row) => ({
      expiresAt,
      ...health(row, 'ok', null, timestamp),
      updatedAt: timestamp,
    }),
    'channel.credentials.expiring': ({ payload: { expiresAt }, timestamp }, row) => health(row, 'expiring', expiring(expiresAt), timestamp),
    'channel.credentials.expired': ({ payload: { expiresAt }, timestamp }, row) => health(row, 'expired', expired(expiresAt), timestamp),
    'channel.credentials.refresh_failed': unchanged,
    'channel.subscription.lost': unchanged,
    'channel.send.refused': unchanged,
    'channel.held': ({ timestamp: updatedAt }) => ({ status: 'held', updatedAt }),
    'channel.released': ({ timestamp: updatedAt }) => ({ status: 'connected', updatedAt }),
    'channel.disconnected': ({ payload, timestamp }, row) => {
      if (payload.reason === 'deleted') return { status: 'deleted', updatedAt: timestamp };
      const { code, message } = payload;
      return health(row, 'disconnected', { code, message }, timestamp);
    },
  },
};
