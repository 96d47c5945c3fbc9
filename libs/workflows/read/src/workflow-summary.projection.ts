import type { ExecutionStarted } from '@sluice/executions-domain';
import type { Projection, TenantRow } from '@sluice/platform-projections';
import type { WorkflowEvent, WorkflowStatus } from '@sluice/workflows-domain';

export interface WorkflowSummary extends TenantRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly status: WorkflowStatus;
  readonly tags: readonly string[];
  readonly revision: number;
  readonly version: number;
  readonly createdBy: string;
  readonly executionCount: number;
  readonly lastExecuted: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What lists show of a workflow. Runs count where they are started, so the row is touched by another aggregate's event. */
export const workflowSummary: Projection<WorkflowEvent | ExecutionStarted, WorkflowSummary> = {
  table: 'workflow_summary',
  key: ['id'],
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    name: 'text',
    description: 'text',
    status: 'text',
    tags: 'text[]',
    revision: 'int',
    version: 'int',
    createdBy: 'text',
    executionCount: 'bigint',
    lastExecuted: 'timestamptz',
    createdAt: 'timestamptz',
    updatedAt: 'timestamptz',
  },
  keys: (event) => [{ id: event.type === 'workflow.execution.started' ? event.payload.workflowId : event.aggregateId }],
  on: {
    'workflow.created': ({ payload: { name, description, tags, revision, by }, timestamp }) => ({
      name,
      description,
      status: 'draft',
      tags,
      revision,
      version: 0,
      createdBy: by,
      executionCount: 0,
      lastExecuted: null,
      createdAt: timestamp,
      updatedAt: timestamp,
    }),
    'workflow.updated': ({ payload: { name, description, tags, revision }, timestamp: updatedAt }) => ({
      name,
      description,
      tags,
      revision,
      updatedAt,
    }),
    'workflow.published': ({ payload: { version }, timestamp: updatedAt }) => ({ status: 'published', version, updatedAt }),
    'workflow.rolled_back': ({ payload: { version }, timestamp: updatedAt }) => ({ status: 'published', version, updatedAt }),
    'workflow.archived': ({ timestamp: updatedAt }) => ({ status: 'archived', updatedAt }),
    'workflow.execution.started': ({ timestamp }, row) =>
      row && {
        executionCount: row.executionCount + 1,
        lastExecuted: row.lastExecuted !== null && row.lastExecuted > timestamp ? row.lastExecuted : timestamp,
      },
  },
};
