import type { Iteration, NodeRunStatus, RunStatus } from '@sluice/engine';
import type { DomainEvent, Json } from '@sluice/kernel';

/** How a node's run ended in one of the two runs that are compared. `absent`: it did not run there. */
export interface ComparedNode<Status extends string> {
  readonly status: Status;
  /** By which it was left */
  readonly handle?: string;
}

/**
 * path_changed: another status or handle. output_changed: the same path, another output. request_changed: it would call the outside with
 * something else. not_recorded: the live run has no answer for it, so what lies behind it was not followed. not_followed: it lies behind one.
 */
export type DifferenceReason = 'path_changed' | 'output_changed' | 'request_changed' | 'not_recorded' | 'not_followed';

export interface NodeDifference {
  readonly nodeId: string;
  readonly iteration?: Iteration;
  readonly live: ComparedNode<NodeRunStatus | 'absent'>;
  /** `unknown`: nothing answered it */
  readonly draft: ComparedNode<NodeRunStatus | 'absent' | 'unknown' | 'not_followed'>;
  readonly outputDiffers?: true;
  readonly why: DifferenceReason;
  /** Of request_changed and not_recorded: the config as the draft evaluates it, unless it is too large to be shown */
  readonly request?: Json;
}

/** One recorded run, and what the draft makes of it. */
export interface RunComparison {
  /** The event that started it */
  readonly eventId: string;
  readonly executionId: string;
  readonly differs: boolean;
  readonly status?: { readonly live: RunStatus; readonly draft: RunStatus };
  readonly nodes: readonly NodeDifference[];
  /** Nodes that differ as well and are not listed */
  readonly omitted?: number;
  /** Why it could not be compared */
  readonly error?: { readonly code: string; readonly message: string };
}

/** Of a backtest; the aggregate is the backtest. */
export type BacktestEvent =
  | DomainEvent<
      'backtest.started',
      {
        readonly workflowId: string;
        readonly draftRevision: number;
        readonly liveVersion: number;
        /** Runs that are compared */
        readonly events: number;
        readonly by: string;
      }
    >
  /** `results`: those that differ or could not be compared; `done` counts all. `part` counts these events from 1. */
  | DomainEvent<
      'backtest.compared',
      {
        readonly workflowId: string;
        readonly part: number;
        readonly done: number;
        readonly different: number;
        readonly results: readonly RunComparison[];
      }
    >
  | DomainEvent<'backtest.completed', { readonly workflowId: string }>
  | DomainEvent<'backtest.failed', { readonly workflowId: string; readonly error: { readonly code: string; readonly message: string } }>;
