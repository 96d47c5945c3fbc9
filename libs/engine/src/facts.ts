import type { DomainEvent, Json } from '@sluice/kernel';
import type { NodeError, NodePolicy } from './graph.js';

/** What happened to a run. The shell reports it; `advance` decides what follows. */
export type Fact =
  | { readonly type: 'run.started' }
  | { readonly type: 'node.started'; readonly nodeId: string; readonly attempt: number }
  | { readonly type: 'node.completed'; readonly nodeId: string; readonly attempt: number; readonly handle: string; readonly output: Json; readonly startedAt: string }
  /** `retryable: false` for what another attempt cannot mend. `retryAfterMs`: the target asked for it. */
  | { readonly type: 'node.failed'; readonly nodeId: string; readonly attempt: number; readonly error: NodeError; readonly retryable: boolean; readonly retryAfterMs?: number; readonly startedAt: string }
  | { readonly type: 'node.waiting'; readonly nodeId: string; readonly until: string }
  | { readonly type: 'node.in_doubt'; readonly nodeId: string; readonly attempt: number; readonly error: NodeError; readonly startedAt: string }
  | { readonly type: 'run.stopped'; readonly nodeId: string; readonly status: 'completed' | 'failed'; readonly output?: Json }
  | { readonly type: 'run.cancelled'; readonly by: string }
  | { readonly type: 'run.paused'; readonly by: string }
  | { readonly type: 'run.resumed'; readonly by: string };

/** What the shell must do next. Durable ones become tasks and timers in the same commit; in-process ones may be fused. */
export type EngineCommand =
  | { readonly type: 'runNode'; readonly nodeId: string; readonly attempt: number }
  | { readonly type: 'retryNode'; readonly nodeId: string; readonly attempt: number; readonly delayMs: number };

interface NodeFields {
  readonly workflowId: string;
  readonly nodeId: string;
  readonly nodeRunId: string;
  readonly nodeType: string;
  readonly attempt: number;
}

/**
 * Events of a run. A node's `input` is not repeated: it is the output of `inputFrom` (one: that node's output; several: an
 * object by node id; none: the run's own input). An entry node's output is the run's input.
 */
export type NodeEvent =
  | DomainEvent<'node.execution.started', NodeFields & { readonly inputFrom: readonly string[]; readonly startedAt: string }>
  | DomainEvent<'node.execution.completed', NodeFields & { readonly inputFrom: readonly string[]; readonly handle: string; readonly output?: Json; readonly startedAt: string }>
  | DomainEvent<'node.execution.failed', NodeFields & { readonly inputFrom: readonly string[]; readonly error: NodeError; readonly handle?: string; readonly startedAt: string }>
  | DomainEvent<'node.execution.retried', NodeFields & { readonly inputFrom: readonly string[]; readonly error: NodeError; readonly retryAt: string; readonly startedAt: string }>
  | DomainEvent<'node.execution.skipped', NodeFields>
  | DomainEvent<'node.execution.waiting', NodeFields & { readonly inputFrom: readonly string[]; readonly until: string; readonly startedAt: string }>
  | DomainEvent<'node.execution.in_doubt', NodeFields & { readonly inputFrom: readonly string[]; readonly error: NodeError; readonly startedAt: string }>;

export type RunEvent =
  | DomainEvent<'workflow.execution.waiting', { readonly workflowId: string; readonly until?: string }>
  | DomainEvent<'workflow.execution.resumed', { readonly workflowId: string; readonly by?: string }>
  | DomainEvent<'workflow.execution.paused', { readonly workflowId: string; readonly by: string }>
  | DomainEvent<'workflow.execution.completed', { readonly workflowId: string; readonly output?: Json }>
  | DomainEvent<'workflow.execution.failed', { readonly workflowId: string; readonly error: NodeError; readonly nodeId?: string }>
  | DomainEvent<'workflow.execution.incomplete', { readonly workflowId: string; readonly error: NodeError; readonly output?: Json }>
  | DomainEvent<'workflow.execution.cancelled', { readonly workflowId: string; readonly by: string }>;

export type EngineEvent = NodeEvent | RunEvent;

/** What a compiled node tells the engine; the rest of its config stays with the shell. */
export interface EffectivePolicy extends Required<Pick<NodePolicy, 'timeoutMs'>> {
  readonly retry: { readonly maxAttempts: number; readonly backoff: 'exponential' | 'fixed'; readonly delayMs: number; readonly maxDelayMs: number; readonly jitter: boolean };
  readonly onError: 'fail' | 'continue' | 'branch';
}
