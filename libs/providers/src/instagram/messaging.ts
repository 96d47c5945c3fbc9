import type { Json, JsonObject } from '@sluice/kernel';
import type { CanonicalEvent } from '../adapter.js';
import { idOf, listOf, objectOf, textOf } from '../json-values.js';
import type { Parties, Reading } from './reading.js';

interface Context extends Parties {
  readonly account: string;
  /** The item's own time, in ms. The entry's time changes on a redelivery and is in no key. */
  readonly timeMs: number | undefined;
}

type Reader = (part: JsonObject, context: Context) => Reading | undefined;

/** Which key an item has says what it is; the first one that is there counts. */
const readers: readonly (readonly [key: string, read: Reader])[] = [
  ['message', readMessage],
  ['message_edit', readEdit],
  ['reaction', readReaction],
  ['postback', readPostback],
  ['referral', readReferral],
  ['read', readSeen],
  ['optin', notice('optin')],
  ['pass_thread_control', notice('handover')],
  ['take_thread_control', notice('handover')],
  ['request_thread_control', notice('handover')],
  ['policy_enforcement', notice('policy')],
  ['response_feedback', notice('feedback')],
];

/** Undefined if the item is of no known kind, or lacks what its key or the question "who did this?" needs. */
export function readMessaging(item: JsonObject, context: Context): Reading | undefined {
  for (const [key, read] of readers) {
    const part = objectOf(item[key]);
    if (part) return read(part, context);
  }
  return undefined;
}

/** Incoming items have the customer as sender, outgoing ones as recipient; that shows echoes that carry no flag. */
export function partiesOf(item: JsonObject, account: string | null): Parties {
  const sender = idOf(objectOf(item.sender)?.id);
  const recipient = idOf(objectOf(item.recipient)?.id);
  const isEcho = objectOf(item.message)?.is_echo === true;
  const bySender = sender !== undefined && sender === account;
  const customerId = bySender || (isEcho && recipient !== account) ? recipient : sender;
  return { customerId: customerId ?? null, direction: bySender || isEcho ? 'out' : 'in' };
}

function readMessage(message: JsonObject, { customerId, direction }: Context): Reading | undefined {
  const mid = idOf(message.mid);
  if (mid === undefined) return undefined;
  // The unsend carries the mid of the message it takes back, hence a key of its own.
  if (message.is_deleted === true) return { kind: 'unsend', action: 'message', key: ['unsend', mid], ignoredBecause: 'deletion' };

  const content = contentOf(message);
  const said = { action: 'message', key: ['message', mid], ...content };
  if (direction === 'out') return { ...said, kind: 'echo', ignoredBecause: 'echo' };
  // Without a sender it might be our own message.
  if (customerId === null) return undefined;
  if (message.is_unsupported === true || !hasContent(content)) {
    return { ...said, kind: 'message_unsupported', ignoredBecause: 'unsupported' };
  }
  if (objectOf(message.quick_reply)) return { ...said, kind: 'quick_reply' };
  if (objectOf(objectOf(message.reply_to)?.story)) return { ...said, kind: 'story_reply' };
  if (content.attachments?.some(({ type }) => type === 'story_mention')) return { ...said, kind: 'story_mention' };
  return { ...said, kind: 'message' };
}

type Content = Pick<Reading, 'text' | 'payload' | 'attachments' | 'replyTo' | 'ref'>;

const contentOf = (message: JsonObject): Content => ({
  text: textOf(message.text),
  payload: textOf(objectOf(message.quick_reply)?.payload),
  attachments: attachmentsOf(message.attachments),
  replyTo: idOf(objectOf(message.reply_to)?.mid),
  ref: textOf(objectOf(message.referral)?.ref),
});

const hasContent = (content: Content) => Object.values(content).some((value) => value !== undefined);

function attachmentsOf(value: Json | undefined): CanonicalEvent['attachments'] {
  const attachments =
    listOf(value)
      ?.map(objectOf)
      .filter((attachment) => attachment !== undefined) ?? [];
  if (attachments.length === 0) return undefined;
  return attachments.map(({ type, payload }) => ({ type: textOf(type) ?? 'unknown', url: textOf(objectOf(payload)?.url) }));
}

/** Edit 0 is no edit: it comes along with a new message, or instead of one, and says nothing but its mid. */
function readEdit(edit: JsonObject): Reading | undefined {
  const mid = idOf(edit.mid);
  const count = idOf(edit.num_edit);
  if (mid === undefined || count === undefined || !/^\d+$/.test(count)) return undefined;
  const said = { action: 'message_edit', key: ['edit', mid, Number(count)], text: textOf(edit.text) };
  return Number(count) === 0
    ? { ...said, kind: 'message_edit_placeholder', ignoredBecause: 'placeholder' }
    : { ...said, kind: 'message_edit', ignoredBecause: 'edit' };
}

function readReaction(reaction: JsonObject, { customerId, direction, account, timeMs }: Context): Reading | undefined {
  const mid = idOf(reaction.mid);
  if (mid === undefined || customerId === null || timeMs === undefined) return undefined;
  const actor = direction === 'out' ? account : customerId;
  switch (reaction.action) {
    case 'react':
      return { kind: 'reaction', action: 'reaction', key: ['reaction', mid, actor, 'react', timeMs], emoji: textOf(reaction.emoji) };
    case 'unreact':
      return { kind: 'unreaction', action: 'reaction', key: ['reaction', mid, actor, 'unreact', timeMs], ignoredBecause: 'removal' };
    default:
      return undefined;
  }
}

function readPostback(postback: JsonObject, { customerId, timeMs }: Context): Reading | undefined {
  if (customerId === null) return undefined;
  const payload = textOf(postback.payload);
  const ref = textOf(objectOf(postback.referral)?.ref);
  const mid = idOf(postback.mid);
  if (mid !== undefined) return { kind: 'postback', action: 'postback', key: ['postback', mid], payload, ref };
  if (timeMs === undefined) return undefined;
  return { kind: 'postback', action: 'postback', key: ['postback', customerId, timeMs, payload ?? ''], payload, ref };
}

function readReferral(referral: JsonObject, { customerId, timeMs }: Context): Reading | undefined {
  if (customerId === null || timeMs === undefined) return undefined;
  const ref = textOf(referral.ref);
  return { kind: 'referral', action: 'referral', key: ['referral', customerId, timeMs, ref ?? ''], ref };
}

function readSeen(read: JsonObject, { customerId }: Context): Reading | undefined {
  const mid = idOf(read.mid);
  if (mid === undefined || customerId === null) return undefined;
  return { kind: 'seen', action: 'seen', key: ['seen', customerId, mid], ignoredBecause: 'receipt' };
}

/** What the platform tells about a conversation or, without any customer, about the account. */
function notice(kind: 'optin' | 'handover' | 'policy' | 'feedback'): Reader {
  return (_part, { customerId, timeMs }) =>
    timeMs === undefined ? undefined : { kind, action: kind, key: [kind, customerId ?? '', timeMs], ignoredBecause: 'system' };
}
