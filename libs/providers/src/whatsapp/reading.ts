import type { Json, JsonObject } from '@sluice/kernel';
import { fingerprint } from '../dedupe-key.js';
import { idOf, listOf, objectOf, textOf } from '../json-values.js';
import type { Parties, Reading } from '../meta/reading.js';

export interface Said extends Reading, Parties {
  readonly customerAliases?: readonly string[];
}

/** Who is who: a person has a phone number, an id that belongs to the business, or both. */
export interface Contacts {
  readonly userOfPhone: ReadonlyMap<string, string>;
  readonly phoneOfUser: ReadonlyMap<string, string>;
}

export function contactsOf(value: Json | undefined): Contacts {
  const pairs = (listOf(value) ?? []).flatMap((contact) => {
    const phone = idOf(objectOf(contact)?.wa_id);
    const user = idOf(objectOf(contact)?.user_id);
    return phone === undefined || user === undefined ? [] : [{ phone, user }];
  });
  return {
    userOfPhone: new Map(pairs.map(({ phone, user }) => [phone, user])),
    phoneOfUser: new Map(pairs.map(({ phone, user }) => [user, phone])),
  };
}

/** The user id stays when the phone number changes, and is all there is of people who hide their number. */
function customerOf(
  phone: string | undefined,
  user: string | undefined,
  { userOfPhone, phoneOfUser }: Contacts,
): Pick<Said, 'customerId' | 'customerAliases'> {
  const userId = user ?? userOfPhone.get(phone ?? '');
  const alias = phone ?? phoneOfUser.get(userId ?? '');
  if (userId === undefined) return { customerId: phone ?? null };
  return { customerId: userId, customerAliases: alias === undefined ? undefined : [alias] };
}

export function readMessage(message: JsonObject, contacts: Contacts): Said | undefined {
  const id = idOf(message.id);
  const customer = customerOf(idOf(message.from), idOf(message.from_user_id), contacts);
  // Without a sender it might be our own message.
  if (id === undefined || customer.customerId === null) return undefined;
  return {
    ...customer,
    direction: 'in',
    key: ['message', id],
    messageId: id,
    conversationId: idOf(message.group_id),
    replyTo: idOf(objectOf(message.context)?.id),
    ref: textOf(objectOf(message.referral)?.source_id),
    ...contentOf(message),
  };
}

/** What the business itself wrote, in the app on its phone. */
export function readEcho(message: JsonObject, contacts: Contacts): Said | undefined {
  const id = idOf(message.id);
  if (id === undefined) return undefined;
  const { text, content, attachments } = contentOf(message);
  return {
    ...customerOf(idOf(message.to), idOf(message.to_user_id), contacts),
    direction: 'out',
    kind: 'echo',
    action: 'message',
    key: ['message', id],
    messageId: id,
    ignoredBecause: 'echo',
    text,
    content,
    attachments,
  };
}

type Content = Pick<Reading, 'kind' | 'action' | 'text' | 'payload' | 'content' | 'attachments' | 'emoji' | 'messageId' | 'ignoredBecause'>;

/** A caption is in `content`: `text` is what somebody wrote as a message. */
function contentOf(message: JsonObject): Content {
  const type = textOf(message.type) ?? '';
  const part = objectOf(message[type]);
  switch (type) {
    case 'text':
      return { kind: 'message', action: 'message', text: textOf(part?.body) };
    case 'image':
    case 'audio':
    case 'voice':
    case 'video':
    case 'document':
    case 'sticker':
    case 'location':
    case 'order':
    case 'contacts':
      return { kind: 'message', action: 'message', attachments: [{ type }], content: message[type] };
    case 'button':
      return { kind: 'quick_reply', action: 'message', payload: textOf(part?.payload), content: message[type] };
    case 'interactive': {
      const chosen = objectOf(part?.[textOf(part.type) ?? '']);
      const payload = textOf(chosen?.id) ?? textOf(chosen?.response_json);
      return { kind: 'quick_reply', action: 'message', payload, content: message[type] };
    }
    case 'reaction': {
      const emoji = textOf(part?.emoji) ?? '';
      const said = { action: 'reaction', messageId: idOf(part?.message_id) };
      if (emoji === '') return { ...said, kind: 'unreaction', ignoredBecause: 'removal' };
      return { ...said, kind: 'reaction', emoji };
    }
    case 'system':
      return { kind: 'system', action: 'system', ignoredBecause: 'system' };
    default:
      return { kind: 'message_unsupported', action: 'message', ignoredBecause: 'unsupported' };
  }
}

/** One message gets several, in any order and repeatedly. */
export function readStatus(status: JsonObject, contacts: Contacts): Said | undefined {
  const id = idOf(status.id);
  const name = textOf(status.status);
  if (id === undefined || name === undefined || !/^[a-z_]{1,32}$/.test(name)) return undefined;
  return {
    ...customerOf(idOf(status.recipient_id), idOf(status.recipient_user_id), contacts),
    direction: 'out',
    kind: `status_${name}`,
    action: 'status',
    key: ['status', id, name],
    messageId: id,
    reference: textOf(status.biz_opaque_callback_data),
    ignoredBecause: 'receipt',
    errorCode: errorCodeOf(listOf(status.errors)?.[0]),
  };
}

/** What concerns the number and no message. */
export const readError = (error: JsonObject): Said => ({
  kind: 'system',
  action: 'system',
  key: ['error', fingerprint(error)],
  ignoredBecause: 'system',
  customerId: null,
  direction: 'in',
  errorCode: errorCodeOf(error),
});

function errorCodeOf(error: Json | undefined): string | number | undefined {
  const code = objectOf(error)?.code;
  return typeof code === 'number' ? code : idOf(code);
}
