import { type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';
import type { Replay, ReplayEvent, ReplayRequest, WebhookEvent } from '@sluice/webhooks-domain';

export interface ReplayRow extends TenantRow {
  readonly id: string;
  readonly name: string;
  readonly status: Replay['status'];
  readonly request: Omit<ReplayRequest, 'name'>;
  readonly requestedBy: string;
  readonly total: number;
  readonly done: number;
  readonly executions: number;
  readonly failed: number;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly endedBy: string | null;
}

type Started = Extract<WebhookEvent, { type: 'webhook.processed' | 'webhook.failed' }>;

const began = ({ payload: { executionIds = [] } }: Started, row: ReplayRow | undefined) =>
  row && { executions: row.executions + executionIds.length };

/** How far a replay is, and what it began: that is told by the events that it replays. */
export const replay: Projection<ReplayEvent | WebhookEvent, ReplayRow> = {
  table: 'replay',
  key: ['id'],
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    name: 'text',
    status: 'text',
    request: 'jsonb',
    requestedBy: 'text',
    total: 'int',
    done: 'int',
    executions: 'int',
    failed: 'int',
    startedAt: 'timestamptz',
    endedAt: 'timestamptz',
    endedBy: 'text',
  },
  keys: ({ type, aggregateId, payload }) => {
    if (type.startsWith('replay.')) return [{ id: aggregateId }];
    return 'replayId' in payload && payload.replayId !== undefined ? [{ id: payload.replayId }] : [];
  },
  on: {
    'replay.started': ({ payload: { name, total, by, ...request }, timestamp }) => ({
      name,
      status: 'running',
      request,
      requestedBy: by,
      total,
      done: 0,
      executions: 0,
      failed: 0,
      startedAt: timestamp,
      endedAt: null,
      endedBy: null,
    }),
    'replay.progressed': ({ payload: { done } }) => ({ done }),
    'replay.completed': ({ payload: { done }, timestamp }) => ({ status: 'completed', done, endedAt: timestamp }),
    'replay.paused': () => ({ status: 'paused' }),
    'replay.resumed': () => ({ status: 'running' }),
    'replay.cancelled': ({ payload: { by }, timestamp }) => ({ status: 'cancelled', endedAt: timestamp, endedBy: by }),
    'webhook.received': unchanged,
    'webhook.ignored': unchanged,
    'webhook.held': unchanged,
    'webhook.released': unchanged,
    'webhook.processed': began,
    'webhook.failed': (event, row) => row && { ...began(event, row), failed: row.failed + 1 },
    'webhook.retried': unchanged,
    'webhook.replayed': unchanged,
  },
};
