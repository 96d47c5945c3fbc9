import type { Json, JsonObject } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { facebookPage } from './facebook_page.js';

const eventsOf = (entry: JsonObject) =>
  facebookPage.normalise({ object: 'page', entry: [{ id: '104', time: 1793611798, ...entry }] }, channelOf(['s'], {}, '104'), callOf('{}'));
const told = (value: Json) => eventsOf({ changes: [{ field: 'feed', value }] })[0];

const from = { id: '700', name: 'Ana' };
const comment = { item: 'comment', verb: 'add', comment_id: 'c', post_id: 'p', message: 'hi', created_time: 1793611795, from };

it.each<[string, JsonObject, object]>([
  ['comment', comment, { kind: 'comment', customerId: '700', triggers: true }],
  [
    'comment of ours',
    { ...comment, from: { id: '104' } },
    { kind: 'comment_own', customerId: null, direction: 'out', ignoredBecause: 'own_comment' },
  ],
  ['comment of nobody', { ...comment, from: null }, { kind: 'comment', customerId: null, ignoredBecause: 'author_unknown' }],
  ['comment that was hidden', { ...comment, verb: 'hide' }, { kind: 'comment_hidden', ignoredBecause: 'deletion' }],
  ['comment that is shown again', { ...comment, verb: 'unhide' }, { kind: 'comment_unhidden', ignoredBecause: 'edit' }],
  ['comment to which something new was done', { ...comment, verb: 'sing' }, { kind: 'unknown', ignoredBecause: 'unknown' }],
  ['comment without its id', { ...comment, comment_id: null, post_id: null }, { kind: 'unknown', ignoredBecause: 'unknown' }],
  ['post of a visitor', { item: 'post', verb: 'add', post_id: 'p', message: 'hi', from }, { kind: 'post', action: 'post', triggers: true }],
  [
    'reaction to a comment',
    { ...comment, item: 'reaction', reaction_type: 'haha' },
    { kind: 'reaction', emoji: 'haha', dedupeKey: 'facebook_page:104:feed:reaction:add:c:700:haha', triggers: true },
  ],
  [
    'reaction of ours',
    { ...comment, item: 'reaction', from: { id: '104' } },
    { kind: 'reaction', direction: 'out', ignoredBecause: 'echo' },
  ],
  ['reaction that was taken back', { ...comment, item: 'reaction', verb: 'remove' }, { kind: 'unreaction', ignoredBecause: 'removal' }],
  ['thing of a new sort', { ...comment, item: 'hologram' }, { kind: 'unknown', ignoredBecause: 'unknown' }],
])('a %s', (_what, value, expected) => expect(told(value)).toMatchObject(expected));

it('two edits of a comment are two events, two deliveries of one are one', () => {
  const edited = (time: number) => eventsOf({ time, changes: [{ field: 'feed', value: { ...comment, verb: 'edited' } }] })[0]?.dedupeKey;
  expect(edited(1793611798)).not.toBe(edited(1793611799));
  expect(edited(1793611798)).toBe(edited(1793611798));
});

it('changes without values are told and trigger nothing', () => {
  const entries: JsonObject[] = [{ changed_fields: ['feed'] }, { changes: [{ field: 'feed' }] }];
  for (const entry of entries) {
    expect(eventsOf(entry)).toMatchObject([{ kind: 'unknown', ignoredBecause: 'unknown' }]);
  }
});
