import { type DeadLetterError, deadLettered, type DeadLetterReason, type TaskKind } from '@sluice/executions-domain';
import { newId } from '@sluice/kernel';
import type { LogEntry } from '@sluice/platform-event-log';
import type { PoolClient } from 'pg';

/** Why a task is given up. */
export interface Death {
  readonly reason: DeadLetterReason;
  readonly error: DeadLetterError;
  /** Where no run says it */
  readonly workflowId?: string | undefined;
}

interface Buried {
  readonly id: number;
  readonly tenant_id: string;
  readonly dead_letter_id: string;
  readonly kind: TaskKind;
  readonly execution_id: string | null;
  readonly webhook_event_id: string | null;
  readonly workflow_id: string | null;
  readonly node_id: string | null;
  readonly iteration: string;
  readonly correlation_id: string | null;
}

/** Tasks that are given up stay as dead letters until a person decides. They are locked. Answers what the log is to say of them. */
export async function buryTasks(client: PoolClient, tasks: readonly { readonly id: number; readonly dies: Death }[]): Promise<LogEntry[]> {
  if (tasks.length === 0) return [];
  const { rows } = await client.query<Buried>(
    `UPDATE tasks t
     SET status = 'dead', dead_letter_id = k.dead_letter_id, dead_reason = k.reason, dead_at = now(), last_error = k.error,
         workflow_id = k.workflow_id, lease_owner = NULL, lease_until = NULL, ticketed_at = NULL
     FROM (SELECT k.id, k.dead_letter_id, k.reason, k.error, coalesce(k.workflow_id, e.workflow_id) AS workflow_id,
                  coalesce(e.correlation_id, w.correlation_id, t.payload ->> 'correlationId') AS correlation_id
           FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::jsonb[], $5::uuid[]) AS k(id, dead_letter_id, reason, error, workflow_id)
           JOIN tasks t USING (id)
           LEFT JOIN workflow_executions e ON e.tenant_id = t.tenant_id AND e.id = t.execution_id
           LEFT JOIN webhook_events w ON w.tenant_id = t.tenant_id AND w.id = t.webhook_event_id) k
     WHERE t.id = k.id
     RETURNING t.id, t.tenant_id, t.dead_letter_id, t.kind, t.execution_id, t.webhook_event_id, t.workflow_id, t.node_id, t.iteration,
               k.correlation_id`,
    [
      tasks.map(({ id }) => id),
      tasks.map(() => newId()),
      tasks.map(({ dies }) => dies.reason),
      tasks.map(({ dies }) => JSON.stringify(dies.error)),
      tasks.map(({ dies }) => dies.workflowId ?? null),
    ],
  );
  const deaths = new Map(tasks.map(({ id, dies }) => [id, dies]));
  return rows.flatMap((row) => {
    const death = deaths.get(row.id);
    if (death === undefined) return [];
    const letter = {
      id: row.dead_letter_id,
      taskId: row.id,
      kind: row.kind,
      reason: death.reason,
      ...(row.execution_id === null ? {} : { executionId: row.execution_id }),
      ...(row.workflow_id === null ? {} : { workflowId: row.workflow_id }),
      ...(row.webhook_event_id === null ? {} : { webhookEventId: row.webhook_event_id }),
      ...(row.node_id === null ? {} : { nodeId: row.node_id }),
      ...(row.iteration === '' ? {} : { iteration: row.iteration }),
    };
    return [
      {
        event: deadLettered(letter, death.error),
        tenantId: row.tenant_id,
        aggregateVersion: 1,
        correlationId: row.correlation_id ?? letter.id,
        causationId: row.execution_id ?? row.webhook_event_id,
      },
    ];
  });
}
