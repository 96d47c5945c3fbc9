import type { Logged, Projection, TenantRow } from '@sluice/platform-projections';
import type { KeptEvent, WebhookEvent, WebhookHeld, WebhookIgnored, WebhookReceived } from '@sluice/webhooks-domain';

export interface WebhookEventHistory extends TenantRow {
  readonly id: string;
  readonly channelId: string;
  readonly deliveryId: string;
  readonly provider: string;
  readonly kind: string;
  readonly action: string;
  readonly dedupeKey: string;
  readonly accountId: string | null;
  readonly customerId: string | null;
  readonly direction: 'in' | 'out';
  readonly triggers: boolean;
  readonly status: 'received' | 'processed' | 'ignored' | 'held' | 'failed';
  readonly ignoredBecause: string | null;
  readonly webhookIds: readonly string[];
  readonly executionIds: readonly string[];
  readonly item: KeptEvent;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly correlationId: string;
  readonly occurredAt: string;
  readonly receivedAt: string;
}

/** One ignored because of its path is told again, as received, when it comes by the right one. */
const arrived = ({
  payload: { event, deliveryId, webhookIds, receivedAt },
  correlationId,
}: Logged<WebhookReceived | WebhookIgnored | WebhookHeld>) => ({
  channelId: event.channelId,
  deliveryId,
  provider: event.provider,
  kind: event.kind,
  action: event.action,
  dedupeKey: event.dedupeKey,
  accountId: event.accountId,
  customerId: event.customerId,
  direction: event.direction,
  triggers: event.triggers,
  ignoredBecause: null,
  webhookIds,
  executionIds: [],
  item: event,
  error: null,
  correlationId,
  occurredAt: event.occurredAt,
  receivedAt,
});

/** One that failed may have started some runs, and starts the others when it is tried again. */
const withMore = (row: WebhookEventHistory | undefined, { executionIds = [] }: { readonly executionIds?: readonly string[] }) => [
  ...new Set([...(row?.executionIds ?? []), ...executionIds]),
];

/** Every canonical event of every channel, ignored ones too. */
export const webhookEventHistory: Projection<WebhookEvent, WebhookEventHistory> = {
  table: 'webhook_event_history',
  key: ['id'],
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    channelId: 'uuid',
    deliveryId: 'uuid',
    provider: 'text',
    kind: 'text',
    action: 'text',
    dedupeKey: 'text',
    accountId: 'text',
    customerId: 'text',
    direction: 'text',
    triggers: 'boolean',
    status: 'text',
    ignoredBecause: 'text',
    webhookIds: 'uuid[]',
    executionIds: 'uuid[]',
    item: 'jsonb',
    error: 'jsonb',
    correlationId: 'text',
    occurredAt: 'timestamptz',
    receivedAt: 'timestamptz',
  },
  keys: ({ aggregateId: id }) => [{ id }],
  on: {
    'webhook.received': (event) => ({ ...arrived(event), status: 'received' }),
    'webhook.ignored': (event) => ({ ...arrived(event), status: 'ignored', ignoredBecause: event.payload.reason }),
    'webhook.held': (event) => ({ ...arrived(event), status: 'held' }),
    'webhook.released': () => ({ status: 'received' }),
    'webhook.processed': ({ payload }, row) => ({ status: 'processed', executionIds: withMore(row, payload) }),
    'webhook.failed': ({ payload }, row) => ({ status: 'failed', error: payload.error, executionIds: withMore(row, payload) }),
    'webhook.retried': () => ({ status: 'received', error: null }),
    'webhook.replayed': () => ({ status: 'received', error: null }),
  },
};
