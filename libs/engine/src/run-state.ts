import type { Json } from '@sluice/kernel';
import type { NodeError } from './graph.js';

export type RunStatus = 'running' | 'waiting' | 'paused' | 'completed' | 'failed' | 'cancelled' | 'incomplete';
export const terminalStatuses = ['completed', 'failed', 'cancelled', 'incomplete'] as const satisfies readonly RunStatus[];

export type NodeRunStatus = 'running' | 'waiting' | 'completed' | 'failed' | 'skipped' | 'in_doubt';

/** How far a loop is. An item has begun when its first nodes have, and ended when none of its nodes is active. */
export interface LoopProgress {
  readonly count: number;
  readonly begun: number;
  readonly ended: number;
}

/** What a run has used of its limits. */
export interface Spent {
  readonly nodeRuns: number;
  readonly events: number;
  readonly outputBytes: number;
}

/** One node's run within an execution; the same fields as its `node_executions` row. */
export interface NodeRun {
  /** UUIDv7, made when the node's run begins */
  readonly id: string;
  readonly status: NodeRunStatus;
  /** The one under way, or due after a failed one; 0 when skipped */
  readonly attempt: number;
  /** The handle by which it was left; absent while it runs, and when it was skipped or failed for good. */
  readonly handle?: string;
  /** `{error}` for a failed node that was left by a handle */
  readonly output?: Json;
  /** The last attempt's, while the node runs again */
  readonly error?: NodeError;
  /** Of this attempt; absent until the engine hears of its start */
  readonly startedAt?: string;
  readonly completedAt?: string;
  /** waiting: when it goes on at the latest (ISO 8601) */
  readonly waitUntil?: string;
  /** A loop's */
  readonly loop?: LoopProgress;
  /** A loop's items, or what stands for them */
  readonly items?: Json;
  /** The attempts before a person last asked for another: they count against no policy. */
  readonly attemptsBefore?: number;
  /** What an `any` or `kOf` join ran with: later arrivals must not change its input. Other nodes' follows from the graph. */
  readonly inputFrom?: readonly string[];
}

/**
 * A run as the engine sees it; all of it is in the rows of the execution and its nodes, in any order. A fact about a node needs no more nodes
 * than those in its frame and the frames around it: of its other items a loop knows how many have begun and ended. A retry needs them all.
 *
 * Edges have no state of their own: an edge is live when its source was left by its handle, dead when the source was left by another handle,
 * was skipped, failed for good, or cannot be reached from the entry. A node without a run has not got its edges yet, or is starved: a join
 * that can no longer get what it needs, or a node behind one. An item that failed leaves its other nodes as they were; they are given up.
 *
 * running ⇄ waiting: every active node waits or is in doubt; a loop under way runs. Both ⇄ paused. Any → completed | failed | cancelled |
 * incomplete, once nothing is active: also from paused, since the end needs no work that could be held back. failed → running by a person's
 * retry, unless a node stopped the run as failed.
 */
export interface RunState {
  readonly status: RunStatus;
  /** The node the run began with; nodes not reachable from it take no part. */
  readonly entryNodeId: string;
  readonly input: Json;
  /** By `keyOf` */
  readonly nodes: ReadonlyMap<string, NodeRun>;
  readonly spent: Spent;
  readonly output?: Json;
  readonly error?: NodeError;
}

export const newRun = (entryNodeId: string, input: Json): RunState => ({
  status: 'running',
  entryNodeId,
  input,
  nodes: new Map(),
  spent: { nodeRuns: 0, events: 0, outputBytes: 0 },
});

const over: ReadonlySet<RunStatus> = new Set(terminalStatuses);

export const executionIsOver = (state: Pick<RunState, 'status'>): boolean => over.has(state.status);
