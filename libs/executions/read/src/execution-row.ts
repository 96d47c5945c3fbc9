import type { ExecutionQuery } from '@sluice/contracts';
import { selectList } from '@sluice/platform-projections';
import { type ExecutionSummary, executionSummary } from './execution-summary.projection.js';

/** All but input and output, which may be large. */
const listed = [
  'tenantId',
  'id',
  'workflowId',
  'workflowVersion',
  'status',
  'triggerMeta',
  'customerId',
  'correlationId',
  'error',
  'startedAt',
  'completedAt',
] as const satisfies readonly (keyof ExecutionSummary)[];

export type ExecutionRow = Pick<ExecutionSummary, (typeof listed)[number]>;

export const executionColumns = selectList(executionSummary, 's', [...listed]);

export function executionOf(row: ExecutionRow): ExecutionQuery {
  const { id, workflowId, workflowVersion, tenantId, status, startedAt, completedAt, customerId, correlationId, error, triggerMeta } = row;
  return {
    id,
    workflowId,
    workflowVersion,
    tenantId,
    status,
    startedAt,
    completedAt,
    durationMs: completedAt === null ? null : Date.parse(completedAt) - Date.parse(startedAt),
    customerId,
    correlationId,
    ...(error !== null && { error }),
    trigger: triggerMeta,
  };
}
