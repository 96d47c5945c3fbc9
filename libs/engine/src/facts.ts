import type { DomainEvent, Json } from '@sluice/kernel';
import type { NodeError } from './graph.js';

/**
 * What happened to a run. The shell reports it; `advance` decides what follows. `startedAt` is when the attempt began (an
 * earlier fact of the same attempt has the last word about it); `attempt`, where it may be left out, is the present one.
 */
export type Fact =
  | { readonly type: 'run.started' }
  | { readonly type: 'node.started'; readonly nodeId: string; readonly attempt: number }
  | {
      readonly type: 'node.completed';
      readonly nodeId: string;
      readonly attempt: number;
      readonly handle: string;
      readonly output: Json;
      readonly startedAt: string;
    }
  | {
      readonly type: 'node.failed';
      readonly nodeId: string;
      readonly attempt: number;
      readonly error: NodeError;
      /** False for what another attempt cannot mend. */
      readonly retryable: boolean;
      /** The target asked for it. */
      readonly retryAfterMs?: number;
      readonly startedAt: string;
    }
  | {
      readonly type: 'node.waiting';
      readonly nodeId: string;
      readonly attempt?: number;
      readonly until: string;
      readonly startedAt?: string;
    }
  /** A call whose outcome is unknown and that must not be repeated. A later `node.completed` or `node.failed` resolves it. */
  | {
      readonly type: 'node.in_doubt';
      readonly nodeId: string;
      readonly attempt: number;
      readonly error: NodeError;
      readonly startedAt: string;
    }
  | {
      readonly type: 'run.stopped';
      readonly nodeId: string;
      readonly attempt?: number;
      readonly status: 'completed' | 'failed';
      readonly output?: Json;
      readonly startedAt?: string;
    }
  | { readonly type: 'run.cancelled'; readonly by: string }
  | { readonly type: 'run.paused'; readonly by: string }
  | { readonly type: 'run.resumed'; readonly by: string };

export type NodeFact = Extract<Fact, { readonly nodeId: string }>;

/**
 * What the shell must do next. Durable ones become tasks and timers in the same commit; in-process ones may be fused. They are
 * given while the run is paused, too: the shell parks them until it is resumed.
 */
export type EngineCommand =
  | { readonly type: 'runNode'; readonly nodeId: string; readonly attempt: number }
  | { readonly type: 'retryNode'; readonly nodeId: string; readonly attempt: number; readonly delayMs: number };

interface NodeFields {
  readonly workflowId: string;
  readonly nodeId: string;
  readonly nodeRunId: string;
  readonly nodeType: string;
  /** 0 for a skipped node */
  readonly attempt: number;
}

interface AttemptFields extends NodeFields {
  /**
   * Whose outputs are the node's input: one, that node's output; several, an object by node id; none, the run's own input.
   * The input itself is not repeated.
   */
  readonly inputFrom: readonly string[];
  /** The node is a join (`logic.merge`): its input is an object by node id even if `inputFrom` names one node alone. */
  readonly joined?: true;
  readonly startedAt: string;
}

/** Events of a node's run. `completed` without `output`, which is the entry's, put out the run's input. */
export type NodeEvent =
  | DomainEvent<'node.execution.started', AttemptFields>
  | DomainEvent<'node.execution.completed', AttemptFields & { readonly handle: string; readonly output?: Json }>
  /** `handle`: the run goes on from there, with `{error}` as the node's output. */
  | DomainEvent<'node.execution.failed', AttemptFields & { readonly error: NodeError; readonly handle?: string }>
  | DomainEvent<'node.execution.retried', AttemptFields & { readonly error: NodeError; readonly retryAt: string }>
  | DomainEvent<'node.execution.skipped', NodeFields>
  | DomainEvent<'node.execution.waiting', AttemptFields & { readonly until: string }>
  | DomainEvent<'node.execution.in_doubt', AttemptFields & { readonly error: NodeError }>;

export type RunEvent =
  /** Every node that is still active waits: the earliest goes on at `until`; without it, all are in doubt. */
  | DomainEvent<'workflow.execution.waiting', { readonly workflowId: string; readonly until?: string }>
  /** `by` a person after a pause; else by itself, after waiting. */
  | DomainEvent<'workflow.execution.resumed', { readonly workflowId: string; readonly by?: string }>
  | DomainEvent<'workflow.execution.paused', { readonly workflowId: string; readonly by: string }>
  | DomainEvent<'workflow.execution.completed', { readonly workflowId: string; readonly output?: Json }>
  | DomainEvent<'workflow.execution.failed', { readonly workflowId: string; readonly error: NodeError; readonly nodeId?: string }>
  | DomainEvent<'workflow.execution.incomplete', { readonly workflowId: string; readonly error: NodeError; readonly output?: Json }>
  | DomainEvent<'workflow.execution.cancelled', { readonly workflowId: string; readonly by: string }>;

export type EngineEvent = NodeEvent | RunEvent;
