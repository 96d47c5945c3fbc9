import type { Json, JsonObject } from '@sluice/kernel';
import type { CanonicalEvent, Channel, ProviderAdapter, ProviderRequest, SampleCall, SampleTerms, Verification } from '../adapter.js';
import { canonicalEvent, type Happening, unknownEvent } from '../canonical-event.js';
import { wrongAccount, wrongSecrets } from '../checks.js';
import { idOf, listOf, objectOf, partsOf, textOf, timeOf } from '../json-values.js';
import { jsonBody, sampleSecret, sampleText, secondsOf } from '../samples.js';
import { tokensMatch, valuesOf } from '../signatures.js';
import { telegramApi } from './api.js';

/**
 * Telegram: what people write to a bot. One update per call, without a signature: a secret that we chose comes along in a header, and the
 * bot is named nowhere, so the channel has to know it. The rules come from the Bot API's pages and the source of its server.
 */
export const telegram: ProviderAdapter = {
  name: 'telegram',
  actionTypes: ['message', 'message_edit', 'postback', 'reaction', 'membership'],
  bodyBytesMax: 1024 * 1024,
  verify,
  normalise: (body, channel) => [eventOf(body, channel.externalAccountId ?? idOf(channel.config.botId) ?? null)],
  check: (draft) => [
    ...wrongAccount(draft, /^\d+$/, "the bot's id, the number before the colon of its token"),
    ...wrongSecrets(draft, (secret) => /^[A-Za-z0-9_-]{1,256}$/.test(secret), 'is not what setWebhook takes: 1 to 256 of A-Z a-z 0-9 _ -'),
  ],
  api: telegramApi,
  sample,
};

/** Telegram counts its updates from far below. */
function sample(channel: Channel, { id, at }: SampleTerms): SampleCall | undefined {
  const secret = sampleSecret(channel);
  if (secret === undefined) return undefined;
  const from = { id: 1, is_bot: false, first_name: 'Sluice' };
  const message = { message_id: 1, date: secondsOf(at), chat: { id: 1, type: 'private' }, from, text: sampleText };
  const updateId = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  return { headers: { 'content-type': 'application/json', [secretHeader]: secret }, body: jsonBody({ update_id: updateId, message }) };
}

const secretHeader = 'x-telegram-bot-api-secret-token';

function verify({ headers }: ProviderRequest, { secrets }: Channel): Verification {
  const values = valuesOf(headers[secretHeader]);
  const [given] = values;
  if (given === undefined || secrets.signingSecrets.length === 0) return { ok: false, reason: 'secret_missing' };
  if (values.length > 1) return { ok: false, reason: 'signature_repeated' };
  const matches = secrets.signingSecrets.map((secret) => tokensMatch(given, secret));
  return matches.includes(true) ? { ok: true } : { ok: false, reason: 'secret_mismatch' };
}

type Said = Pick<
  Happening,
  'kind' | 'action' | 'ignoredBecause' | 'text' | 'payload' | 'content' | 'attachments' | 'emoji' | 'replyTo' | 'occurredMs'
>;

/** Which key an update has says what it is. */
const readers: readonly (readonly [key: string, read: (part: JsonObject) => Said])[] = [
  ['message', readMessage],
  ['edited_message', readEdit],
  // Posts have no author, they may be by whoever runs the channel.
  ['channel_post', (post) => ({ ...readMessage(post), kind: 'channel_post', ignoredBecause: 'author_unknown' })],
  ['edited_channel_post', readEdit],
  ['callback_query', readCallback],
  ['message_reaction', readReaction],
  ['my_chat_member', readMembership],
  ['chat_member', readMembership],
];

function eventOf(update: Json, botId: string | null): CanonicalEvent {
  const fields = objectOf(update) ?? {};
  const id = idOf(fields.update_id);
  if (id === undefined) return unknownEvent('telegram', botId, update);

  const common = { key: ['telegram', botId ?? '', 'update', id], accountId: botId, direction: 'in', raw: update } as const;
  for (const [key, read] of readers) {
    const part = objectOf(fields[key]);
    if (part === undefined) continue;
    const author = objectOf(part.from) ?? objectOf(part.user);
    const chat = objectOf(part.chat) ?? objectOf(objectOf(part.message)?.chat);
    return canonicalEvent({ ...common, customerId: idOf(author?.id) ?? null, conversationId: idOf(chat?.id), ...read(part) });
  }
  const unknown = { kind: 'unknown', action: 'unknown', ignoredBecause: 'unknown', occurredMs: undefined } as const;
  return canonicalEvent({ ...common, ...unknown, customerId: null });
}

const attachmentTypes = [
  'photo',
  'video',
  'animation',
  'audio',
  'voice',
  'video_note',
  'document',
  'sticker',
  'location',
  'venue',
  'contact',
  'poll',
  'dice',
];

function readMessage(message: JsonObject): Said {
  const said = {
    action: 'message',
    text: textOf(message.text) ?? textOf(message.caption),
    ...attachedTo(message),
    replyTo: idOf(objectOf(message.reply_to_message)?.message_id),
    occurredMs: timeOf(message.date),
  };
  if (objectOf(message.from)?.is_bot === true) return { ...said, kind: 'message_bot', ignoredBecause: 'bot' };
  // Such a one tells of members, titles, pinned messages and the like.
  if (said.text === undefined && said.attachments === undefined) {
    return { ...said, kind: 'message_unsupported', ignoredBecause: 'unsupported' };
  }
  return { ...said, kind: 'message' };
}

function attachedTo(message: JsonObject): Pick<CanonicalEvent, 'attachments' | 'content'> {
  const types = attachmentTypes.filter((type) => message[type] !== undefined);
  return types.length === 0 ? {} : { attachments: types.map((type) => ({ type })), content: partsOf(message, ...types) };
}

function readEdit(message: JsonObject): Said {
  const { text, attachments, content, replyTo, occurredMs } = readMessage(message);
  return {
    kind: 'message_edit',
    action: 'message_edit',
    ignoredBecause: 'edit',
    text,
    attachments,
    content,
    replyTo,
    occurredMs: timeOf(message.edit_date) ?? occurredMs,
  };
}

/** A button was pressed: just now, `message.date` says when the button was sent. */
function readCallback(query: JsonObject): Said {
  return { kind: 'postback', action: 'postback', payload: textOf(query.data), occurredMs: undefined };
}

function readReaction(change: JsonObject): Said {
  const said = { action: 'reaction', occurredMs: timeOf(change.date) };
  const [reaction] = listOf(change.new_reaction) ?? [];
  if (reaction === undefined) return { ...said, kind: 'unreaction', ignoredBecause: 'removal' };
  return { ...said, kind: 'reaction', emoji: textOf(objectOf(reaction)?.emoji) };
}

/** Somebody blocked the bot, or took it into a group. */
function readMembership(change: JsonObject): Said {
  return { kind: 'membership', action: 'membership', ignoredBecause: 'system', occurredMs: timeOf(change.date) };
}
