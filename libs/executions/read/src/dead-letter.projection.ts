import type { DeadLetterError, DeadLetterEvent, DeadLetterReason, TaskKind } from '@sluice/executions-domain';
import type { Logged, Projection, TenantRow } from '@sluice/platform-projections';

export interface DeadLetterRow extends TenantRow {
  readonly id: string;
  readonly taskId: number;
  readonly kind: TaskKind;
  readonly reason: DeadLetterReason;
  readonly status: 'open' | 'retried' | 'discarded';
  readonly error: DeadLetterError;
  readonly executionId: string | null;
  readonly workflowId: string | null;
  readonly webhookEventId: string | null;
  readonly nodeId: string | null;
  readonly iteration: string | null;
  readonly correlationId: string;
  readonly diedAt: string;
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
}

const decided =
  (status: 'retried' | 'discarded') =>
  ({ payload: { by: decidedBy }, timestamp: decidedAt }: Logged<Exclude<DeadLetterEvent, { type: 'task.dead_lettered' }>>) => ({
    status,
    decidedBy,
    decidedAt,
  });

/** What the system gave up, and what a person decided about it. */
export const deadLetter: Projection<DeadLetterEvent, DeadLetterRow> = {
  table: 'dead_letters',
  key: ['id'],
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    taskId: 'bigint',
    kind: 'text',
    reason: 'text',
    status: 'text',
    error: 'jsonb',
    executionId: 'uuid',
    workflowId: 'uuid',
    webhookEventId: 'uuid',
    nodeId: 'text',
    iteration: 'text',
    correlationId: 'text',
    diedAt: 'timestamptz',
    decidedBy: 'text',
    decidedAt: 'timestamptz',
  },
  keys: ({ aggregateId: id }) => [{ id }],
  on: {
    'task.dead_lettered': ({ payload, correlationId, timestamp }) => ({
      taskId: payload.taskId,
      kind: payload.kind,
      reason: payload.reason,
      status: 'open',
      error: payload.error,
      executionId: payload.executionId ?? null,
      workflowId: payload.workflowId ?? null,
      webhookEventId: payload.webhookEventId ?? null,
      nodeId: payload.nodeId ?? null,
      iteration: payload.iteration ?? null,
      correlationId,
      diedAt: timestamp,
      decidedBy: null,
      decidedAt: null,
    }),
    'task.retried': decided('retried'),
    'task.discarded': decided('discarded'),
  },
};
