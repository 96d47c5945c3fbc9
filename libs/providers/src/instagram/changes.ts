import type { JsonObject } from '@sluice/kernel';
import { idOf, objectOf, textOf } from '../json-values.js';
import type { Parties, Reading } from '../meta/reading.js';

const nobody: Parties = { customerId: null, direction: 'in' };

/** Undefined if the field is none of these, or its value lacks the id that its key needs. */
export function readChange(field: string | undefined, value: JsonObject, account: string): (Reading & Parties) | undefined {
  switch (field) {
    case 'comments':
      return readComment(value, account);
    case 'live_comments':
      return readLiveComment(value, account);
    case 'mentions':
      return readMention(value);
    case 'story_insights':
      return readStoryInsights(value);
    default:
      return undefined;
  }
}

function readComment(value: JsonObject, account: string): (Reading & Parties) | undefined {
  const id = idOf(value.id) ?? idOf(value.comment_id);
  if (id === undefined) return undefined;
  const author = authorOf(value, account);
  const kind = author.direction === 'out' ? 'comment_own' : 'comment';
  return { kind, action: 'comment', key: ['comment', id], text: textOf(value.text), ...author };
}

function readLiveComment(value: JsonObject, account: string): (Reading & Parties) | undefined {
  const id = idOf(value.id) ?? idOf(value.comment_id);
  if (id === undefined) return undefined;
  return { kind: 'live_comment', action: 'comment', key: ['live_comment', id], text: textOf(value.text), ...authorOf(value, account) };
}

/**
 * An own comment must not trigger, or a workflow that replies to comments answers itself for ever. Meta marks one by the
 * account's id or by `self_ig_scoped_id`; one without an author could be our own too.
 */
function authorOf(value: JsonObject, account: string): Parties & Pick<Reading, 'ignoredBecause'> {
  const from = objectOf(value.from);
  const author = idOf(from?.id);
  if (author === account || idOf(from?.self_ig_scoped_id) !== undefined) {
    return { customerId: null, direction: 'out', ignoredBecause: 'own_comment' };
  }
  return author === undefined ? { ...nobody, ignoredBecause: 'author_unknown' } : { customerId: author, direction: 'in' };
}

/** Says where, not who or what: a workflow fetches the rest. */
function readMention(value: JsonObject): (Reading & Parties) | undefined {
  const commentId = idOf(value.comment_id);
  if (commentId !== undefined) return { kind: 'mention_comment', action: 'mention', key: ['mention', 'comment', commentId], ...nobody };
  const mediaId = idOf(value.media_id);
  if (mediaId !== undefined) return { kind: 'mention_media', action: 'mention', key: ['mention', 'media', mediaId], ...nobody };
  return undefined;
}

function readStoryInsights(value: JsonObject): (Reading & Parties) | undefined {
  const mediaId = idOf(value.media_id);
  if (mediaId === undefined) return undefined;
  return { kind: 'story_insights', action: 'insights', key: ['story_insights', mediaId], ignoredBecause: 'system', ...nobody };
}
