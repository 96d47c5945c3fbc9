import type { Json } from '@sluice/kernel';
import type { Channel, ProviderAdapter, ProviderRequest, SampleCall, SampleTerms, Verification } from '../adapter.js';
import { businessActions, businessEvent, type BusinessReading, headerOf } from '../business-events.js';
import { parseGeneric } from '../generic-events.js';
import { idOf, objectOf, timeOf } from '../json-values.js';
import { hmacOf, jsonBody, sampleSecret } from '../samples.js';
import { bytesOf, type HmacScheme, valuesOf, verifyHmac } from '../signatures.js';
import { verifyTimestamp } from '../timestamps.js';

/**
 * Zendesk's webhooks: events, whose bodies are Zendesk's, and those called by triggers and automations, whose bodies are their
 * author's, or empty. Rules: developer.zendesk.com/documentation/webhooks (verifying, anatomy of a webhook request). It names no
 * window for the time; ours is that of everybody else.
 */
export const zendesk: ProviderAdapter = {
  name: 'zendesk',
  actionTypes: businessActions,
  bodyBytesMax: 4 * 1024 * 1024,
  verify,
  parse: parseGeneric,
  normalise: (body, channel, request) => [businessEvent('zendesk', read(body, request), body, channel)],
  sample,
};

const signature: HmacScheme = { header: 'x-zendesk-webhook-signature', prefix: '', algorithm: 'sha256', encoding: 'base64' };

function sample(channel: Channel, { id, at }: SampleTerms): SampleCall | undefined {
  const secret = sampleSecret(channel);
  if (secret === undefined) return undefined;
  const time = at.toISOString();
  const body = jsonBody({ type: 'zen:event-type:sluice.test', id, account_id: channel.externalAccountId ?? '1', time, detail: {} });
  return {
    headers: {
      'content-type': 'application/json',
      'x-zendesk-webhook-invocation-id': id,
      'x-zendesk-webhook-signature-timestamp': time,
      [signature.header]: hmacOf(signature, secret, bytesOf(time, body)),
    },
    body,
  };
}

/** The secret looks like base64, and is text all the same. */
function verify({ headers, body, receivedAt }: ProviderRequest, { secrets }: Channel): Verification {
  if (headers[signature.header] === undefined) return { ok: false, reason: 'signature_missing' };
  const time = headers['x-zendesk-webhook-signature-timestamp'];
  const inTime = verifyTimestamp(time, receivedAt, 'iso8601');
  return inTime.ok ? verifyHmac(headers, bytesOf(valuesOf(time)[0] ?? '', body), signature, secrets.signingSecrets) : inTime;
}

const eventType = /^zen:event-type:(.+)$/;

function read(body: Json, request: ProviderRequest): BusinessReading | undefined {
  const invocation = headerOf(request, 'x-zendesk-webhook-invocation-id');
  if (invocation === undefined) return undefined;
  const account = headerOf(request, 'x-zendesk-account-id');
  const key = ['invocation', invocation];
  const payload = objectOf(body);
  const kind = eventType.exec(idOf(payload?.type) ?? '')?.[1];
  // Whatever its author wrote: no member of it can be relied on.
  if (kind === undefined) return { kind: 'event', key, accountId: account };

  const detail = objectOf(payload?.detail);
  return {
    kind,
    key,
    accountId: idOf(payload?.account_id) ?? account,
    customerId: idOf(detail?.requester_id) ?? (kind.startsWith('user.') ? idOf(detail?.id) : undefined),
    occurredMs: timeOf(payload?.time),
  };
}
