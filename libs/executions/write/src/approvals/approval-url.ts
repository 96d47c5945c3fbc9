import type { Iteration } from '@sluice/engine';
import type { Run } from '../steps/run.js';
import type { Tenant } from '../tenant-directory.js';
import { approvalToken } from './approval-token.js';

/** Where an approval of a run is given. `publicUrl`: of the command API, without a trailing slash */
export function approvalUrlOf(publicUrl: string, tenant: Tenant | undefined, run: Run, nodeId: string, iteration: Iteration): string {
  const place = { tenantId: run.tenantId, executionId: run.id, nodeId, iteration };
  return `${publicUrl}/api/approvals/${tenant === undefined ? '' : approvalToken(tenant.effectSecret, place)}`;
}
