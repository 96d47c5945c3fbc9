import { type DeadLetter, discarded, retried } from '@sluice/executions-domain';
import type { CommandTransaction } from '@sluice/platform-event-log';
import { type WrittenTask, writtenTask } from '@sluice/platform-queue';
import type { WebhookEvent } from '@sluice/webhooks-domain';
import type { PoolClient } from 'pg';
import { letterColumns, letterOf, type LetterRow } from './letter-rows.js';

// The letters that are open are the tasks that are dead. A decision ends the letter: the task is ready again, or gone.

export interface DeadLetterFilter {
  readonly reason?: DeadLetter['reason'];
  readonly kind?: DeadLetter['kind'];
  readonly workflowId?: string;
  /** ISO 8601; died then or later */
  readonly dateFrom?: string;
  /** before then */
  readonly dateTo?: string;
}

export interface SkippedLetter {
  readonly deadLetterId: string;
  readonly code: string;
  readonly reason: string;
}

export interface DeadLettersDone {
  readonly count: number;
  readonly skipped: readonly SkippedLetter[];
  /** There are more than one command does */
  readonly more: boolean;
}

/** One transaction, so that it is done once however often it is asked. */
const lettersMax = 1_000;

/** Of a run that failed with it: what is tried again is the run. */
export const isOfARun = ({ kind }: DeadLetter): boolean => kind === 'step' || kind === 'effect' || kind === 'resume';

/** undefined: it is not there, or not open any more. */
export async function openLetter(client: PoolClient, tenantId: string, id: string): Promise<DeadLetter | undefined> {
  const { rows } = await client.query<LetterRow>(
    `SELECT ${letterColumns} FROM tasks t WHERE t.tenant_id = $1 AND t.dead_letter_id = $2 AND t.status = 'dead'`,
    [tenantId, id],
  );
  return rows.map(letterOf)[0];
}

/** The oldest first. `more`: there are others. */
export async function openLetters(
  client: PoolClient,
  tenantId: string,
  { reason, kind, workflowId, dateFrom, dateTo }: DeadLetterFilter,
): Promise<{ readonly letters: readonly DeadLetter[]; readonly more: boolean }> {
  const { rows } = await client.query<LetterRow>(
    `SELECT ${letterColumns} FROM tasks t
     WHERE t.tenant_id = $1 AND t.status = 'dead' AND ($2::text IS NULL OR t.dead_reason = $2) AND ($3::text IS NULL OR t.kind = $3)
       AND ($4::uuid IS NULL OR t.workflow_id = $4) AND ($5::timestamptz IS NULL OR t.dead_at >= $5) AND ($6::timestamptz IS NULL OR t.dead_at < $6)
     ORDER BY t.dead_at, t.id LIMIT ${lettersMax + 1}`,
    [tenantId, reason ?? null, kind ?? null, workflowId ?? null, dateFrom ?? null, dateTo ?? null],
  );
  return { letters: rows.slice(0, lettersMax).map(letterOf), more: rows.length > lettersMax };
}

/** Of these, those that are open still; nobody else decides about them before this transaction ends. Their runs are locked already. */
export async function lockLetters(client: PoolClient, tenantId: string, letters: readonly DeadLetter[]): Promise<readonly DeadLetter[]> {
  const { rows } = await client.query<{ id: number }>(
    `SELECT t.id FROM unnest($2::uuid[]) AS k(id) JOIN tasks t ON t.tenant_id = $1 AND t.dead_letter_id = k.id AND t.status = 'dead'
     ORDER BY t.id FOR UPDATE OF t`,
    [tenantId, letters.map(({ id }) => id)],
  );
  const open = new Set(rows.map(({ id }) => id));
  return letters.filter(({ taskId }) => open.has(taskId));
}

/** The tasks are ready again, as new ones, each after its delay. They are locked. Answers those that may run at once. */
export async function reviveTasks(
  client: PoolClient,
  tasks: readonly { readonly taskId: number; readonly delayMs: number }[],
): Promise<WrittenTask[]> {
  const { rows } = await client.query<WrittenTask & { ticketed_at: Date | null }>(
    `UPDATE tasks t
     SET status = 'ready', dead_letter_id = NULL, dead_reason = NULL, dead_at = NULL, workflow_id = NULL, last_error = NULL, crashes = 0,
         failures = 0, gen = t.gen + 1, run_after = now() + k.delay_ms * interval '1 millisecond',
         ticketed_at = CASE WHEN k.delay_ms = 0 THEN now() END
     FROM unnest($1::bigint[], $2::double precision[]) AS k(id, delay_ms) WHERE t.id = k.id
     RETURNING ${writtenTask('t')}, t.ticketed_at`,
    [tasks.map(({ taskId }) => taskId), tasks.map(({ delayMs }) => delayMs)],
  );
  return rows.flatMap(({ ticketed_at: ticketedAt, ...task }) => (ticketedAt === null ? [] : [task]));
}

/** Events that failed with their start are received once more. */
export async function receiveAgain(
  tx: CommandTransaction,
  client: PoolClient,
  tenantId: string,
  letters: readonly DeadLetter[],
  by: string,
) {
  const starts = letters.filter(({ kind }) => kind === 'start');
  const { rows } = await client.query<{ id: string; letter: string; version: number }>(
    `UPDATE webhook_events w SET status = 'received', stream_version = w.stream_version + 1
     FROM (SELECT w.id, k.letter FROM unnest($2::uuid[], $3::uuid[]) AS k(id, letter)
           JOIN webhook_events w ON w.tenant_id = $1 AND w.id = k.id AND w.status = 'failed' ORDER BY w.id FOR UPDATE OF w) k
     WHERE w.tenant_id = $1 AND w.id = k.id RETURNING w.id, k.letter, w.stream_version AS version`,
    [tenantId, starts.map(({ webhookEventId }) => webhookEventId), starts.map(({ id }) => id)],
  );
  for (const { id, letter, version } of rows) {
    const event: WebhookEvent = { type: 'webhook.retried', aggregateId: id, payload: { deadLetterId: letter, by } };
    tx.append([event], version - 1);
  }
}

/** The letters of these runs, which are locked and go on from where they failed, are decided. */
export async function closeLettersOf(
  tx: CommandTransaction,
  client: PoolClient,
  tenantId: string,
  executionIds: readonly string[],
  by: string,
): Promise<void> {
  if (executionIds.length === 0) return;
  const { rows } = await client.query<LetterRow>(
    `DELETE FROM tasks t USING (SELECT t.id FROM tasks t WHERE t.tenant_id = $1 AND t.execution_id = ANY ($2) AND t.status = 'dead'
                                AND t.kind IN ('step', 'effect', 'resume') ORDER BY t.id FOR UPDATE) k
     WHERE t.id = k.id RETURNING ${letterColumns}`,
    [tenantId, executionIds],
  );
  sayRetried(tx, rows.map(letterOf), by);
}

export function sayRetried(tx: CommandTransaction, letters: readonly DeadLetter[], by: string): void {
  for (const letter of letters) tx.append([retried(letter, by)], 1);
}

/** The tasks are gone. They are locked. */
export async function discardLetters(tx: CommandTransaction, client: PoolClient, letters: readonly DeadLetter[], by: string) {
  await client.query('DELETE FROM tasks WHERE id = ANY ($1::bigint[])', [letters.map(({ taskId }) => taskId)]);
  for (const letter of letters) tx.append([discarded(letter, by)], 1);
}
