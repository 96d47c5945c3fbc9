import { type Logged, type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';
import type {
  WebhookConfig,
  WebhookEvent,
  WebhookHeld,
  WebhookIgnored,
  WebhookReceived,
  WebhookRegistrationEvent,
} from '@sluice/webhooks-domain';

export interface WebhookSummary extends TenantRow {
  readonly id: string;
  readonly name: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly provider: string;
  readonly channelId: string;
  readonly config: WebhookConfig;
  readonly endpoint: string;
  readonly status: 'active' | 'inactive';
  readonly totalCalls: number;
  readonly successfulCalls: number;
  readonly lastCalledAt: string | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

const called = ({ payload: { receivedAt } }: Logged<WebhookReceived | WebhookIgnored | WebhookHeld>, row: WebhookSummary | undefined) =>
  row && {
    totalCalls: row.totalCalls + 1,
    lastCalledAt: row.lastCalledAt !== null && row.lastCalledAt > receivedAt ? row.lastCalledAt : receivedAt,
  };

/** A registration and how often it was called: by every event that names it, also one that came by a path it does not listen to. */
export const webhookSummary: Projection<WebhookRegistrationEvent | WebhookEvent, WebhookSummary> = {
  table: 'webhook_summary',
  key: ['id'],
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    name: 'text',
    workflowId: 'uuid',
    nodeId: 'text',
    provider: 'text',
    channelId: 'uuid',
    config: 'jsonb',
    endpoint: 'text',
    status: 'text',
    totalCalls: 'bigint',
    successfulCalls: 'bigint',
    lastCalledAt: 'timestamptz',
    createdBy: 'text',
    createdAt: 'timestamptz',
    updatedAt: 'timestamptz',
  },
  keys: ({ aggregateId, payload }) => ('webhookIds' in payload ? payload.webhookIds.map((id) => ({ id })) : [{ id: aggregateId }]),
  on: {
    'webhook.registered': ({ payload: { by, config, ...registration }, timestamp }) => ({
      ...registration,
      config,
      channelId: config.channelId,
      status: 'active',
      totalCalls: 0,
      successfulCalls: 0,
      lastCalledAt: null,
      createdBy: by,
      createdAt: timestamp,
      updatedAt: timestamp,
    }),
    'webhook.deactivated': ({ timestamp: updatedAt }) => ({ status: 'inactive', updatedAt }),
    'webhook.received': called,
    'webhook.ignored': called,
    'webhook.held': called,
    'webhook.released': unchanged,
    // A replay is no call.
    'webhook.processed': ({ payload }, row) =>
      payload.replayId === undefined ? row && { successfulCalls: row.successfulCalls + 1 } : undefined,
    'webhook.failed': unchanged,
    'webhook.retried': unchanged,
    'webhook.replayed': unchanged,
  },
};
