import type { Json } from '@sluice/kernel';
import type { Channel, ProviderAdapter, ProviderRequest, SampleCall, SampleTerms, Verification } from '../adapter.js';
import { businessActions, businessEvent, type BusinessReading, headerOf } from '../business-events.js';
import { wrongSecrets } from '../checks.js';
import { ed25519Matches } from '../ed25519.js';
import { idOf, objectOf, timeOf } from '../json-values.js';
import { hmacOf, jsonBody, secondsOf } from '../samples.js';
import { anyHmacMatches, bytesOf, decoded, type HmacScheme, valuesOf } from '../signatures.js';
import { verifyTimestamp } from '../timestamps.js';

/**
 * Whoever sends by the Standard Webhooks specification, and Svix, which it comes from and whose headers begin with `svix-`.
 * Secrets are `whsec_…` (HMAC, signatures `v1`) or public keys `whpk_…` (Ed25519, `v1a`). Rules: spec/standard-webhooks.md in
 * standard-webhooks/standard-webhooks, and the tests of its JavaScript library.
 */
export const standard: ProviderAdapter = {
  name: 'standard',
  actionTypes: businessActions,
  bodyBytesMax: 4 * 1024 * 1024,
  verify,
  normalise: (body, channel, request) => [businessEvent('standard', read(body, request), body, channel)],
  check: (draft) => wrongSecrets(draft, (secret) => isReadable(secret), 'is not base64 behind whsec_ or whpk_: copy it whole'),
  sample,
};

function sample(channel: Channel, { id, at }: SampleTerms): SampleCall | undefined {
  const { signingSecrets } = channel.secrets;
  const [key] = signingSecrets.filter((secret) => !isPublic(secret)).flatMap((secret) => keyOf(secret, 'whsec_'));
  if (key === undefined && !signingSecrets.some(isPublic)) return undefined;
  const seconds = secondsOf(at);
  const body = jsonBody({ type: 'sluice.test', timestamp: at.toISOString(), data: {} });
  const headers = { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(seconds) };
  if (key === undefined) {
    const signed = `v1a,${Buffer.alloc(64).toString('base64')}`;
    return { headers: { ...headers, [header]: signed }, body, unsigned: 'Have the sender, who has the private key, send one.' };
  }
  const scheme: HmacScheme = { header, prefix: 'v1,', algorithm: 'sha256', encoding: 'base64' };
  return { headers: { ...headers, [header]: hmacOf(scheme, key, bytesOf(`${id}.${seconds}.`, body)) }, body };
}

const header = 'webhook-signature';

/** What is verified by a public key only its owner can sign. */
const isPublic = (secret: string): boolean => secret.startsWith('whpk_');

/** One for each secret that is being rotated; an Ed25519 signature is not for free. */
const signaturesMax = 16;

const prefixOf = ({ headers }: ProviderRequest) =>
  headers['webhook-signature'] === undefined && headers['svix-signature'] !== undefined ? 'svix' : 'webhook';

function verify(request: ProviderRequest, { secrets: { signingSecrets } }: Channel): Verification {
  const { headers, body, receivedAt } = request;
  const prefix = prefixOf(request);
  const signatures = valuesOf(headers[`${prefix}-signature`]);
  const ids = valuesOf(headers[`${prefix}-id`]);
  const time = headers[`${prefix}-timestamp`];
  if (signatures[0] === undefined) return { ok: false, reason: 'signature_missing' };
  if (signatures.length > 1 || ids.length > 1) return { ok: false, reason: 'signature_repeated' };
  if (ids[0] === undefined || ids[0] === '') return { ok: false, reason: 'id_missing' };
  const inTime = verifyTimestamp(time, receivedAt);
  if (!inTime.ok) return inTime;

  const pairs = signatures[0].split(' ').map((pair) => /^(\w+),([^,]+)$/.exec(pair));
  if (pairs.includes(null) || pairs.length > signaturesMax) return { ok: false, reason: 'signature_malformed' };
  const bytesNamed = (version: string) => pairs.flatMap((pair) => (pair?.[1] === version ? (decoded(pair[2] ?? '', 'base64') ?? []) : []));
  const digests = bytesNamed('v1');
  const ed25519Signatures = bytesNamed('v1a');
  if (!pairs.some((pair) => pair?.[1] === 'v1' || pair?.[1] === 'v1a')) return { ok: false, reason: 'signature_missing' };
  if (digests.length + ed25519Signatures.length === 0) return { ok: false, reason: 'signature_malformed' };

  const hmacKeys = signingSecrets.filter((secret) => !isPublic(secret)).flatMap((secret) => keyOf(secret, 'whsec_'));
  const publicKeys = signingSecrets.filter(isPublic).flatMap((secret) => keyOf(secret, 'whpk_'));
  if (hmacKeys.length + publicKeys.length === 0) return { ok: false, reason: 'secret_missing' };

  const signed = bytesOf(`${ids[0]}.${valuesOf(time)[0]}.`, body);
  const matches = [anyHmacMatches('sha256', signed, hmacKeys, digests), ed25519Matches(signed, publicKeys, ed25519Signatures)];
  return matches.includes(true) ? { ok: true } : { ok: false, reason: 'signature_mismatch' };
}

const isReadable = (secret: string) => keyOf(secret, isPublic(secret) ? 'whpk_' : 'whsec_').length > 0;

/** What is not base64 was copied wrong, and nothing is signed with it. */
const keyOf = (secret: string, prefix: string): Buffer | [] =>
  decoded(secret.startsWith(prefix) ? secret.slice(prefix.length) : secret, 'base64') ?? [];

/** The body is the sender's own business; the specification only recommends what is read here. */
function read(body: Json, request: ProviderRequest): BusinessReading | undefined {
  const prefix = prefixOf(request);
  const id = headerOf(request, `${prefix}-id`);
  if (id === undefined) return undefined;
  const payload = objectOf(body);
  return {
    kind: idOf(payload?.type) ?? 'unknown',
    key: [id],
    occurredMs: timeOf(payload?.timestamp) ?? timeOf(headerOf(request, `${prefix}-timestamp`)),
  };
}
