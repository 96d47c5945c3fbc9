import type { NodeError, RunStatus } from '@sluice/engine';
import type { ExecutionEvent, TriggerMetadata } from '@sluice/executions-domain';
import type { Json } from '@sluice/kernel';
import { type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';

export interface ExecutionSummary extends TenantRow {
  readonly id: string;
  readonly workflowId: string;
  readonly workflowVersion: number;
  readonly status: RunStatus;
  readonly entryNodeId: string;
  readonly parentExecutionId: string | null;
  readonly triggerMeta: TriggerMetadata;
  readonly webhookEventId: string | null;
  readonly customerId: string | null;
  readonly correlationId: string;
  readonly input: Json;
  readonly output: Json;
  readonly error: NodeError | null;
  readonly startedAt: string;
  readonly completedAt: string | null;
  readonly updatedAt: string;
}

/** A run as lists show it, with what it began and ended with. What its nodes did stands in `executionDetail`. */
export const executionSummary: Projection<ExecutionEvent, ExecutionSummary> = {
  table: 'execution_summary',
  key: ['id'],
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    workflowId: 'uuid',
    workflowVersion: 'int',
    status: 'text',
    entryNodeId: 'text',
    parentExecutionId: 'uuid',
    triggerMeta: 'jsonb',
    webhookEventId: 'uuid',
    customerId: 'text',
    correlationId: 'text',
    input: 'jsonb',
    output: 'jsonb',
    error: 'jsonb',
    startedAt: 'timestamptz',
    completedAt: 'timestamptz',
    updatedAt: 'timestamptz',
  },
  keys: ({ aggregateId: id }) => [{ id }],
  on: {
    'workflow.node.triggered': unchanged,
    'workflow.execution.started': ({ payload, correlationId, timestamp }) => ({
      workflowId: payload.workflowId,
      workflowVersion: payload.workflowVersion,
      status: 'running',
      entryNodeId: payload.entryNodeId,
      parentExecutionId: payload.parent?.executionId ?? null,
      triggerMeta: payload.trigger,
      webhookEventId: payload.trigger.webhookEventId ?? null,
      customerId: payload.trigger.customerId,
      correlationId,
      input: payload.input,
      output: null,
      error: null,
      startedAt: timestamp,
      completedAt: null,
      updatedAt: timestamp,
    }),
    'workflow.execution.waiting': ({ timestamp: updatedAt }) => ({ status: 'waiting', updatedAt }),
    'workflow.execution.paused': ({ timestamp: updatedAt }) => ({ status: 'paused', updatedAt }),
    'workflow.execution.resumed': ({ timestamp: updatedAt }) => ({ status: 'running', updatedAt }),
    'workflow.execution.completed': ({ payload: { output = null }, timestamp }) => ({
      status: 'completed',
      output,
      completedAt: timestamp,
      updatedAt: timestamp,
    }),
    'workflow.execution.failed': ({ payload: { error }, timestamp }) => ({
      status: 'failed',
      error,
      completedAt: timestamp,
      updatedAt: timestamp,
    }),
    'workflow.execution.incomplete': ({ payload: { error, output = null }, timestamp }) => ({
      status: 'incomplete',
      error,
      output,
      completedAt: timestamp,
      updatedAt: timestamp,
    }),
    'workflow.execution.retried': ({ timestamp: updatedAt }) => ({ status: 'running', error: null, completedAt: null, updatedAt }),
    'workflow.execution.moved': ({ payload: { toVersion: workflowVersion }, timestamp: updatedAt }) => ({ workflowVersion, updatedAt }),
    'workflow.execution.cancelled': ({ timestamp }) => ({ status: 'cancelled', completedAt: timestamp, updatedAt: timestamp }),
    'node.execution.started': unchanged,
    'node.execution.completed': unchanged,
    'node.execution.failed': unchanged,
    'node.execution.retried': unchanged,
    'node.execution.skipped': unchanged,
    'node.execution.waiting': unchanged,
    'node.execution.in_doubt': unchanged,
    'node.effect.sent_after_cancel': unchanged,
    'node.effect.held': unchanged,
  },
};
