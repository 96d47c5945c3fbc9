import type { GraphEdge, GraphNode } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';
import type { WorkflowEvent } from '@sluice/workflows-domain';

export interface WorkflowVersion extends TenantRow {
  readonly workflowId: string;
  readonly version: number;
  readonly id: string;
  readonly revision: number | null;
  readonly fromVersion: number | null;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly settings: JsonObject;
  readonly publishedBy: string;
  readonly publishedAt: string;
}

/** What was published, as it was then: promise 3 seen from the reading side. */
export const workflowVersion: Projection<WorkflowEvent, WorkflowVersion, 'workflowId' | 'version'> = {
  table: 'workflow_version',
  key: ['workflowId', 'version'],
  appendOnly: true,
  columns: {
    tenantId: 'uuid',
    workflowId: 'uuid',
    version: 'int',
    id: 'uuid',
    revision: 'int',
    fromVersion: 'int',
    nodes: 'jsonb',
    edges: 'jsonb',
    settings: 'jsonb',
    publishedBy: 'text',
    publishedAt: 'timestamptz',
  },
  keys: ({ aggregateId: workflowId, payload }) => ('version' in payload ? [{ workflowId, version: payload.version }] : []),
  on: {
    'workflow.created': unchanged,
    'workflow.updated': unchanged,
    'workflow.published': ({ payload: { versionId, revision, graph, settings, by }, timestamp }) => ({
      id: versionId,
      revision,
      fromVersion: null,
      nodes: graph.nodes,
      edges: graph.edges,
      settings,
      publishedBy: by,
      publishedAt: timestamp,
    }),
    'workflow.rolled_back': ({ payload: { versionId, fromVersion, graph, settings, by }, timestamp }) => ({
      id: versionId,
      revision: null,
      fromVersion,
      nodes: graph.nodes,
      edges: graph.edges,
      settings,
      publishedBy: by,
      publishedAt: timestamp,
    }),
    'workflow.archived': unchanged,
  },
};
