import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '@sluice/kernel';
import type { Channel, ProviderAdapter, ProviderRequest, SampleCall, SampleTerms, Verification } from '../adapter.js';
import { businessActions, businessEvent, type BusinessReading, headerOf } from '../business-events.js';
import { unknownEvent } from '../canonical-event.js';
import { idOf, listOf, objectOf, textOf, timeOf } from '../json-values.js';
import { hmacOf, jsonBody, sampleSecret } from '../samples.js';
import { bytesOf, decoded, type HmacScheme, sameBytes, valuesOf, verifyHmac } from '../signatures.js';
import { verifyTimestamp } from '../timestamps.js';

/**
 * HubSpot's webhooks of apps: an array of changes of CRM objects. Signatures are of version 3, over method, address, body and
 * time. The older ones come along for old receivers and hold no time: a channel takes them only if it says so. Rules:
 * developers.hubspot.com (validating requests), `signature.ts` and its tests in HubSpot/hubspot-api-nodejs.
 */
export const hubspot: ProviderAdapter = {
  name: 'hubspot',
  actionTypes: businessActions,
  bodyBytesMax: 4 * 1024 * 1024,
  verify: (request, channel) =>
    channel.config.legacySignatures === true && request.headers[v3.header] === undefined
      ? verifyLegacy(request, channel)
      : verifyV3(request, channel),
  normalise,
  sample,
};

const v3: HmacScheme = { header: 'x-hubspot-signature-v3', prefix: '', algorithm: 'sha256', encoding: 'base64' };

function verifyV3(request: ProviderRequest, channel: Channel): Verification {
  const { headers, method, body, receivedAt } = request;
  if (headers[v3.header] === undefined) return { ok: false, reason: 'signature_missing' };
  const time = headers['x-hubspot-request-timestamp'];
  const inTime = verifyTimestamp(time, receivedAt, 'milliseconds');
  if (!inTime.ok) return inTime;

  const verifyFor = (uri: string) =>
    verifyHmac(headers, bytesOf(method, uri, body, valuesOf(time)[0] ?? ''), v3, channel.secrets.signingSecrets);
  const uri = addressOf(request, channel);
  const asItIs = verifyFor(uri);
  // HubSpot documents that it signs some characters of a query decoded. Both spellings are of the same address.
  return asItIs.ok ? asItIs : verifyFor(uri.replace(/%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi, decodeURIComponent));
}

function sample(channel: Channel, { id, at, url }: SampleTerms): SampleCall | undefined {
  const secret = sampleSecret(channel);
  if (secret === undefined) return undefined;
  const change = { eventId: id, subscriptionId: 1, subscriptionType: 'sluice.test', objectId: 1, attemptNumber: 0 };
  // It is part of what HubSpot's events are told apart by, and the same test may be sent again later: the time that its id was made.
  const occurredAt = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  const body = jsonBody([{ ...change, portalId: channel.externalAccountId ?? '1', occurredAt }]);
  const time = String(at.getTime());
  const signature = hmacOf(v3, secret, bytesOf('POST', addressOf({ url }, channel), body, time));
  return { headers: { 'content-type': 'application/json', 'x-hubspot-request-timestamp': time, [v3.header]: signature }, body };
}

/** The address as HubSpot knows it: ours, unless the channel stands behind another one. */
const addressOf = ({ url }: Pick<ProviderRequest, 'url'>, { config, publicUrl }: Channel) =>
  textOf(config.publicUrl) ?? `${publicUrl}${url}`;

/** Version 1: SHA-256 of secret and body. Version 2: of secret, method, address and body. */
function verifyLegacy(request: ProviderRequest, channel: Channel): Verification {
  const { headers, method, body } = request;
  const values = valuesOf(headers['x-hubspot-signature']);
  if (values[0] === undefined) return { ok: false, reason: 'signature_missing' };
  if (values.length > 1) return { ok: false, reason: 'signature_repeated' };
  const digest = decoded(values[0], 'hex');
  const version = headerOf(request, 'x-hubspot-signature-version') ?? 'v1';
  if (digest?.length !== 32 || (version !== 'v1' && version !== 'v2')) return { ok: false, reason: 'signature_malformed' };

  const active = channel.secrets.signingSecrets.filter((secret) => secret !== '');
  if (active.length === 0) return { ok: false, reason: 'secret_missing' };
  const before = version === 'v2' ? `${method}${addressOf(request, channel)}` : '';
  const matches = active.map((secret) =>
    sameBytes(
      createHash('sha256')
        .update(bytesOf(secret, before, body))
        .digest(),
      digest,
    ),
  );
  return matches.includes(true) ? { ok: true } : { ok: false, reason: 'signature_mismatch' };
}

/** HubSpot sends at most 100; a body made of millions of tiny items must not become millions of rows. */
const itemsMax = 1000;

function normalise(body: Json, channel: Channel) {
  const items = listOf(body);
  if (items === undefined || items.length > itemsMax) return [unknownEvent('hubspot', null, body)];
  return items.map((item) => {
    const reading = read(item);
    if (reading !== undefined) return businessEvent('hubspot', reading, item, channel);
    const fields = objectOf(item);
    return { ...unknownEvent('hubspot', null, fields ? withoutAttempts(fields) : item), raw: item };
  });
}

/** What counts them differs in a redelivery. */
const withoutAttempts = ({ attemptNumber: _, ...same }: JsonObject): JsonObject => same;

function read(item: Json): BusinessReading | undefined {
  const change = objectOf(item);
  const kind = idOf(change?.subscriptionType);
  const portal = idOf(change?.portalId);
  const id = idOf(change?.eventId);
  if (change === undefined || kind === undefined || portal === undefined || id === undefined) return undefined;

  const object = idOf(change.objectId);
  const isContact = kind.startsWith('contact.') || change.objectTypeId === '0-1';
  return {
    kind,
    // An event id alone is not unique.
    key: [portal, 'event', id, idOf(change.subscriptionId) ?? '', idOf(change.occurredAt) ?? ''],
    accountId: portal,
    customerId: isContact ? object : undefined,
    conversationId: kind.startsWith('conversation.') ? object : undefined,
    occurredMs: timeOf(change.occurredAt),
    payload: withoutAttempts(change),
  };
}
