import type { Json, JsonObject } from '@sluice/kernel';

export interface RetryPolicy {
  /** Attempts in all, the first included. Default 3. */
  readonly maxAttempts?: number;
  readonly backoff?: 'exponential' | 'fixed';
  /** Milliseconds before the second attempt. Default 5000. */
  readonly delayMs?: number;
  /** Default 300 000, or `delayMs` if that is more. */
  readonly maxDelayMs?: number;
  /** Full jitter. Default true. */
  readonly jitter?: boolean;
}

export interface NodePolicy {
  /** Default 30 000 */
  readonly timeoutMs?: number;
  readonly retry?: RetryPolicy;
  /** Without it: `branch` when the node's `error` handle is connected, else `fail`. `continue` leaves it by `out`, a loop by `done`. */
  readonly onError?: 'fail' | 'continue' | 'branch';
  readonly effect?: 'idempotent' | 'at_least_once' | 'at_most_once' | 'verify';
}

export interface GraphNode {
  readonly id: string;
  readonly type: string;
  readonly name?: string;
  readonly config: JsonObject;
  readonly policy?: NodePolicy;
  readonly position?: { readonly x: number; readonly y: number };
}

export interface GraphEdge {
  readonly id?: string;
  readonly source: string;
  readonly target: string;
  /** `out` by default */
  readonly sourceHandle?: string;
}

/** A workflow as its author drew it. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export const DEFAULT_HANDLE = 'out';
export const ERROR_HANDLE = 'error';
/** Connected, it takes over from a node that ends in doubt; without it the run waits for a person. */
export const IN_DOUBT_HANDLE = 'in_doubt';

/**
 * When a node with several incoming edges runs. `all`: once none is open and one is live; `any`: at the first live one;
 * `kOf`: at the `count`-th. With all edges dead it is skipped; having got some but too few, it is starved and never runs.
 */
export type JoinRule = { readonly mode: 'all' } | { readonly mode: 'any' } | { readonly mode: 'kOf'; readonly count: number };

export const ITEM_HANDLE = 'item';
export const DONE_HANDLE = 'done';
export const TIMEOUT_HANDLE = 'timeout';

/**
 * A loop runs its body, all that lies behind its handle `item`, once for each item of a list, and is then left by `done`. A body ends where
 * nothing follows: what its last node puts out is the item's result. `fail`: the first item that fails fails the loop, and the others are
 * given up; `continue`: its result is `{error}`.
 */
export interface LoopRule {
  /** Items under way at a time, at least 1 */
  readonly concurrency: number;
  readonly onItemError: 'fail' | 'continue';
}

export interface NodeError {
  readonly code: string;
  readonly message: string;
  readonly details?: Json;
}
