import type { Json } from '@sluice/kernel';
import type { NodeError } from './graph.js';

export type RunStatus = 'running' | 'waiting' | 'paused' | 'completed' | 'failed' | 'cancelled' | 'incomplete';
export const terminalStatuses = ['completed', 'failed', 'cancelled', 'incomplete'] as const satisfies readonly RunStatus[];

export type NodeRunStatus = 'running' | 'waiting' | 'completed' | 'failed' | 'skipped' | 'in_doubt';

/** One node's run within an execution; the same fields as its `node_executions` row. */
export interface NodeRun {
  /** UUIDv7, made when the node's run begins */
  readonly id: string;
  readonly status: NodeRunStatus;
  readonly attempt: number;
  /** The handle by which it was left; absent while it runs, and when it was skipped or failed for good. */
  readonly handle?: string;
  readonly output?: Json;
  readonly error?: NodeError;
  readonly startedAt?: string;
  readonly completedAt?: string;
  /** waiting: when it goes on (ISO 8601) */
  readonly waitUntil?: string;
}

/**
 * A run as the engine sees it. Edges have no state of their own: an edge is live when its source was left by its handle,
 * dead when the source was left by another handle, was skipped, failed for good, or cannot be reached from the entry.
 */
export interface RunState {
  readonly status: RunStatus;
  /** The node the run began with; nodes not reachable from it take no part. */
  readonly entryNodeId: string;
  readonly input: Json;
  readonly nodes: ReadonlyMap<string, NodeRun>;
  readonly output?: Json;
  readonly error?: NodeError;
}
