import type { EngineEvent } from '@sluice/engine';
import type { DomainEvent, Json, JsonObject } from '@sluice/kernel';

/** What started a run, as `TriggerMetadata` of the contract plus what led to it. */
export interface TriggerMetadata {
  readonly source: 'webhook' | 'manual';
  /** The provider, or `api` */
  readonly sourceType: string;
  readonly actionType: string;
  readonly customerId: string | null;
  /** The channel, or who called */
  readonly clientId: string;
  readonly receivedAt: string;
  readonly webhookId?: string;
  readonly webhookEventId?: string;
}

export type ExecutionStarted = DomainEvent<
  'workflow.execution.started',
  {
    readonly workflowId: string;
    readonly workflowVersion: number;
    readonly entryNodeId: string;
    readonly startKey: string;
    readonly trigger: TriggerMetadata;
    readonly input: Json;
  }
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

export type ExecutionEvent = ExecutionStarted | WorkflowNodeTriggered | EngineEvent;
