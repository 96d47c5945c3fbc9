import type { WorkflowEdgeCommand, WorkflowNodeCommand } from '@sluice/contracts';
import type { GraphEdge, GraphNode } from '@sluice/engine';

/** The drawing as plain data without holes, as it will come back from the store: equal drawings compare equal. */
export const plainNodes = (nodes: readonly WorkflowNodeCommand[]): GraphNode[] => JSON.parse(JSON.stringify(nodes));
export const plainEdges = (edges: readonly WorkflowEdgeCommand[]): GraphEdge[] => JSON.parse(JSON.stringify(edges));
