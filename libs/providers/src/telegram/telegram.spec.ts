import type { JsonObject } from '@sluice/kernel';
import { callOf, callTime, channelOf } from '@sluice/testing';
import { telegram } from './telegram.js';

const header = 'x-telegram-bot-api-secret-token';

describe('verification', () => {
  const verified = (given: string | readonly string[] | undefined, ...secrets: string[]) =>
    telegram.verify(callOf('{}', given === undefined ? {} : { [header]: given }), channelOf(secrets));

  it.each([
    ['the secret', 'secret', ['secret'], { ok: true }],
    ['the older one of two', 'old', ['new', 'old'], { ok: true }],
    ['none', undefined, ['secret'], { ok: false, reason: 'secret_missing' }],
    ['some, and the channel has none', 'x', [], { ok: false, reason: 'secret_missing' }],
    ['an empty one, as the channel', '', [''], { ok: false, reason: 'secret_mismatch' }],
    ['half of it', 'sec', ['secret'], { ok: false, reason: 'secret_mismatch' }],
    ['it in capitals', 'SECRET', ['secret'], { ok: false, reason: 'secret_mismatch' }],
    ['it twice', ['secret', 'secret'], ['secret'], { ok: false, reason: 'signature_repeated' }],
  ])('of a call that has %s', (_what, given, secrets, expected) => expect(verified(given, ...secrets)).toEqual(expected));
});

describe('an update', () => {
  const date = callTime.getTime() / 1000;
  const chat = { id: -1001, type: 'supergroup' };
  const from = { id: 42, is_bot: false };
  const told = (update: JsonObject, channel = channelOf(['s'], { botId: '7' })) =>
    telegram.normalise({ update_id: 1, ...update }, channel, callOf('{}'))[0];

  it.each<[string, JsonObject, object]>([
    [
      'a photo with a caption',
      { message: { from, chat, date, photo: [], caption: 'look' } },
      { kind: 'message', text: 'look', attachments: [{ type: 'photo' }], customerId: '42', conversationId: '-1001', triggers: true },
    ],
    ['a reply', { message: { from, chat, date, text: 'x', reply_to_message: { message_id: 9 } } }, { kind: 'message', replyTo: '9' }],
    ['a new title', { message: { from, chat, date, new_chat_title: 'T' } }, { kind: 'message_unsupported', ignoredBecause: 'unsupported' }],
    [
      'a post in a channel',
      { channel_post: { chat, date, text: 'x' } },
      { kind: 'channel_post', customerId: null, ignoredBecause: 'author_unknown' },
    ],
    ['a post that was edited', { edited_channel_post: { chat, date, text: 'x' } }, { kind: 'message_edit', ignoredBecause: 'edit' }],
    [
      'a reaction',
      { message_reaction: { user: from, chat, date, new_reaction: [{ type: 'emoji', emoji: '👍' }] } },
      { kind: 'reaction', emoji: '👍', customerId: '42', triggers: true },
    ],
    [
      'a reaction taken back',
      { message_reaction: { user: from, chat, date, new_reaction: [] } },
      { kind: 'unreaction', ignoredBecause: 'removal' },
    ],
    ['anything else', { brand_new: {} }, { kind: 'unknown', dedupeKey: 'telegram:7:update:1', ignoredBecause: 'unknown' }],
    ['one without its id', { update_id: null }, { kind: 'unknown', accountId: '7', ignoredBecause: 'unknown' }],
  ])('%s', (_what, update, expected) => expect(told(update)).toMatchObject(expected));

  it('is of the bot that the channel names', () => {
    expect(told({}, channelOf(['s'], { botId: '7' }, '8'))?.accountId).toBe('8');
    expect(told({}, channelOf(['s'], { botId: 7 }))?.accountId).toBe('7');
    expect(told({}, channelOf(['s']))).toMatchObject({ accountId: null, dedupeKey: 'telegram::update:1' });
  });
});
