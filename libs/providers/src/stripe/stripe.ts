import type { Json } from '@sluice/kernel';
import type { Channel, ProviderAdapter, ProviderRequest, SampleCall, SampleTerms, Verification } from '../adapter.js';
import { businessActions, businessEvent, type BusinessReading } from '../business-events.js';
import { idOf, objectOf, timeOf } from '../json-values.js';
import { hmacOf, jsonBody, sampleSecret, secondsOf } from '../samples.js';
import { anyHmacMatches, bytesOf, decoded, valuesOf } from '../signatures.js';
import { verifyTimestamp } from '../timestamps.js';

/**
 * Stripe's webhook endpoints, snapshot and thin events, of the own account and of Connect accounts. One header holds the time
 * and, while a secret is rolled, one `v1` for each. Rules: docs.stripe.com/webhooks, and `Webhooks.ts` with its tests in
 * stripe/stripe-node; unlike those we refuse times in the future too.
 */
export const stripe: ProviderAdapter = {
  name: 'stripe',
  actionTypes: businessActions,
  bodyBytesMax: 4 * 1024 * 1024,
  verify,
  normalise: (body, channel) => [businessEvent('stripe', read(body), body, channel)],
  sample,
};

function sample(channel: Channel, { id, at }: SampleTerms): SampleCall | undefined {
  const secret = sampleSecret(channel);
  if (secret === undefined) return undefined;
  const created = secondsOf(at);
  const account = channel.externalAccountId;
  const event = { id: `evt_sluice_${id}`, object: 'event', type: 'sluice.test', created, data: { object: {} }, livemode: false };
  const body = jsonBody(account === null ? event : { ...event, account });
  const digest = hmacOf({ header: '', prefix: '', algorithm: 'sha256', encoding: 'hex' }, secret, bytesOf(`${created}.`, body));
  return { headers: { 'content-type': 'application/json', 'stripe-signature': `t=${created},v1=${digest}` }, body };
}

/** Stripe sends one for each active secret. More are somebody's attempt to make us compare. */
const signaturesMax = 16;

function verify({ headers, body, receivedAt }: ProviderRequest, { secrets }: Channel): Verification {
  const values = valuesOf(headers['stripe-signature']);
  const [value] = values;
  if (value === undefined) return { ok: false, reason: 'signature_missing' };
  if (values.length > 1) return { ok: false, reason: 'signature_repeated' };

  const pairs = value.split(',').map((pair) => /^\s*(\w+)=(.*)$/.exec(pair));
  const valuesNamed = (name: string) => pairs.filter((pair) => pair?.[1] === name).map((pair) => pair?.[2] ?? '');
  const times = valuesNamed('t');
  // `v0` and whatever else there is are not for live use: believing them would be a downgrade.
  const signatures = valuesNamed('v1');
  if (pairs.includes(null) || times.length > 1 || signatures.length > signaturesMax) return { ok: false, reason: 'signature_malformed' };
  if (signatures.length === 0) return { ok: false, reason: 'signature_missing' };

  const inTime = verifyTimestamp(times[0], receivedAt);
  if (!inTime.ok) return inTime;

  const digests = signatures.map((hex) => decoded(hex, 'hex')).filter((digest) => digest !== undefined);
  if (digests.length === 0) return { ok: false, reason: 'signature_malformed' };
  // The secret is text, `whsec_` included.
  const active = secrets.signingSecrets.filter((secret) => secret !== '');
  if (active.length === 0) return { ok: false, reason: 'secret_missing' };
  const signed = bytesOf(`${times[0]}.`, body);
  return anyHmacMatches('sha256', signed, active, digests) ? { ok: true } : { ok: false, reason: 'signature_mismatch' };
}

function read(body: Json): BusinessReading | undefined {
  const event = objectOf(body);
  const id = idOf(event?.id);
  const kind = idOf(event?.type);
  if (event === undefined || id === undefined || kind === undefined) return undefined;

  // Counts down while Stripe tries its other endpoints.
  const { pending_webhooks: _, ...payload } = event;
  const object = objectOf(objectOf(event.data)?.object);
  const customer = object?.object === 'customer' ? object : object?.customer;
  return {
    kind,
    key: ['event', id],
    accountId: idOf(event.account),
    // An expanded customer is an object.
    customerId: idOf(customer) ?? idOf(objectOf(customer)?.id),
    // In seconds; in thin events ISO 8601.
    occurredMs: timeOf(event.created),
    payload,
  };
}
