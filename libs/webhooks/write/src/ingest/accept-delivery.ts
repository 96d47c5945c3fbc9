import { newId } from '@sluice/kernel';
import { type CanonicalEvent, hostileEvent, parseBody, type ProviderAdapter, type ProviderRequest } from '@sluice/providers';
import type { TriggerEvent, WebhookIgnored, WebhookReceived } from '@sluice/webhooks-domain';
import type { Source } from './channel-directory.js';

const rawBytesMax = 64 * 1024;

/** One canonical event, ready to be written. */
export interface AcceptedEvent {
  readonly id: string;
  readonly logId: string;
  readonly canonical: CanonicalEvent;
  /** Why it starts nothing; undefined: it triggers */
  readonly ignoredBecause: string | undefined;
  readonly item: TriggerEvent;
  readonly payload: WebhookReceived['payload'] | WebhookIgnored['payload'];
}

/** One verified HTTP call, ready to be written. */
export interface AcceptedDelivery {
  readonly id: string;
  readonly tenantId: string;
  readonly channelId: string;
  readonly request: ProviderRequest;
  readonly correlationId: string;
  readonly events: readonly AcceptedEvent[];
}

/**
 * What a verified call says, or `malformed`. An event triggers only when its own policy says so and its family is the one that the
 * path names (`all`: every family).
 */
export function acceptDelivery(
  adapter: ProviderAdapter,
  source: Source,
  actionType: string,
  request: ProviderRequest,
  correlationId: string,
): AcceptedDelivery | 'malformed' {
  const { channel, listeners } = source;
  const parsed = parseBody(request.body);
  if (parsed.kind === 'malformed') return 'malformed';

  const deliveryId = newId();
  const canonical =
    parsed.kind === 'hostile'
      ? [hostileEvent(adapter.name, channel.externalAccountId, request.body, parsed)]
      : adapter.normalise(parsed.value, channel);
  const receivedAt = request.receivedAt.toISOString();
  const headers = Object.fromEntries(
    ['content-type', 'user-agent'].flatMap((name) => (typeof request.headers[name] === 'string' ? [[name, request.headers[name]]] : [])),
  );

  const events = canonical.map((event): AcceptedEvent => {
    const id = newId();
    const otherPath = actionType !== 'all' && event.action !== actionType;
    const ignoredBecause = event.triggers ? (otherPath ? 'other_path' : undefined) : (event.ignoredBecause ?? 'not_a_trigger');
    const { raw, occurredAt, ignoredBecause: _policy, ...facts } = event;
    const item: TriggerEvent = {
      ...facts,
      id,
      provider: adapter.name,
      channelId: channel.id,
      triggers: ignoredBecause === undefined,
      occurredAt: occurredAt ?? receivedAt,
      receivedAt,
    };
    const webhookIds = listeners.filter(({ actionTypes }) => listensTo(actionTypes, event.action)).map((listener) => listener.id);
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
      logId: newId(),
      canonical: event,
      ignoredBecause,
      item,
      payload: ignoredBecause === undefined ? received : { ...received, reason: ignoredBecause },
    };
  });
  return { id: deliveryId, tenantId: channel.tenantId, channelId: channel.id, request, correlationId, events };
}

export const listensTo = (actionTypes: readonly string[], action: string): boolean => actionTypes.includes('all') || actionTypes.includes(action);
