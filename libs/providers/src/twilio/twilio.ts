import type { Json, JsonObject } from '@sluice/kernel';
import type { CanonicalEvent, Channel, ProviderAdapter, SampleCall, SampleTerms } from '../adapter.js';
import { canonicalEvent, type Happening, isForeign, unknownEvent } from '../canonical-event.js';
import { wrongAccount } from '../checks.js';
import { isForm, parseForm } from '../forms.js';
import { parseBody } from '../hostile.js';
import { idOf, objectOf, textOf } from '../json-values.js';
import { sampleSecret, sampleText } from '../samples.js';
import { signatureOf, verify } from './signed-address.js';
import { twilioApi } from './api.js';

/**
 * Twilio: SMS, WhatsApp by Twilio and calls to the account's numbers, and what became of its own messages. Calls are forms and are answered
 * in TwiML: plain text would be sent to the customer. No call says when it happened. The rules come from Twilio's page on the security of
 * webhooks and from its SDKs.
 */
export const twilio: ProviderAdapter = {
  name: 'twilio',
  actionTypes: ['message', 'status', 'call'],
  bodyBytesMax: 1024 * 1024,
  verify,
  parse: (request) => (isForm(request) ? parseForm(request.body) : parseBody(request.body)),
  normalise: (body, channel) => [eventOf(body, channel)],
  answer: () => ({ status: 200, contentType: 'text/xml; charset=utf-8', body: '<Response/>' }),
  check: (draft) => wrongAccount(draft, /^AC[0-9a-f]{32}$/i, 'the Account SID, AC and 32 hex digits'),
  api: twilioApi,
  sample,
};

/** A text of somebody to the account. */
function sample(channel: Channel, { id, url }: SampleTerms): SampleCall | undefined {
  const secret = sampleSecret(channel);
  if (secret === undefined) return undefined;
  const form = new URLSearchParams({
    AccountSid: channel.externalAccountId ?? `AC${'0'.repeat(32)}`,
    MessageSid: `SM${id.replaceAll('-', '')}`,
    From: '+15005550006',
    To: '+15005550001',
    Body: sampleText,
    NumMedia: '0',
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = Buffer.from(form.toString());
  return { headers: { ...headers, 'x-twilio-signature': signatureOf({ url, headers, body }, channel, secret) }, body };
}

type Said = Omit<Happening, 'accountId' | 'occurredMs' | 'raw'>;

function eventOf(body: Json, { externalAccountId }: Channel): CanonicalEvent {
  const fields = objectOf(body) ?? {};
  const account = idOf(fields.AccountSid) ?? null;
  const said = readStatus(fields) ?? readMessage(fields) ?? readCall(fields);
  if (said === undefined) return unknownEvent('twilio', account, body);

  const foreign = isForeign(account, externalAccountId);
  return canonicalEvent({
    ...said,
    key: ['twilio', account ?? 'unknown', ...said.key],
    accountId: account,
    occurredMs: undefined,
    ignoredBecause: foreign ? 'foreign_account' : said.ignoredBecause,
    foreignAccount: foreign ? true : undefined,
    raw: body,
  });
}

/** What became of a message of ours. */
function readStatus(fields: JsonObject): Said | undefined {
  const sid = idOf(fields.MessageSid) ?? idOf(fields.SmsSid);
  const status = wordOf(fields.MessageStatus) ?? wordOf(fields.SmsStatus);
  if (sid === undefined || status === undefined || status.startsWith('receiv')) return undefined;
  return {
    kind: `status_${status}`,
    action: 'status',
    key: ['status', sid, status],
    customerId: idOf(fields.To) ?? null,
    direction: 'out',
    ignoredBecause: 'receipt',
    errorCode: idOf(fields.ErrorCode),
  };
}

function readMessage(fields: JsonObject): Said | undefined {
  const sid = idOf(fields.MessageSid) ?? idOf(fields.SmsSid);
  const customerId = idOf(fields.From) ?? null;
  if (sid === undefined || customerId === null) return undefined;
  const payload = textOf(fields.ButtonPayload) ?? textOf(fields.ListId);
  return {
    kind: payload === undefined ? 'message' : 'quick_reply',
    action: 'message',
    key: ['message', sid],
    customerId,
    direction: 'in',
    text: textOf(fields.Body),
    payload,
    attachments: mediaOf(fields),
    replyTo: idOf(fields.OriginalRepliedMessageSid),
  };
}

/** At most ten */
function mediaOf(fields: JsonObject): CanonicalEvent['attachments'] {
  const media = Array.from({ length: 10 }, (_, index) => ({
    type: textOf(fields[`MediaContentType${index}`])?.split('/')[0] ?? 'unknown',
    url: textOf(fields[`MediaUrl${index}`]),
  })).filter(({ url }) => url !== undefined);
  return media.length === 0 ? undefined : media;
}

/** One that comes in is told of before anybody answers it; everything later is its status. */
function readCall(fields: JsonObject): Said | undefined {
  const sid = idOf(fields.CallSid);
  if (sid === undefined) return undefined;
  const isOut = textOf(fields.Direction)?.startsWith('outbound') === true;
  const status = wordOf(fields.CallStatus);
  const isNew = !isOut && (status === undefined || status === 'ringing');
  return {
    kind: isNew ? 'call' : `call_${status ?? 'unknown'}`,
    action: 'call',
    key: status === undefined ? ['call', sid] : ['call', sid, status],
    customerId: idOf(isOut ? fields.To : fields.From) ?? null,
    direction: isOut ? 'out' : 'in',
    ignoredBecause: isNew ? undefined : 'receipt',
  };
}

const wordOf = (value: Json | undefined): string | undefined => {
  const word = textOf(value);
  return word !== undefined && /^[a-z_-]{1,32}$/.test(word) ? word : undefined;
};
