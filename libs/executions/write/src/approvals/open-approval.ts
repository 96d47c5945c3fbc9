import { DomainError } from '@sluice/kernel';
import type { EntityManager } from 'typeorm';
import { type ApprovalPlace, isSigned, placeOfToken } from './approval-token.js';

/** The same whatever is wrong with the link: nobody learns what exists. */
export class ApprovalNotFound extends DomainError {
  constructor() {
    super('not_found', 'approval_not_found', 'This link is not valid. Check that it is whole, or ask for a new one.');
  }
}

export class ApprovalIsClosed extends DomainError {
  constructor(message: string) {
    super('conflict', 'approval_is_closed', message);
  }
}

/** How an approval stands. `closed`: a sentence that says since when and why. */
export type ApprovalState =
  | { readonly open: true; readonly title: string; readonly message: string | null; readonly until: Date | null }
  | { readonly open: false; readonly closed: string };

/** Throws ApprovalNotFound for what is no token at all; whether it is signed shows `assertSigned`. */
export function placeIn(token: string): ApprovalPlace {
  const place = placeOfToken(token);
  if (place === undefined) throw new ApprovalNotFound();
  return place;
}

/** Under the tenant that the token names. */
export async function assertSigned(manager: EntityManager, token: string, { tenantId }: ApprovalPlace): Promise<void> {
  const [tenant]: { effect_secret: Buffer }[] = await manager.query('SELECT effect_secret FROM tenants WHERE id = $1', [tenantId]);
  if (tenant === undefined || !isSigned(tenant.effect_secret, token)) throw new ApprovalNotFound();
}

export async function stateOf(manager: EntityManager, place: ApprovalPlace): Promise<ApprovalState> {
  const { tenantId, executionId, nodeId, iteration } = place;
  const [row]: {
    execution_status: string;
    completed_at: Date | null;
    node_status: string | null;
    handle: string | null;
    decided_at: Date | null;
    waits: boolean;
    title: string | null;
    message: string | null;
    until: Date | null;
  }[] = await manager.query(
    `SELECT e.status AS execution_status, e.completed_at, n.status AS node_status, n.handle, n.completed_at AS decided_at,
            w.execution_id IS NOT NULL AS waits, w.title, w.message, w.until
     FROM workflow_executions e
     LEFT JOIN node_executions n ON n.tenant_id = e.tenant_id AND n.workflow_execution_id = e.id AND n.node_id = $3 AND n.iteration = $4
     LEFT JOIN waits w ON w.tenant_id = e.tenant_id AND w.execution_id = e.id AND w.node_id = $3 AND w.iteration = $4 AND w.kind = 'approval'
     WHERE e.tenant_id = $1 AND e.id = $2`,
    [tenantId, executionId, nodeId, iteration],
  );
  if (row === undefined) throw new ApprovalNotFound();
  if (row.waits) return { open: true, title: row.title ?? 'Approval', message: row.message, until: row.until };
  const { handle, decided_at: decidedAt } = row;
  const at = (time: Date | null) => (time === null ? '' : ` on ${time.toISOString()}`);
  if (handle === 'approved' || handle === 'rejected') return { open: false, closed: `It was ${handle}${at(decidedAt)}.` };
  if (handle !== null) return { open: false, closed: `It is over: nobody decided in time${at(decidedAt)}.` };
  if (['completed', 'failed', 'cancelled', 'incomplete'].includes(row.execution_status)) {
    return { open: false, closed: `It is over: the run ended ${row.execution_status}${at(row.completed_at)}.` };
  }
  if (row.node_status === 'waiting') return { open: false, closed: 'It was decided a moment ago.' };
  return { open: false, closed: 'It is not asked for yet. Try again in a moment.' };
}
