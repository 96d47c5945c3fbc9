import type { DomainEvent, Json, JsonObject } from '@sluice/kernel';
import type { CanonicalEvent } from '@sluice/providers';
import type { KeptEvent } from './kept-event.js';

/** What a registration listens to, as clients give and see it. */
export interface WebhookConfig {
  readonly channelId: string;
  readonly triggerType: string;
  readonly actionTypes: readonly string[];
  /** An expression over the event; only events for which it is true start a run. */
  readonly filter?: string;
  /** `sync`: its workflow answers the call, by `flow.respond` */
  readonly mode: 'async' | 'sync';
}

export type WebhookRegistered = DomainEvent<
  'webhook.registered',
  {
    readonly name: string;
    readonly workflowId: string;
    readonly nodeId: string;
    readonly provider: string;
    readonly config: WebhookConfig;
    /** Path under the gateway: `/webhooks/<channel>/<trigger type>/<action>` */
    readonly endpoint: string;
    readonly by: string;
  }
>;
export type WebhookDeactivated = DomainEvent<'webhook.deactivated', { readonly by: string }>;

/** A canonical event as workflows see it (`trigger`); it is kept as a `KeptEvent`. */
export interface TriggerEvent extends Omit<CanonicalEvent, 'raw' | 'occurredAt' | 'ignoredBecause' | 'replyToken'> {
  readonly id: string;
  readonly provider: string;
  readonly channelId: string;
  readonly occurredAt: string;
  readonly receivedAt: string;
  /** Sealed for this event: I12 */
  readonly replyToken?: { readonly keyId: string; readonly sealed: string };
  /** We sent it ourselves, to see how far a delivery comes. */
  readonly test?: true;
}

interface ReceivedPayload {
  /** The first of `webhookIds`; null when nobody listens */
  readonly webhookId: string | null;
  readonly webhookIds: readonly string[];
  readonly deliveryId: string;
  /**
   * The item as the provider sent it, without its secrets; `{ "$ref": "delivery" }` when it is over 64 KiB, `{ "$ref": "event.payload" }` when the
   * event has all of it
   */
  readonly rawPayload: Json;
  readonly headers: JsonObject;
  readonly receivedAt: string;
  readonly event: KeptEvent;
}

/** Aggregate: the webhook event. */
export type WebhookReceived = DomainEvent<'webhook.received', ReceivedPayload>;
export type WebhookIgnored = DomainEvent<'webhook.ignored', ReceivedPayload & { readonly reason: string }>;
/** Received while its channel was held: it starts nothing before `webhook.released`. */
export type WebhookHeld = DomainEvent<'webhook.held', ReceivedPayload>;
export type WebhookReleased = DomainEvent<'webhook.released', { readonly channelId: string }>;
/** Every listener's run was started; none listened: no ids. `replayId`: by that replay. */
export type WebhookProcessed = DomainEvent<
  'webhook.processed',
  { readonly executionIds: readonly string[]; readonly webhookIds: readonly string[]; readonly replayId?: string }
>;
/** `executionIds`: of several that listen, the runs that began all the same */
export type WebhookFailed = DomainEvent<
  'webhook.failed',
  {
    readonly error: { readonly code: string; readonly message: string };
    readonly executionIds?: readonly string[];
    readonly replayId?: string;
  }
>;
/** It had failed with its start, and a person has that tried again: it is as if received now. */
export type WebhookRetried = DomainEvent<'webhook.retried', { readonly deadLetterId: string; readonly by: string }>;

/** Somebody has it start its workflows once more: it is as if received now, and begins runs of its own. */
export type WebhookReplayed = DomainEvent<'webhook.replayed', { readonly replayId: string; readonly by: string; readonly reason: string }>;

export type WebhookRegistrationEvent = WebhookRegistered | WebhookDeactivated;
export type WebhookEvent =
  WebhookReceived | WebhookIgnored | WebhookHeld | WebhookReleased | WebhookProcessed | WebhookFailed | WebhookRetried | WebhookReplayed;
