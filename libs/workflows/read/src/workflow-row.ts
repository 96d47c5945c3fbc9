import type { WorkflowDefinitionQuery } from '@sluice/contracts';
import { selectList } from '@sluice/platform-projections';
import { type WorkflowDetail, workflowDetail } from './workflow-detail.projection.js';
import { type WorkflowSummary, workflowSummary } from './workflow-summary.projection.js';

export type WorkflowRow = WorkflowSummary & WorkflowDetail;

export const workflowColumns = [
  selectList(workflowSummary, 's'),
  selectList(workflowDetail, 'd', ['nodes', 'edges', 'settings', 'publishedRevision', 'publishedAt']),
].join(', ');

export const workflowTables = 'workflow_summary s JOIN workflow_detail d USING (tenant_id, id)';

export function definitionOf(row: WorkflowRow): WorkflowDefinitionQuery {
  const { createdAt, updatedAt, createdBy, executionCount, lastExecuted, ...definition } = row;
  return { ...definition, metadata: { createdAt, updatedAt, createdBy, tags: row.tags, executionCount, lastExecuted } };
}
