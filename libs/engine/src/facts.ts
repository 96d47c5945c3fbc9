import type { DomainEvent, Json } from '@sluice/kernel';
import type { Iteration } from './frames.js';
import type { NodeError } from './graph.js';

/** A node's run: in a loop, of one item. `iteration` may be left out for what is in none. */
export interface NodePlace {
  readonly nodeId: string;
  readonly iteration?: Iteration;
}

/** What a node waits for. Without `until` it waits for as long as it takes. */
export type Waiting =
  | { readonly for: 'time'; readonly until: string }
  | { readonly for: 'event'; readonly until?: string }
  | { readonly for: 'approval'; readonly title: string; readonly message?: string; readonly until?: string }
  | { readonly for: 'execution'; readonly calledExecutionId: string; readonly until?: string };

/** What a node sent by a channel, as its provider names it: echoes and receipts are about these. */
export interface SentMessages {
  readonly channelId: string;
  readonly messageIds: readonly string[];
}

interface Attempted extends NodePlace {
  /** Where it may be left out: the present one */
  readonly attempt?: number;
  /** When the attempt began; an earlier fact of the same attempt has the last word about it. */
  readonly startedAt?: string;
}

/** What happened to a run. The shell reports it; `advance` decides what follows. */
export type Fact =
  | { readonly type: 'run.started' }
  | (Attempted & { readonly type: 'node.started'; readonly attempt: number })
  | (Attempted & {
      readonly type: 'node.completed';
      readonly handle: string;
      readonly output: Json;
      /** Of the output in JSON; counts against the run's limit */
      readonly bytes?: number;
      readonly sent?: SentMessages;
    })
  | (Attempted & {
      readonly type: 'node.failed';
      readonly error: NodeError;
      /** False for what another attempt cannot mend. */
      readonly retryable: boolean;
      /** The target asked for it. */
      readonly retryAfterMs?: number;
    })
  | (Attempted & { readonly type: 'node.waiting'; readonly waiting: Waiting })
  /** A loop knows its items. `items`: the list, or what stands for it. */
  | (Attempted & { readonly type: 'node.looped'; readonly items: Json; readonly count: number })
  /** A call whose outcome is unknown and that must not be repeated. A later `node.completed` or `node.failed` resolves it. */
  | (Attempted & { readonly type: 'node.in_doubt'; readonly error: NodeError })
  /** A person knows that the call in doubt did not happen: it is made again. */
  | (Attempted & { readonly type: 'node.repeated' })
  | (Attempted & { readonly type: 'run.stopped'; readonly status: 'completed' | 'failed'; readonly output?: Json })
  /** It is over for a reason that is none of its nodes': its deadline, or a version that nobody can work with. */
  | { readonly type: 'run.failed'; readonly error: NodeError }
  | { readonly type: 'run.cancelled'; readonly by: string; readonly reason?: string }
  | { readonly type: 'run.paused'; readonly by: string }
  | { readonly type: 'run.resumed'; readonly by: string }
  /**
   * A person wants a failed run to go on from where it failed. Decides nothing for a run that is not `failed`, or that a node stopped as
   * failed. Needs the whole state: the nodes of all frames.
   */
  | { readonly type: 'run.retried'; readonly by: string };

export type NodeFact = Extract<Fact, { readonly nodeId: string }>;

/**
 * What the shell must do next. Durable ones become tasks and timers in the same commit; in-process ones may be fused. They are
 * given while the run is paused, too: the shell parks them until it is resumed. `runNode` for a loop whose items have all ended asks for
 * their results: `node.completed` with the list, by `done`.
 */
export type EngineCommand = Required<NodePlace> &
  (
    | { readonly type: 'runNode'; readonly attempt: number }
    | { readonly type: 'retryNode'; readonly attempt: number; readonly delayMs: number }
  );

interface NodeFields {
  readonly workflowId: string;
  readonly nodeId: string;
  /** In a loop: the frame of its item, like `orders:3` */
  readonly iteration?: Iteration;
  readonly nodeRunId: string;
  readonly nodeType: string;
  /** 0 for a skipped node */
  readonly attempt: number;
}

interface AttemptFields extends NodeFields {
  /**
   * Whose outputs are the node's input: one, that node's output; several, an object by node id; none, the run's own input, in a loop
   * the item. The input itself is not repeated.
   */
  readonly inputFrom: readonly string[];
  /** The node is a join (`logic.merge`): its input is an object by node id even if `inputFrom` names one node alone. */
  readonly joined?: true;
  readonly startedAt: string;
}

/**
 * Events of a node's run. `completed` without `output` put out its input: an entry the run's, an item of a loop what its body came to. An
 * item's own run is the loop's, in the item's iteration; it leaves by `item`.
 */
export type NodeEvent =
  /** `items`: of a loop, or what stands for them */
  | DomainEvent<'node.execution.started', AttemptFields & { readonly items?: Json; readonly itemCount?: number }>
  | DomainEvent<
      'node.execution.completed',
      AttemptFields & { readonly handle: string; readonly output?: Json; readonly sent?: SentMessages }
    >
  /** `handle`: the run goes on from there, with `{error}` as the node's output. */
  | DomainEvent<'node.execution.failed', AttemptFields & { readonly error: NodeError; readonly handle?: string }>
  | DomainEvent<'node.execution.retried', AttemptFields & { readonly error: NodeError; readonly retryAt: string }>
  | DomainEvent<'node.execution.skipped', NodeFields>
  | DomainEvent<'node.execution.waiting', AttemptFields & Waiting>
  | DomainEvent<'node.execution.in_doubt', AttemptFields & { readonly error: NodeError }>;

export type RunEvent =
  /** Every node that is still active waits: the earliest goes on at `until`; without it, none goes on by itself. Or none has begun: `turn`. */
  | DomainEvent<'workflow.execution.waiting', { readonly workflowId: string; readonly until?: string; readonly for?: 'turn' }>
  /** `by` a person after a pause; else by itself, after waiting. */
  | DomainEvent<'workflow.execution.resumed', { readonly workflowId: string; readonly by?: string }>
  | DomainEvent<'workflow.execution.paused', { readonly workflowId: string; readonly by: string }>
  | DomainEvent<'workflow.execution.completed', { readonly workflowId: string; readonly output?: Json }>
  | DomainEvent<'workflow.execution.failed', { readonly workflowId: string; readonly error: NodeError; readonly nodeId?: string }>
  | DomainEvent<'workflow.execution.incomplete', { readonly workflowId: string; readonly error: NodeError; readonly output?: Json }>
  | DomainEvent<'workflow.execution.cancelled', { readonly workflowId: string; readonly by: string; readonly reason?: string }>
  /**
   * It had failed and goes on: these nodes are tried again, each with its next attempt, and what is around them (their items, the loops of
   * these) runs again. An item that failed without a node of its own, by a starved join, fails once more: events after this one say so.
   */
  | DomainEvent<'workflow.execution.retried', { readonly workflowId: string; readonly by: string; readonly nodes: readonly NodePlace[] }>;

export type EngineEvent = NodeEvent | RunEvent;
