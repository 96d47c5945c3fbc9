import type { JsonObject } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { facebookPage } from '../facebook_page/facebook_page.js';
import { instagram } from '../instagram/instagram.js';
import { messenger } from './messenger.js';

const timestamp = 1793611795800;
const parties = { sender: { id: 'P1' }, recipient: { id: '104' }, timestamp };
const pageOf = (entry: JsonObject) => ({ object: 'page', entry: [{ id: '104', time: timestamp, ...entry }] });
const told = (item: JsonObject) => messenger.normalise(pageOf({ messaging: [item] }), channelOf(['s'], {}, '104'), callOf('{}'))[0];

it('is called as all of Meta’s products are', () => {
  expect(messenger.handshake).toBe(instagram.handshake);
  expect(messenger.verify).toBe(instagram.verify);
});

it.each<[string, JsonObject, object]>([
  [
    'edit',
    { ...parties, message_edit: { mid: 'M', num_edit: 1 } },
    { kind: 'message_edit', dedupeKey: 'messenger:104:edit:M:1', ignoredBecause: 'edit' },
  ],
  ['reaction', { ...parties, reaction: { mid: 'M', action: 'react', emoji: '❤' } }, { kind: 'reaction', emoji: '❤', triggers: true }],
  ['link', { ...parties, referral: { ref: 'r' } }, { kind: 'referral', ref: 'r', triggers: true }],
  ['receipt without its time', { ...parties, read: { mid: 'M' } }, { kind: 'unknown', ignoredBecause: 'unknown' }],
  ['delivery without its time', { ...parties, delivery: { mids: ['M'] } }, { kind: 'unknown', ignoredBecause: 'unknown' }],
  [
    'delivery of one message',
    { ...parties, delivery: { mids: ['M'], watermark: timestamp } },
    { kind: 'delivery', messageId: 'M', ignoredBecause: 'receipt' },
  ],
  [
    'delivery of several',
    { ...parties, delivery: { mids: ['M', 'N'], watermark: timestamp } },
    { kind: 'delivery', messageId: undefined, ignoredBecause: 'receipt' },
  ],
  [
    'message of our own, with what we gave along with it',
    { sender: { id: '104' }, recipient: { id: 'P1' }, timestamp, message: { mid: 'M', text: 'x', is_echo: true, metadata: 'key-1' } },
    { kind: 'echo', direction: 'out', customerId: 'P1', text: 'x', messageId: 'M', reference: 'key-1' },
  ],
  [
    'ticked checkbox',
    { recipient: { id: '104' }, timestamp, optin: { user_ref: 'R' } },
    { kind: 'optin', customerId: null, dedupeKey: `messenger:104:optin:R:${timestamp}`, ignoredBecause: 'system' },
  ],
])('a %s', (_what, item, expected) => expect(told(item)).toMatchObject(expected));

it('does not read the feed of the page, nor what is not of a page', () => {
  const feed = { field: 'feed', value: { item: 'comment', verb: 'add', comment_id: 'c', message: 'x', from: { id: 'P1' } } };
  expect(messenger.normalise(pageOf({ changes: [feed] }), channelOf(['s']), callOf('{}'))).toMatchObject([
    { kind: 'unknown', triggers: false },
  ]);
  const item = { ...parties, message: { mid: 'M', text: 'x' } };
  const instagramBody = { ...pageOf({ messaging: [item] }), object: 'instagram' };
  expect(messenger.normalise(instagramBody, channelOf(['s']), callOf('{}'))).toMatchObject([{ kind: 'unknown', accountId: null }]);
});

it('a channel for the page reads its messages too', () => {
  const body = pageOf({ messaging: [{ ...parties, message: { mid: 'M', text: 'x' } }] });
  expect(facebookPage.normalise(body, channelOf(['s'], {}, '104'), callOf('{}'))).toMatchObject([
    { kind: 'message', action: 'message', dedupeKey: 'facebook_page:104:message:M', triggers: true },
  ]);
});
