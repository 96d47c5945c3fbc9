import { newId } from '@sluice/kernel';
import type { CommandTransaction } from '@sluice/platform-event-log';
import { type Tickets, type WrittenTask, writtenTask } from '@sluice/platform-queue';
import { issueAfterCommit } from './run-controls.js';
import type { BacktestRequest, RequestPayload, TestRequest } from './requests/worker-request.js';

export interface IssuedRequest {
  readonly requestId: string;
  readonly taskId: number;
}

interface NewRequest {
  readonly tenantId: string;
  readonly workflowId: string;
  readonly by: string;
}

/** Asks a worker: the request, and the task by which one finds it. Tests go before other work, since somebody waits; backtests behind it. */
export async function writeRequest(
  tx: CommandTransaction,
  tickets: Tickets,
  {
    tenantId,
    workflowId,
    kind,
    request,
    by,
  }: NewRequest &
    ({ readonly kind: 'test'; readonly request: TestRequest } | { readonly kind: 'backtest'; readonly request: BacktestRequest }),
): Promise<IssuedRequest> {
  const { manager } = tx;
  const requestId = newId();
  const priority = kind === 'test' ? 1 : -1;
  const payload: RequestPayload = { requestId, kind };
  await manager.query(
    'INSERT INTO worker_requests (tenant_id, id, kind, workflow_id, request, created_by) VALUES ($1, $2, $3, $4, $5, $6)',
    [tenantId, requestId, kind, workflowId, JSON.stringify(request), by],
  );
  const rows: WrittenTask[] = await manager.query(
    `INSERT INTO tasks (tenant_id, kind, payload, priority, ticketed_at) VALUES ($1, 'request', $2, $3, now()) RETURNING ${writtenTask()}`,
    [tenantId, JSON.stringify(payload), priority],
  );
  await issueAfterCommit(tx, tickets, rows);
  return { requestId, taskId: Number(rows[0]?.id ?? 0) };
}
