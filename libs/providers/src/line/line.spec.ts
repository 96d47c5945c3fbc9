import { createHmac } from 'node:crypto';
import type { Json, JsonObject } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { line } from './line.js';

const secret = 'a3f0c2d49b7e4d1f8e6a5b4c3d2e1f00';
const signature = createHmac('sha256', secret).update('{}').digest('base64');

it.each([
  ['it is', signature, { ok: true }],
  ['it is not there', undefined, { ok: false, reason: 'signature_missing' }],
  ['it is repeated', [signature, signature], { ok: false, reason: 'signature_repeated' }],
  ['it lost its padding', signature.slice(0, -1), { ok: false, reason: 'signature_malformed' }],
  ['it is in hex', Buffer.from(signature, 'base64').toString('hex'), { ok: false }],
  ['it was cut', signature.slice(0, -4), { ok: false }],
])('a signature is accepted as %s', (_what, given, expected) => {
  const call = given === undefined ? callOf('{}') : callOf('{}', { 'x-line-signature': given });
  expect(line.verify(call, channelOf([secret]))).toMatchObject(expected);
});

describe('an event', () => {
  const told = (event: JsonObject, channel = channelOf([secret])) => {
    const item = { webhookEventId: '01K', timestamp: 1793611795800, source: { type: 'user', userId: 'U1' }, ...event };
    return line.normalise({ destination: 'Ubot', events: [item] }, channel, callOf('{}'))[0];
  };
  const text = { type: 'message', message: { type: 'text', text: 'hi' } };

  it.each<[string, JsonObject, object]>([
    ['a picture', { type: 'message', message: { type: 'image' } }, { kind: 'message', attachments: [{ type: 'image' }], triggers: true }],
    ['a quote', { type: 'message', message: { type: 'text', text: 'x', quotedMessageId: 'M' } }, { replyTo: 'M', triggers: true }],
    ['a postback', { type: 'postback', postback: { data: 'a=1' } }, { kind: 'postback', payload: 'a=1', triggers: true }],
    ['one in standby', { ...text, mode: 'standby' }, { kind: 'standby_message', text: 'hi', ignoredBecause: 'standby' }],
    ['one in a group, by somebody', { ...text, source: { groupId: 'G' } }, { customerId: null, conversationId: 'G', triggers: true }],
    ['one of nowhere', { ...text, source: null }, { customerId: null, triggers: true }],
    ['an unsend', { type: 'unsend', unsend: { messageId: 'M' } }, { kind: 'unsend', ignoredBecause: 'deletion' }],
    ['a block', { type: 'unfollow' }, { kind: 'unfollow', action: 'follow', ignoredBecause: 'system' }],
    ['a group joined', { type: 'join' }, { kind: 'membership', ignoredBecause: 'system' }],
    ['anything else', { type: 'brand_new' }, { kind: 'unknown', dedupeKey: 'line:Ubot:event:01K', ignoredBecause: 'unknown' }],
  ])('%s', (_what, event, expected) => expect(told(event)).toMatchObject(expected));

  it('for another bot is foreign', () => {
    expect(told(text, channelOf([secret], {}, 'Uother'))).toMatchObject({ foreignAccount: true, ignoredBecause: 'foreign_account' });
  });
});

it('makes one event of a body that is not what LINE sends, or far too long', () => {
  const bodies: Json[] = [null, [], { destination: 'U', events: 'x' }, { destination: 'U', events: Array.from({ length: 5001 }, () => 1) }];
  for (const body of bodies) expect(line.normalise(body, channelOf([secret]), callOf('{}'))).toMatchObject([{ kind: 'unknown' }]);
});
