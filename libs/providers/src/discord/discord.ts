import type { Json, JsonObject } from '@sluice/kernel';
import type {
  CanonicalEvent,
  Channel,
  ProviderAdapter,
  ProviderAnswer,
  ProviderRequest,
  SampleCall,
  SampleTerms,
  Verification,
} from '../adapter.js';
import { canonicalEvent, type Happening, isForeign, unknownEvent } from '../canonical-event.js';
import { wrongAccount, wrongSecrets } from '../checks.js';
import { ed25519Matches } from '../ed25519.js';
import { idOf, objectOf, textOf } from '../json-values.js';
import { jsonBody, sampleSecret, secondsOf } from '../samples.js';
import { bytesOf, valuesOf } from '../signatures.js';
import { verifyTimestamp } from '../timestamps.js';
import { discordApi } from './api.js';

/**
 * Discord: commands, buttons and forms of an application. Each call is answered at once with "later", and then by its token, which lives
 * for 15 minutes. Discord signs with Ed25519 and sends wrong signatures on purpose. The rules come from the pages on interactions; the
 * window of 300 s is ours, they name none.
 */
export const discord: ProviderAdapter = {
  name: 'discord',
  actionTypes: ['interaction'],
  bodyBytesMax: 1024 * 1024,
  secretMembers: ['token'],
  verify,
  normalise: (body, channel) => (isPing(body) ? [] : [eventOf(body, channel.externalAccountId)]),
  answer,
  check: (draft) => [
    ...wrongAccount(draft, /^\d{17,20}$/, 'the Application ID, a number'),
    ...wrongSecrets(draft, (secret) => /^[0-9a-f]{64}$/i.test(secret), 'is not a Public Key: 64 hex digits'),
  ],
  api: discordApi,
  sample,
};

/** A command as far as its signature, which only Discord can make. */
function sample(channel: Channel, { id, at }: SampleTerms): SampleCall | undefined {
  if (sampleSecret(channel) === undefined) return undefined;
  const user = { id: '1', username: 'sluice' };
  const application = channel.externalAccountId ?? '1';
  const data = { id: '1', name: 'sluice-test', type: 1 };
  return {
    headers: {
      'content-type': 'application/json',
      'x-signature-timestamp': String(secondsOf(at)),
      'x-signature-ed25519': '0'.repeat(128),
    },
    body: jsonBody({ id: `sluice-test-${id}`, application_id: application, token: 'none', type: types.command, member: { user }, data }),
    unsigned: 'In the Developer Portal, change the Interactions Endpoint URL to this address, or use a command of the application.',
  };
}

function verify({ headers, body, receivedAt }: ProviderRequest, { secrets }: Channel): Verification {
  const values = valuesOf(headers['x-signature-ed25519']);
  const [value] = values;
  if (value === undefined) return { ok: false, reason: 'signature_missing' };
  const timely = verifyTimestamp(headers['x-signature-timestamp'], receivedAt);
  if (!timely.ok) return timely;
  if (values.length > 1) return { ok: false, reason: 'signature_repeated' };
  if (!/^[0-9a-f]{128}$/i.test(value)) return { ok: false, reason: 'signature_malformed' };

  const keys = secrets.signingSecrets.filter((key) => /^[0-9a-f]{64}$/i.test(key)).map((key) => Buffer.from(key, 'hex'));
  if (keys.length === 0) return { ok: false, reason: 'secret_missing' };
  const signed = bytesOf(valuesOf(headers['x-signature-timestamp']).join(), body);
  return ed25519Matches(signed, keys, [Buffer.from(value, 'hex')]) ? { ok: true } : { ok: false, reason: 'signature_mismatch' };
}

const types = { ping: 1, command: 2, component: 3, autocomplete: 4, form: 5 } as const;

/** The other product, webhook events, has no tokens: nothing is answered there. */
const isInteraction = (body: Json): boolean => textOf(objectOf(body)?.token) !== undefined;

const isPing = (body: Json): boolean => objectOf(body)?.type === (isInteraction(body) ? types.ping : 0);

function answer(body: Json): ProviderAnswer | undefined {
  if (body === null) return undefined;
  if (!isInteraction(body)) return { status: 204, contentType: 'application/json', body: '' };
  const json = (value: Json): ProviderAnswer => ({ status: 200, contentType: 'application/json', body: JSON.stringify(value) });
  switch (objectOf(body)?.type) {
    case types.ping:
      return json({ type: 1 });
    case types.component:
      return json({ type: 6 });
    case types.autocomplete:
      return json({ type: 8, data: { choices: [] } });
    default:
      return json({ type: 5 });
  }
}

function eventOf(body: Json, externalAccountId: string | null): CanonicalEvent {
  const fields = objectOf(body);
  const application = idOf(fields?.application_id) ?? null;
  const id = idOf(fields?.id);
  const said = fields && read(fields);
  if (fields === undefined || id === undefined || said === undefined) return unknownEvent('discord', application, body);

  const user = objectOf(objectOf(fields.member)?.user) ?? objectOf(fields.user);
  const foreign = isForeign(application, externalAccountId);
  return canonicalEvent({
    ...said,
    action: 'interaction',
    key: ['discord', application ?? '', 'interaction', id],
    accountId: application,
    customerId: idOf(user?.id) ?? null,
    conversationId: idOf(fields.channel_id),
    direction: 'in',
    occurredMs: timeOfId(id),
    ignoredBecause: foreign ? 'foreign_account' : said.ignoredBecause,
    foreignAccount: foreign ? true : undefined,
    replyToken: idOf(fields.token),
    raw: body,
  });
}

function read({ type, data: content }: JsonObject): Pick<Happening, 'kind' | 'payload' | 'content' | 'ignoredBecause'> | undefined {
  const payload = textOf(objectOf(content)?.custom_id);
  switch (type) {
    case types.command:
      return { kind: 'command', content };
    case types.component:
      return { kind: 'component', payload, content };
    case types.form:
      return { kind: 'form', payload, content };
    // Somebody is still writing a command.
    case types.autocomplete:
      return { kind: 'autocomplete', ignoredBecause: 'unsupported' };
    default:
      return undefined;
  }
}

/** All ids of Discord begin with the milliseconds since 2015. */
const timeOfId = (id: string): number | undefined => (/^\d{17,19}$/.test(id) ? Number(BigInt(id) >> 22n) + Date.UTC(2015, 0) : undefined);
