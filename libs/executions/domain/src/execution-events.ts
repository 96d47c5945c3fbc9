import type { EngineEvent, SentMessages } from '@sluice/engine';
import type { DomainEvent, Json, JsonObject } from '@sluice/kernel';

/** What started a run, as `TriggerMetadata` of the contract plus what led to it. */
export interface TriggerMetadata {
  readonly source: 'webhook' | 'manual' | 'schedule' | 'subworkflow' | 'error' | 'rerun' | 'replay';
  /** The provider, `api`, or what `source` says */
  readonly sourceType: string;
  readonly actionType: string;
  readonly customerId: string | null;
  /** The channel, who called, or the run that it came from */
  readonly clientId: string;
  readonly receivedAt: string;
  readonly webhookId?: string;
  readonly webhookEventId?: string;
  /** By a delivery that we sent ourselves, as a test */
  readonly test?: true;
  /** The replay that began it */
  readonly replayId?: string;
  /** Of a rerun: the run that it repeats, and on whose behalf the first of them ran */
  readonly rerunOf?: { readonly executionId: string; readonly clientId: string };
}

export type ExecutionStarted = DomainEvent<
  'workflow.execution.started',
  {
    readonly workflowId: string;
    readonly workflowVersion: number;
    readonly entryNodeId: string;
    readonly startKey: string;
    readonly trigger: TriggerMetadata;
    /** The run that called it, and the node that waits for it */
    readonly parent?: { readonly executionId: string; readonly nodeId: string; readonly iteration: string };
    readonly input: Json;
  }
>;

/** A person moved the run to another version of its workflow; it goes on there. */
export type ExecutionMoved = DomainEvent<
  'workflow.execution.moved',
  { readonly workflowId: string; readonly fromVersion: number; readonly toVersion: number; readonly by: string }
>;

/** A person or frontend asked for a node to run. Aggregate: the execution that follows. */
export type WorkflowNodeTriggered = DomainEvent<
  'workflow.node.triggered',
  {
    readonly workflowId: string;
    readonly nodeId: string;
    readonly triggerId: string;
    readonly input: Json;
    readonly metadata: TriggerMetadata & { readonly custom?: JsonObject };
  }
>;

/**
 * A call was under way when its run was cancelled, and arrived all the same (`in_doubt`: may have arrived). Aggregate: the node's run, since
 * nothing follows the end of an execution.
 */
export type EffectSentAfterCancel = DomainEvent<
  'node.effect.sent_after_cancel',
  {
    readonly executionId: string;
    readonly workflowId: string;
    readonly nodeId: string;
    readonly iteration?: string;
    readonly nodeRunId: string;
    readonly outcome: 'succeeded' | 'in_doubt';
    readonly sent?: SentMessages;
  }
>;

/**
 * A send cannot be made now, and waits for new credentials of its channel; its run's own state says nothing of it. Told once, however often it
 * looks again, until it waits for something else. Aggregate: the hold.
 */
export type EffectHeld = DomainEvent<
  'node.effect.held',
  {
    readonly executionId: string;
    readonly workflowId: string;
    readonly nodeId: string;
    readonly iteration?: string;
    readonly nodeRunId: string;
    readonly channelId: string;
  }
>;

export type ExecutionEvent = ExecutionStarted | ExecutionMoved | WorkflowNodeTriggered | EngineEvent | EffectSentAfterCancel | EffectHeld;
