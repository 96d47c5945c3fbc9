import type { DeadLetterQuery } from '@sluice/contracts';
import { selectList } from '@sluice/platform-projections';
import { deadLetter, type DeadLetterRow } from './dead-letter.projection.js';

export const deadLetterColumns = selectList(deadLetter, 'l');

export function deadLetterOf(row: DeadLetterRow): DeadLetterQuery {
  const { id, status, reason, kind, taskId, error, correlationId, diedAt } = row;
  const { executionId, workflowId, webhookEventId, nodeId, iteration, decidedBy, decidedAt } = row;
  return {
    id,
    status,
    reason,
    kind,
    taskId,
    error,
    ...(executionId !== null && { executionId }),
    ...(workflowId !== null && { workflowId }),
    ...(webhookEventId !== null && { webhookEventId }),
    ...(nodeId !== null && { nodeId }),
    ...(iteration !== null && { iteration }),
    correlationId,
    diedAt,
    ...(decidedBy !== null && { decidedBy }),
    ...(decidedAt !== null && { decidedAt }),
  };
}
