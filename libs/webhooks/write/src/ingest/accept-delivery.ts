import { type ChannelEncryption, sealReplyToken } from '@sluice/channels-write';
import { newId } from '@sluice/kernel';
import {
  bodyWithoutSecrets,
  type CanonicalEvent,
  hostileEvent,
  parseBody,
  type ProviderAdapter,
  type ProviderAnswer,
  type ProviderRequest,
  withoutSecrets,
} from '@sluice/providers';
import type { Queue } from '@sluice/platform-queue';
import type { TriggerEvent, WebhookIgnored, WebhookReceived } from '@sluice/webhooks-domain';
import { testHeader } from '../test-mark.js';
import type { Listener, Source } from './channel-directory.js';
import type { RoutedEvent } from './route-by-account.js';

const rawBytesMax = 64 * 1024;

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
  readonly item: TriggerEvent;
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
      events: [hostileEvent(name, channel.externalAccountId, request.body, { ...parsed, cleaned })],
      answer: adapter.answer?.(null),
    };
  }
  const events = adapter
    .normalise(parsed.value, channel, request)
    .map((event) => (secretMembers.length === 0 ? event : { ...event, raw: withoutSecrets(event.raw, secretMembers) }));
  return { events, answer: adapter.answer?.(parsed.value) };
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
  readonly isTest: boolean;
}

/** An event triggers only when its own policy says so and its family is the one that the path names (`all`: every family). */
export function acceptDelivery(
  source: Source,
  routed: readonly RoutedEvent[],
  request: KeptRequest,
  { actionType, correlationId, encryption, isTest }: Terms,
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
    const { raw, occurredAt, ignoredBecause: _policy, replyToken, ...facts } = event;
    const place = { tenantId: source.tenantId, channelId: recipient.id, dedupeKey: event.dedupeKey };
    const item: TriggerEvent = {
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
    const listening = recipient.listeners.filter(({ actionTypes }) => listensTo(actionTypes, event.action));
    const webhookIds = listening.map((listener) => listener.id);
    const received = {
      webhookId: webhookIds[0] ?? null,
      webhookIds,
      deliveryId,
      rawPayload: JSON.stringify(raw).length > rawBytesMax ? { $ref: 'delivery' } : raw,
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
      payload: ignoredBecause === undefined ? received : { ...received, reason: ignoredBecause },
    };
  });
  return { id: deliveryId, tenantId: source.tenantId, channelOrAppId: source.id, request, correlationId, events };
}

/** Nobody who listens yet may listen when the event begins its runs: then it is as any other. */
const foremost = (listening: readonly Listener[]): Queue =>
  (['critical', 'default', 'bulk'] as const).find((queue) => listening.some((listener) => listener.queue === queue)) ?? 'default';

export const listensTo = (actionTypes: readonly string[], action: string): boolean =>
  actionTypes.includes('all') || actionTypes.includes(action);
