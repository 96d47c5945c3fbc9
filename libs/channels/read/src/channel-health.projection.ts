import type { ChannelEvent, HealthReason } from '@sluice/channels-domain';
import { type Logged, type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';
import type { WebhookEvent, WebhookHeld, WebhookIgnored, WebhookReceived } from '@sluice/webhooks-domain';

export interface ChannelHealthRow extends TenantRow {
  readonly id: string;
  /** When its provider last sent what was verified, or gave it a new token */
  readonly lastSuccessAt: string | null;
  readonly lastError: (HealthReason & { readonly at: string }) | null;
}

const heard = ({ lastSuccessAt, lastError = null }: Partial<ChannelHealthRow> = {}, at: string) => ({
  lastSuccessAt: typeof lastSuccessAt === 'string' && lastSuccessAt > at ? lastSuccessAt : at,
  lastError,
});

const failed = ({ lastSuccessAt = null }: Partial<ChannelHealthRow> = {}, code: string, message: string, at: string) => ({
  lastSuccessAt,
  lastError: { code, message, at },
});

const arrived = ({ payload: { receivedAt } }: Logged<WebhookReceived | WebhookIgnored | WebhookHeld>, row: ChannelHealthRow | undefined) =>
  heard(row, receivedAt);

/** What went well with a channel last, and what did not. What comes for no channel of an app counts for none. */
export const channelHealth: Projection<ChannelEvent | WebhookEvent, ChannelHealthRow> = {
  table: 'channel_health',
  key: ['id'],
  columns: { tenantId: 'uuid', id: 'uuid', lastSuccessAt: 'timestamptz', lastError: 'jsonb' },
  keys: ({ aggregateId, payload }) => [{ id: 'event' in payload ? payload.event.channelId : aggregateId }],
  on: {
    'channel.connected': () => ({ lastSuccessAt: null, lastError: null }),
    'channel.credentials.rotated': ({ payload: { by }, timestamp }, row) => (by === 'system:refresh' ? heard(row, timestamp) : undefined),
    'channel.credentials.expiring': unchanged,
    'channel.credentials.expired': unchanged,
    'channel.credentials.refresh_failed': ({ payload: { code, message }, timestamp }, row) => failed(row, code, message, timestamp),
    'channel.subscription.lost': ({ payload: { code, message }, timestamp }, row) =>
      failed(row, code ?? 'subscription_lost', message, timestamp),
    'channel.send.refused': ({ payload: { code, message }, timestamp }, row) => failed(row, code, message, timestamp),
    'channel.held': unchanged,
    'channel.released': unchanged,
    'channel.disconnected': ({ payload, timestamp }, row) =>
      payload.reason === 'deleted' ? undefined : failed(row, payload.code, payload.message, timestamp),
    'webhook.received': arrived,
    'webhook.ignored': arrived,
    'webhook.held': arrived,
    'webhook.released': unchanged,
    'webhook.processed': unchanged,
    'webhook.failed': unchanged,
    'webhook.retried': unchanged,
    'webhook.replayed': unchanged,
  },
};
