import { type Blob, isJsonObject, type Json, type JsonObject, newId } from '@sluice/kernel';
import {
  type CanonicalEvent,
  hostileEvent,
  isForm,
  isPlain,
  parseBody,
  type ProviderAdapter,
  type ProviderAnswer,
  type ProviderRequest,
} from '@sluice/providers';
import type { Queue } from '@sluice/platform-queue';
import { isLarge, type KeptEvent, keptEvent, type TriggerEvent, type WebhookIgnored, type WebhookReceived } from '@sluice/webhooks-domain';
import type { Listener, Source } from './channel-directory.js';
import type { RoutedEvent } from './route-by-account.js';

/** One canonical event, ready to be written. */
export interface AcceptedEvent {
  readonly id: string;
  /** Or, for what belongs to no channel, the provider app */
  readonly channelId: string;
  readonly logId: string;
  readonly canonical: CanonicalEvent;
  /** Why it starts nothing; undefined: it triggers */
  readonly ignoredBecause: string | undefined;
  /** Somebody who listens answers the call itself */
  readonly isAnswered: boolean;
  /** The foremost of those of the workflows that listen */
  readonly queue: Queue;
  readonly item: KeptEvent;
  /** What `item` refers to */
  readonly blobs: readonly Blob[];
  readonly payload: WebhookReceived['payload'] | WebhookIgnored['payload'];
}

/** One verified HTTP call, ready to be written. */
export interface AcceptedDelivery {
  readonly id: string;
  readonly tenantId: string;
  readonly channelOrAppId: string;
  readonly request: ProviderRequest;
  readonly correlationId: string;
  readonly events: readonly AcceptedEvent[];
}

/** What a verified body says, and what its provider wants to hear when that is recorded. */
export interface Said {
  /** As it was read; null: it could not be */
  readonly body: Json;
  readonly events: readonly CanonicalEvent[];
  readonly answer: ProviderAnswer | undefined;
}

export function readBody(adapter: ProviderAdapter, { channel }: Source, request: ProviderRequest): Said | 'malformed' {
  const parsed = adapter.parse?.(request) ?? parseBody(request.body);
  if (parsed.kind === 'malformed') return 'malformed';
  if (parsed.kind === 'hostile') {
    return {
      body: null,
      events: [hostileEvent(adapter.name, channel.externalAccountId, request.body, parsed)],
      answer: adapter.answer?.(null),
    };
  }
  return { body: parsed.value, events: adapter.normalise(parsed.value, channel, request), answer: adapter.answer?.(parsed.value) };
}

/** An event triggers only when its own policy says so and its family is the one that the path names (`all`: every family). */
export function acceptDelivery(
  source: Source,
  routed: readonly RoutedEvent[],
  actionType: string,
  request: ProviderRequest,
  correlationId: string,
  body: Json,
  test?: 'test',
): AcceptedDelivery {
  const deliveryId = newId();
  const receivedAt = request.receivedAt.toISOString();
  const headers = Object.fromEntries(
    ['content-type', 'user-agent'].flatMap((name) => (typeof request.headers[name] === 'string' ? [[name, request.headers[name]]] : [])),
  );

  const events = routed.map(({ event, recipient }): AcceptedEvent => {
    const id = newId();
    const otherPath = actionType !== 'all' && event.action !== actionType;
    const ignoredBecause = event.triggers ? (otherPath ? 'other_path' : undefined) : (event.ignoredBecause ?? 'not_a_trigger');
    const { raw, occurredAt, ignoredBecause: _policy, ...facts } = event;
    const whole: TriggerEvent = {
      ...facts,
      id,
      provider: source.provider,
      channelId: recipient.id,
      triggers: ignoredBecause === undefined,
      occurredAt: occurredAt ?? receivedAt,
      receivedAt,
      ...(test === undefined ? {} : { test: true }),
    };
    const payloadText = () => (event.payload === body && !isForm(request) && isPlain(request.body) ? request.body : undefined);
    const { event: item, blobs } = keptEvent(whole, request.body.length, payloadText);
    const listening = recipient.listeners.filter(({ actionTypes }) => listensTo(actionTypes, event.action));
    const webhookIds = listening.map((listener) => listener.id);
    const received = {
      webhookId: webhookIds[0] ?? null,
      webhookIds,
      deliveryId,
      rawPayload: referenceTo(event, request) ?? raw,
      headers,
      receivedAt,
      event: item,
    };
    return {
      id,
      channelId: recipient.id,
      logId: newId(),
      canonical: event,
      ignoredBecause,
      isAnswered: ignoredBecause === undefined && listening.some(({ mode }) => mode === 'sync'),
      queue: foremost(listening),
      item,
      blobs,
      payload: ignoredBecause === undefined ? received : { ...received, reason: ignoredBecause },
    };
  });
  return { id: deliveryId, tenantId: source.tenantId, channelOrAppId: source.id, request, correlationId, events };
}

/** Where the log need not say it, or not again. */
function referenceTo({ raw, payload }: CanonicalEvent, { body }: ProviderRequest): JsonObject | undefined {
  if (payload === raw && isJsonObject(raw)) return { $ref: 'event.payload' };
  return isLarge(raw, body.length) ? { $ref: 'delivery' } : undefined;
}

/** Nobody who listens yet may listen when the event begins its runs: then it is as any other. */
const foremost = (listening: readonly Listener[]): Queue =>
  (['critical', 'default', 'bulk'] as const).find((queue) => listening.some((listener) => listener.queue === queue)) ?? 'default';

export const listensTo = (actionTypes: readonly string[], action: string): boolean =>
  actionTypes.includes('all') || actionTypes.includes(action);
