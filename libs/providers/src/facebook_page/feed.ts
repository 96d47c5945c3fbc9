import type { JsonObject } from '@sluice/kernel';
import { fingerprint } from '../dedupe-key.js';
import type { IgnoredBecause } from '../ignored-because.js';
import { idOf, objectOf, textOf } from '../json-values.js';
import type { Parties, Reading } from '../meta/reading.js';

const families: ReadonlyMap<string, string> = new Map([
  ['comment', 'comment'],
  ['reaction', 'reaction'],
  ...['status', 'post', 'photo', 'video', 'share', 'album', 'event', 'note'].map((item) => [item, 'post'] as const),
]);

interface Change {
  /** What the kind ends with */
  readonly suffix: string;
  readonly ignoredBecause?: IgnoredBecause;
}

const added: Change = { suffix: '' };
const edited: Change = { suffix: '_edited', ignoredBecause: 'edit' };
const removed: Change = { suffix: '_removed', ignoredBecause: 'deletion' };

const verbs: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['add', added],
  ['edit', edited],
  ['edited', edited],
  ['update', edited],
  ['remove', removed],
  ['delete', removed],
  ['hide', { suffix: '_hidden', ignoredBecause: 'deletion' }],
  ['unhide', { suffix: '_unhidden', ignoredBecause: 'edit' }],
]);

/** Undefined if the item or the verb is none of these, or lacks the id that its key needs. */
export function readFeed(
  value: JsonObject,
  { account, sentMs }: { account: string; sentMs: number | undefined },
): (Reading & Parties) | undefined {
  const item = textOf(value.item) ?? '';
  const verb = textOf(value.verb) ?? '';
  const family = families.get(item);
  const change = verbs.get(verb);
  const id = idOf(value.comment_id) ?? idOf(value.post_id);
  if (family === undefined || change === undefined || id === undefined) return undefined;

  const author = idOf(objectOf(value.from)?.id);
  const isOwn = author === account;
  const parties: Parties = { customerId: isOwn ? null : (author ?? null), direction: isOwn ? 'out' : 'in' };
  const emoji = family === 'reaction' ? textOf(value.reaction_type) : undefined;
  const said = {
    ...parties,
    action: family,
    key: [
      'feed',
      item,
      verb,
      id,
      ...(family === 'reaction' ? [author ?? '', emoji ?? ''] : []),
      // Several edits differ in nothing but the time at which we are told.
      ...(change === edited ? [sentMs === undefined ? fingerprint(value) : Math.floor(sentMs / 1000)] : []),
    ],
    ignoredBecause: change.ignoredBecause ?? unanswerable(family, author, isOwn),
  };
  if (family !== 'reaction') {
    const suffix = isOwn && change === added ? '_own' : change.suffix;
    return { ...said, kind: `${family}${suffix}`, text: textOf(value.message) };
  }
  if (change === removed) return { ...said, kind: 'unreaction', ignoredBecause: 'removal' };
  return { ...said, kind: `reaction${change.suffix}`, emoji };
}

/** An own comment must not trigger, or a workflow that replies to comments answers itself for ever; one of nobody could be our own. */
function unanswerable(family: string, author: string | undefined, isOwn: boolean): IgnoredBecause | undefined {
  if (author === undefined) return 'author_unknown';
  if (!isOwn) return undefined;
  return family === 'comment' ? 'own_comment' : 'echo';
}
