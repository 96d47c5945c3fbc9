import type { Json, JsonObject } from '@sluice/kernel';
import type { CanonicalEvent } from '../adapter.js';
import { idOf, listOf, objectOf, textOf, timeOf } from '../json-values.js';
import type { Said } from './said.js';

type Content = Omit<Said, 'key' | 'occurredMs' | 'customerId' | 'direction'> & Partial<Pick<Said, 'customerId' | 'direction'>>;

/** Undefined only without an `event_id`. A retry has the same id, another time and another signature. */
export function readEvent(callback: JsonObject): Said | undefined {
  const id = idOf(callback.event_id);
  const event = objectOf(callback.event);
  if (id === undefined || event === undefined) return undefined;

  const author = idOf(event.user) ?? null;
  const isOwn = author !== null && ownUsersOf(callback).includes(author);
  const content = contentOf(event);
  return {
    conversationId: idOf(event.channel) ?? idOf(objectOf(event.item)?.channel),
    customerId: isOwn ? null : author,
    direction: isOwn ? 'out' : 'in',
    ...content,
    // Whatever the app did itself must not start it again.
    ignoredBecause: content.ignoredBecause ?? (isOwn ? 'echo' : undefined),
    key: ['event', id],
    occurredMs: timeOf(callback.event_time),
  };
}

/** The bot users for whom the call came. */
const ownUsersOf = (callback: JsonObject): readonly string[] =>
  (listOf(callback.authorizations) ?? [])
    .map(objectOf)
    .flatMap((authorization) => (authorization?.is_bot === true ? [idOf(authorization.user_id) ?? ''] : []));

function contentOf(event: JsonObject): Content {
  switch (event.type) {
    case 'message':
      return readMessage(event);
    case 'app_mention':
      return { ...written(event), kind: 'mention', action: 'mention' };
    case 'reaction_added':
      return { kind: 'reaction', action: 'reaction', emoji: textOf(event.reaction) };
    case 'reaction_removed':
      return { kind: 'unreaction', action: 'reaction', emoji: textOf(event.reaction), ignoredBecause: 'removal' };
    case 'app_uninstalled':
    case 'tokens_revoked':
      return { kind: 'system', action: 'system', ignoredBecause: 'system' };
    default:
      return { kind: 'unknown', action: 'unknown', ignoredBecause: 'unknown' };
  }
}

function readMessage(event: JsonObject): Content {
  switch (event.subtype) {
    case undefined:
    case 'file_share':
    case 'thread_broadcast':
    case 'me_message':
    case 'bot_message':
      return { ...written(event), kind: isByBot(event) ? 'message_bot' : 'message', action: 'message' };
    case 'message_changed': {
      const message = objectOf(event.message) ?? {};
      const edited = { kind: 'message_edit', action: 'message_edit', ignoredBecause: 'edit' } as const;
      return { ...edited, text: textOf(message.text), customerId: idOf(message.user) ?? null };
    }
    case 'message_deleted': {
      const author = idOf(objectOf(event.previous_message)?.user) ?? null;
      return { kind: 'unsend', action: 'message', ignoredBecause: 'deletion', customerId: author };
    }
    default:
      return { kind: 'system', action: 'system', ignoredBecause: 'system' };
  }
}

const isByBot = (event: JsonObject): boolean => event.bot_id !== undefined || event.subtype === 'bot_message';

/** A bot that is no user might be this app. */
function written(event: JsonObject): Omit<Content, 'kind' | 'action'> {
  const thread = idOf(event.thread_ts);
  return {
    text: textOf(event.text),
    attachments: filesOf(event.files),
    replyTo: thread === idOf(event.ts) ? undefined : thread,
    ...(isByBot(event) && { ignoredBecause: 'bot', ...(event.user === undefined && { direction: 'out' }) }),
  };
}

function filesOf(value: Json | undefined): CanonicalEvent['attachments'] {
  const files = (listOf(value) ?? []).map(objectOf).filter((file) => file !== undefined);
  if (files.length === 0) return undefined;
  return files.map(({ mimetype, url_private: url }) => ({
    type: /^(image|video|audio)\//.exec(textOf(mimetype) ?? '')?.[1] ?? 'file',
    url: textOf(url),
  }));
}
