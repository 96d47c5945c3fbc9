import type { Json } from '@sluice/kernel';
import type { ProviderAdapter } from '../adapter.js';
import { businessActions, businessEvent, type BusinessReading } from '../business-events.js';
import { idOf, objectOf, timeOf } from '../json-values.js';
import { hmacSample } from '../samples.js';
import { type HmacScheme, verifyHmac } from '../signatures.js';

/**
 * Typeform's webhooks: answers to a form, whole or partial. The signature looks like GitHub's but is base64. Rules:
 * typeform.com/developers/webhooks (secure your webhooks, example payload).
 */
export const typeform: ProviderAdapter = {
  name: 'typeform',
  actionTypes: businessActions,
  bodyBytesMax: 4 * 1024 * 1024,
  verify: ({ headers, body }, { secrets }) => verifyHmac(headers, body, signature, secrets.signingSecrets),
  normalise: (body, channel) => [businessEvent('typeform', read(body), body, channel)],
  sample: (channel, { id, at }) => {
    const response = { form_id: channel.externalAccountId ?? 'sluice-test', token: id, submitted_at: at.toISOString(), answers: [] };
    return hmacSample(channel, signature, { event_id: id, event_type: 'sluice_test', form_response: response });
  },
};

const signature: HmacScheme = { header: 'typeform-signature', prefix: 'sha256=', algorithm: 'sha256', encoding: 'base64' };

function read(body: Json): BusinessReading | undefined {
  const event = objectOf(body);
  const id = idOf(event?.event_id);
  const kind = idOf(event?.event_type);
  if (id === undefined || kind === undefined) return undefined;

  const response = objectOf(event?.form_response);
  return { kind, key: ['event', id], accountId: idOf(response?.form_id), occurredMs: timeOf(response?.submitted_at) };
}
