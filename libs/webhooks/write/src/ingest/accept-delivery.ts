import { type ChannelEncryption, sealReplyToken } from '@sluice/channels-write';
import { type Blob, isJsonObject, type Json, type JsonObject, newId } from '@sluice/kernel';
import {
  bodyWithoutSecrets,
  type CanonicalEvent,
  hostileEvent,
  isForm,
  isPlain,
  parseBody,
  type ProviderAdapter,
  type ProviderAnswer,
  type ProviderRequest,
  withoutSecrets,
} from '@sluice/providers';
import type { Queue } from '@sluice/platform-queue';
import { isLarge, type KeptEvent, keptEvent, type TriggerEvent, type WebhookIgnored, type WebhookReceived } from '@sluice/webhooks-domain';
import { testHeader } from '../test-mark.js';
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

/** What is kept of a call */
type KeptRequest = Pick<ProviderRequest, 'body' | 'headers' | 'receivedAt'>;

/** One verified HTTP call, ready to be written. */
export interface AcceptedDelivery {
  readonly id: string;
  readonly tenantId: string;
  readonly channelOrAppId: string;
  readonly request: KeptRequest;
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
  const { name, secretMembers = [] } = adapter;
  const parsed = adapter.parse?.(request) ?? parseBody(request.body);
  if (parsed.kind === 'malformed') return 'malformed';
  if (parsed.kind === 'hostile') {
    const cleaned = bodyWithoutSecrets(Buffer.from(parsed.cleaned), secretMembers).toString();
    return {
      body: null,
      events: [hostileEvent(name, channel.externalAccountId, request.body, { ...parsed, cleaned })],
      answer: adapter.answer?.(null),
    };
  }
  const hiding = (event: CanonicalEvent): CanonicalEvent => ({
    ...event,
    raw: withoutSecrets(event.raw, secretMembers),
    ...(event.content === undefined ? {} : { content: withoutSecrets(event.content, secretMembers) }),
  });
  const said = adapter.normalise(parsed.value, channel, request);
  const events = secretMembers.length === 0 ? said : said.map(hiding);
  return { body: parsed.value, events, answer: adapter.answer?.(parsed.value) };
}

const secretHeaders = new Set(['authorization', 'cookie', 'proxy-authorization', testHeader]);

/** What may be kept of a call (I12): as it came, but for what its provider calls secret, and for headers that show a secret of the channel. */
export function keptRequest(
  { secretMembers = [] }: ProviderAdapter,
  { channel }: Source,
  { body, headers, receivedAt }: ProviderRequest,
): KeptRequest {
  const { signingSecrets, verifyToken } = channel.secrets;
  const secrets = [...signingSecrets, verifyToken ?? ''].filter((secret) => secret !== '');
  const shows = (value: unknown) => secrets.some((secret) => String(value).includes(secret));
  const kept = Object.entries(headers).filter(([name, value]) => !secretHeaders.has(name) && !shows(value));
  return { body: bodyWithoutSecrets(body, secretMembers), headers: Object.fromEntries(kept), receivedAt };
}

interface Terms {
  /** What the path names */
  readonly actionType: string;
  readonly correlationId: string;
  readonly encryption: Pick<ChannelEncryption, 'keys'>;
  /** Of the whole call, parsed */
  readonly body: Json;
  readonly isTest: boolean;
}

/**
 * An event triggers only when its own policy says so and its family is the one that the path names (`all`: every family). Providers promise
 * no order within a call: its events are taken by when they happened, then as they came.
 */
export function acceptDelivery(
  source: Source,
  routed: readonly RoutedEvent[],
  request: KeptRequest,
  { actionType, correlationId, encryption, body, isTest }: Terms,
): AcceptedDelivery {
  const deliveryId = newId();
  const receivedAt = request.receivedAt.toISOString();
  const headers = Object.fromEntries(
    ['content-type', 'user-agent'].flatMap((name) => (typeof request.headers[name] === 'string' ? [[name, request.headers[name]]] : [])),
  );

  const happenedMs = ({ event: { occurredAt } }: RoutedEvent) => Date.parse(occurredAt ?? receivedAt);
  const inOrder = routed.toSorted((one, other) => happenedMs(one) - happenedMs(other));
  const events = inOrder.map(({ event, recipient }): AcceptedEvent => {
    const id = newId();
    const otherPath = actionType !== 'all' && event.action !== actionType;
    const ignoredBecause = event.triggers ? (otherPath ? 'other_path' : undefined) : (event.ignoredBecause ?? 'not_a_trigger');
    const { raw, occurredAt, ignoredBecause: _policy, replyToken, ...facts } = event;
    const place = { tenantId: source.tenantId, channelId: recipient.id, dedupeKey: event.dedupeKey };
    const whole: TriggerEvent = {
      ...facts,
      id,
      provider: source.provider,
      channelId: recipient.id,
      triggers: ignoredBecause === undefined,
      occurredAt: occurredAt ?? receivedAt,
      receivedAt,
      ...(replyToken === undefined ? {} : { replyToken: sealReplyToken(replyToken, place, encryption) }),
      ...(isTest ? { test: true } : {}),
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
function referenceTo({ raw, payload }: CanonicalEvent, { body }: KeptRequest): JsonObject | undefined {
  if (payload === raw && isJsonObject(raw)) return { $ref: 'event.payload' };
  return isLarge(raw, body.length) ? { $ref: 'delivery' } : undefined;
}

/** Nobody who listens yet may listen when the event begins its runs: then it is as any other. */
const foremost = (listening: readonly Listener[]): Queue =>
  (['critical', 'default', 'bulk'] as const).find((queue) => listening.some((listener) => listener.queue === queue)) ?? 'default';

export const listensTo = (actionTypes: readonly string[], action: string): boolean =>
  actionTypes.includes('all') || actionTypes.includes(action);
