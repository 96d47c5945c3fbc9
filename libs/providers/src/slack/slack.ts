import type { InputError, Json, JsonObject } from '@sluice/kernel';
import type {
  CanonicalEvent,
  Channel,
  ChannelDraft,
  ProviderAdapter,
  ProviderAnswer,
  ProviderRequest,
  SampleCall,
  SampleTerms,
  Verification,
} from '../adapter.js';
import { canonicalEvent, isForeign, unknownEvent } from '../canonical-event.js';
import { wrongAccount } from '../checks.js';
import { isForm, parsePayloadForm } from '../forms.js';
import { parseBody } from '../hostile.js';
import { idOf, objectOf, textOf, timeOf } from '../json-values.js';
import { hmacOf, jsonBody, sampleSecret, sampleText, secondsOf } from '../samples.js';
import { bytesOf, type HmacScheme, valuesOf, verifyHmac } from '../signatures.js';
import { verifyTimestamp } from '../timestamps.js';
import { slackApi } from './api.js';
import { readEvent } from './events.js';
import { readInteraction } from './interactions.js';
import type { Said } from './said.js';

const signature: HmacScheme = { header: 'x-slack-signature', prefix: 'v0=', algorithm: 'sha256', encoding: 'hex' };
const timestampHeader = 'x-slack-request-timestamp';

/**
 * Slack: events of a workspace (JSON), buttons, forms and slash commands (forms). The handshake is a signed call like any other. The rules
 * come from Slack's pages on verifying requests and on the Events API, and from its SDKs.
 */
export const slack: ProviderAdapter = {
  name: 'slack',
  actionTypes: ['message', 'message_edit', 'mention', 'reaction', 'postback', 'command', 'system'],
  bodyBytesMax: 1024 * 1024,
  // The one is a secret of the app's, which signatures have replaced; whoever has the other can write to the conversation.
  secretMembers: ['token', 'response_url'],
  verify,
  parse: (request) => (isForm(request) ? parsePayloadForm(request.body) : parseBody(request.body)),
  normalise,
  answer,
  check: (draft) => [...wrongAccount(draft, /^[TE][A-Z0-9]+$/, "the workspace's id, T…"), ...missingForRefresh(draft)],
  api: slackApi,
  sample,
};

function missingForRefresh({ secrets }: ChannelDraft): InputError[] {
  if (secrets.refreshToken === undefined) return [];
  const needed = ['accessToken', 'clientId', 'clientSecret'] as const;
  const missing = needed.filter((name) => secrets[name] === undefined);
  return missing.map((name) => ({ path: `credentials.${name}`, message: 'It is needed to refresh the token.' }));
}

function sample(channel: Channel, { id, at }: SampleTerms): SampleCall | undefined {
  const secret = sampleSecret(channel);
  if (secret === undefined) return undefined;
  const seconds = secondsOf(at);
  const event = { type: 'message', user: 'U0SLUICE', channel: 'D0SLUICE', channel_type: 'im', text: sampleText, ts: `${seconds}.000100` };
  const team = channel.externalAccountId ?? 'T0SLUICE';
  const body = jsonBody({ type: 'event_callback', team_id: team, event_id: `EvSluice${id}`, event_time: seconds, event });
  const signed = hmacOf(signature, secret, bytesOf(`v0:${seconds}:`, body));
  return { headers: { 'content-type': 'application/json', [timestampHeader]: String(seconds), [signature.header]: signed }, body };
}

function verify({ headers, body, receivedAt }: ProviderRequest, { secrets }: Channel): Verification {
  if (headers[signature.header] === undefined) return { ok: false, reason: 'signature_missing' };
  const timely = verifyTimestamp(headers[timestampHeader], receivedAt);
  if (!timely.ok) return timely;
  const signed = bytesOf(`v0:${valuesOf(headers[timestampHeader]).join()}:`, body);
  return verifyHmac(headers, signed, signature, secrets.signingSecrets);
}

/** What is said to somebody's button or command is shown to that person; events do not care. */
function answer(body: Json): ProviderAnswer | undefined {
  const fields = objectOf(body);
  const challenge = challengeOf(body);
  if (challenge !== undefined) return { status: 200, contentType: 'application/json', body: JSON.stringify({ challenge }) };
  const isAsked = fields?.trigger_id !== undefined || fields?.command !== undefined;
  return isAsked ? { status: 200, contentType: 'text/plain; charset=utf-8', body: '' } : undefined;
}

const challengeOf = (body: Json): string | undefined =>
  objectOf(body)?.type === 'url_verification' ? textOf(objectOf(body)?.challenge) : undefined;

function normalise(body: Json, { externalAccountId }: Channel, { headers }: ProviderRequest): readonly CanonicalEvent[] {
  if (challengeOf(body) !== undefined) return [];
  const fields = objectOf(body) ?? {};
  const team = idOf(fields.team_id) ?? idOf(objectOf(fields.team)?.id) ?? null;
  const said = fields.type === 'event_callback' ? readEvent(fields) : (readRateLimit(fields) ?? readInteraction(fields));
  if (said === undefined) return [unknownEvent('slack', team, body)];

  const foreign = isForeign(team, externalAccountId);
  return [
    canonicalEvent({
      ...said,
      key: ['slack', team ?? '', ...said.key],
      accountId: team,
      occurredMs: said.occurredMs ?? timeOf(valuesOf(headers[timestampHeader])[0]),
      ignoredBecause: foreign ? 'foreign_account' : said.ignoredBecause,
      foreignAccount: foreign ? true : undefined,
      raw: body,
    }),
  ];
}

/** Slack drops what is more than 30 000 events in an hour, and says in which minute. */
function readRateLimit(fields: JsonObject): Said | undefined {
  const minute = idOf(fields.minute_rate_limited);
  if (fields.type !== 'app_rate_limited' || minute === undefined) return undefined;
  return {
    kind: 'system',
    action: 'system',
    key: ['app_rate_limited', minute],
    customerId: null,
    direction: 'in',
    occurredMs: timeOf(minute),
    ignoredBecause: 'system',
  };
}
