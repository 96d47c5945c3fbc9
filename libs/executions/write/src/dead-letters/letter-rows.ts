import type { DeadLetter } from '@sluice/executions-domain';

/** A dead task, as its letter */
export interface LetterRow {
  readonly id: number;
  readonly dead_letter_id: string;
  readonly kind: DeadLetter['kind'];
  readonly dead_reason: DeadLetter['reason'];
  readonly execution_id: string | null;
  readonly workflow_id: string | null;
  readonly webhook_event_id: string | null;
  readonly node_id: string | null;
  readonly iteration: string;
}

/** Of `tasks t` */
export const letterColumns =
  't.id, t.dead_letter_id, t.kind, t.dead_reason, t.execution_id, t.workflow_id, t.webhook_event_id, t.node_id, t.iteration';

export const letterOf = (row: LetterRow): DeadLetter => ({
  id: row.dead_letter_id,
  taskId: row.id,
  kind: row.kind,
  reason: row.dead_reason,
  ...(row.execution_id === null ? {} : { executionId: row.execution_id }),
  ...(row.workflow_id === null ? {} : { workflowId: row.workflow_id }),
  ...(row.webhook_event_id === null ? {} : { webhookEventId: row.webhook_event_id }),
  ...(row.node_id === null ? {} : { nodeId: row.node_id }),
  ...(row.iteration === '' ? {} : { iteration: row.iteration }),
});
