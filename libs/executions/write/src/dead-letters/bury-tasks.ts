import { type DeadLetterError, deadLettered, type DeadLetterReason } from '@sluice/executions-domain';
import { newId } from '@sluice/kernel';
import type { LogEntry } from '@sluice/platform-event-log';
import type { PoolClient } from 'pg';
import { letterColumns, letterOf, type LetterRow } from './letter-rows.js';

/** Why a task is given up. */
export interface Death {
  readonly reason: DeadLetterReason;
  readonly error: DeadLetterError;
  /** Where no run says it */
  readonly workflowId?: string | undefined;
}

interface Buried extends LetterRow {
  readonly tenant_id: string;
  readonly last_error: DeadLetterError;
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
     RETURNING ${letterColumns}, t.tenant_id, t.last_error, k.correlation_id`,
    [
      tasks.map(({ id }) => id),
      tasks.map(() => newId()),
      tasks.map(({ dies }) => dies.reason),
      tasks.map(({ dies }) => JSON.stringify(dies.error)),
      tasks.map(({ dies }) => dies.workflowId ?? null),
    ],
  );
  return rows.map((row) => {
    const letter = letterOf(row);
    return {
      event: deadLettered(letter, row.last_error),
      tenantId: row.tenant_id,
      aggregateVersion: 1,
      correlationId: row.correlation_id ?? letter.id,
      causationId: row.execution_id ?? row.webhook_event_id,
    };
  });
}
