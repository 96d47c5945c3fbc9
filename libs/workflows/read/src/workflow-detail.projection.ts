import type { GraphEdge, GraphNode } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';
import type { WorkflowEvent } from '@sluice/workflows-domain';

export interface WorkflowDetail extends TenantRow {
  readonly id: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly settings: JsonObject;
  readonly publishedRevision: number;
  readonly publishedAt: string | null;
}

/** The draft as its author sees it. */
export const workflowDetail: Projection<WorkflowEvent, WorkflowDetail> = {
  table: 'workflow_detail',
  key: ['id'],
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    nodes: 'jsonb',
    edges: 'jsonb',
    settings: 'jsonb',
    publishedRevision: 'int',
    publishedAt: 'timestamptz',
  },
  keys: ({ aggregateId: id }) => [{ id }],
  on: {
    'workflow.created': ({ payload: { graph, settings } }) => ({
      nodes: graph.nodes,
      edges: graph.edges,
      settings,
      publishedRevision: 0,
      publishedAt: null,
    }),
    'workflow.updated': ({ payload: { graph, settings } }) => ({ nodes: graph.nodes, edges: graph.edges, settings }),
    'workflow.published': ({ payload: { revision: publishedRevision }, timestamp: publishedAt }) => ({ publishedRevision, publishedAt }),
    'workflow.rolled_back': ({ timestamp: publishedAt }) => ({ publishedRevision: 0, publishedAt }),
    'workflow.archived': unchanged,
  },
};
