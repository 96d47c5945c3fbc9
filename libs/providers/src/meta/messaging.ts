import type { Json, JsonObject } from '@sluice/kernel';
import type { CanonicalEvent } from '../adapter.js';
import { idOf, listOf, objectOf, textOf } from '../json-values.js';
import type { MessagingContext, Parties, Reading } from './reading.js';

/** Undefined if what its key needs is not there. */
export type Reader = (part: JsonObject, context: MessagingContext) => Reading | undefined;

/** Which key an item has says what it is: these are the same in Instagram and Messenger. */
export const sharedReaders: readonly (readonly [key: string, read: Reader])[] = [
  ['message', readMessage],
  ['message_edit', readEdit],
  ['reaction', readReaction],
  ['postback', readPostback],
  ['referral', readReferral],
  ['optin', notice('optin')],
  ['pass_thread_control', notice('handover')],
  ['take_thread_control', notice('handover')],
  ['request_thread_control', notice('handover')],
  ['policy_enforcement', notice('policy')],
  ['response_feedback', notice('feedback')],
];

/** Undefined if the item is of no known kind, or lacks what its key or the question "who did this?" needs. The first key found counts. */
export function readMessaging(readers: typeof sharedReaders, item: JsonObject, context: MessagingContext): Reading | undefined {
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

function readMessage(message: JsonObject, { customerId, direction }: MessagingContext): Reading | undefined {
  const mid = idOf(message.mid);
  if (mid === undefined) return undefined;
  // The unsend carries the mid of the message it takes back, hence a key of its own.
  if (message.is_deleted === true)
    return { kind: 'unsend', action: 'message', key: ['unsend', mid], messageId: mid, ignoredBecause: 'deletion' };

  const content = contentOf(message);
  const said = { action: 'message', key: ['message', mid], messageId: mid, ...content };
  if (direction === 'out') return { ...said, kind: 'echo', reference: textOf(message.metadata), ignoredBecause: 'echo' };
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
  const said = { action: 'message_edit', key: ['edit', mid, Number(count)], messageId: mid, text: textOf(edit.text) };
  return Number(count) === 0
    ? { ...said, kind: 'message_edit_placeholder', ignoredBecause: 'placeholder' }
    : { ...said, kind: 'message_edit', ignoredBecause: 'edit' };
}

function readReaction(reaction: JsonObject, { customerId, direction, account, timeMs }: MessagingContext): Reading | undefined {
  const mid = idOf(reaction.mid);
  if (mid === undefined || customerId === null || timeMs === undefined) return undefined;
  const actor = direction === 'out' ? account : customerId;
  const said = { action: 'reaction', messageId: mid };
  switch (reaction.action) {
    case 'react':
      return { ...said, kind: 'reaction', key: ['reaction', mid, actor, 'react', timeMs], emoji: textOf(reaction.emoji) };
    case 'unreact':
      return { ...said, kind: 'unreaction', key: ['reaction', mid, actor, 'unreact', timeMs], ignoredBecause: 'removal' };
    default:
      return undefined;
  }
}

function readPostback(postback: JsonObject, { customerId, timeMs }: MessagingContext): Reading | undefined {
  if (customerId === null) return undefined;
  const payload = textOf(postback.payload);
  const ref = textOf(objectOf(postback.referral)?.ref);
  const mid = idOf(postback.mid);
  if (mid !== undefined) return { kind: 'postback', action: 'postback', key: ['postback', mid], messageId: mid, payload, ref };
  if (timeMs === undefined) return undefined;
  return { kind: 'postback', action: 'postback', key: ['postback', customerId, timeMs, payload ?? ''], payload, ref };
}

function readReferral(referral: JsonObject, { customerId, timeMs }: MessagingContext): Reading | undefined {
  if (customerId === null || timeMs === undefined) return undefined;
  const ref = textOf(referral.ref);
  return { kind: 'referral', action: 'referral', key: ['referral', customerId, timeMs, ref ?? ''], ref };
}

/**
 * What the platform tells about a conversation or, without any customer, about the account. Of somebody who ticked a checkbox plug-in
 * it has a `user_ref` only, which is no id to answer to.
 */
function notice(kind: 'optin' | 'handover' | 'policy' | 'feedback'): Reader {
  return (part, { customerId, timeMs }) =>
    timeMs === undefined
      ? undefined
      : { kind, action: kind, key: [kind, customerId ?? idOf(part.user_ref) ?? '', timeMs], ignoredBecause: 'system' };
}
