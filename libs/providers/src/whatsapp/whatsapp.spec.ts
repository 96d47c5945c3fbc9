import type { Json, JsonObject } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { instagram } from '../instagram/instagram.js';
import { whatsapp } from './whatsapp.js';

const channel = channelOf(['s'], {}, '106');
const eventsOf = (...changes: Json[]) =>
  whatsapp.normalise({ object: 'whatsapp_business_account', entry: [{ id: '102', changes }] }, channel, callOf('{}'));
const change = (value: JsonObject, field = 'messages') => ({ field, value: { metadata: { phone_number_id: '106' }, ...value } });
const received = (message: JsonObject, more: JsonObject = {}) =>
  eventsOf(change({ messages: [{ id: 'wamid.1', from: '55', timestamp: '1793611795', ...message }], ...more }))[0];

it('is called as all of Meta’s products are', () => {
  expect(whatsapp.handshake).toBe(instagram.handshake);
  expect(whatsapp.verify).toBe(instagram.verify);
});

describe('a message', () => {
  it.each<[string, JsonObject, object]>([
    ['a place', { type: 'location', location: {} }, { kind: 'message', attachments: [{ type: 'location' }], triggers: true }],
    [
      'a button of a template',
      { type: 'button', button: { payload: 'P', text: 'Yes' } },
      { kind: 'quick_reply', payload: 'P', triggers: true },
    ],
    [
      'a choice',
      { type: 'interactive', interactive: { type: 'list_reply', list_reply: { id: 'r1' } } },
      { kind: 'quick_reply', payload: 'r1' },
    ],
    [
      'a flow',
      { type: 'interactive', interactive: { type: 'nfm_reply', nfm_reply: { response_json: '{}' } } },
      { payload: '{}', triggers: true },
    ],
    [
      'a reaction',
      { type: 'reaction', reaction: { message_id: 'w', emoji: '👍' } },
      { kind: 'reaction', emoji: '👍', messageId: 'w', triggers: true },
    ],
    ['a reply', { type: 'text', text: { body: 'x' }, context: { id: 'wamid.0' } }, { replyTo: 'wamid.0', triggers: true }],
    ['one from an ad', { type: 'text', text: { body: 'x' }, referral: { source_id: 'ad1' } }, { ref: 'ad1', triggers: true }],
    ['one in a group', { type: 'text', text: { body: 'x' }, group_id: 'G' }, { conversationId: 'G', triggers: true }],
    ['a new number', { type: 'system', system: {} }, { kind: 'system', ignoredBecause: 'system' }],
    ['an unsupported one', { type: 'unsupported', errors: [] }, { kind: 'message_unsupported', ignoredBecause: 'unsupported' }],
    ['one of a new sort', { type: 'hologram', hologram: {} }, { kind: 'message_unsupported', ignoredBecause: 'unsupported' }],
    ['one of a strange sort', { type: '__proto__' }, { kind: 'message_unsupported', ignoredBecause: 'unsupported' }],
    [
      'one from nobody',
      { type: 'text', text: { body: 'x' }, from: null },
      { kind: 'unknown', accountId: '106', ignoredBecause: 'unknown' },
    ],
  ])('%s', (_what, message, expected) => expect(received(message)).toMatchObject(expected));

  it('is of the same person with the phone number, the user id or both', () => {
    const contacts = [{ wa_id: '55', user_id: 'BR.1' }];
    const both = { customerId: 'BR.1', customerAliases: ['55'] };
    expect(received({ type: 'text', from_user_id: 'BR.1' })).toMatchObject(both);
    expect(received({ type: 'text' }, { contacts })).toMatchObject(both);
    expect(received({ type: 'text', from: null, from_user_id: 'BR.1' }, { contacts })).toMatchObject(both);
    expect(received({ type: 'text', from: '44' }, { contacts })).toMatchObject({ customerId: '44' });
  });
});

describe('what else a change can hold', () => {
  it('a message written on the phone of the business is an echo', () => {
    const echo = change(
      { message_echoes: [{ id: 'wamid.2', from: '1', to: '55', type: 'text', text: { body: 'x' } }] },
      'smb_message_echoes',
    );
    expect(eventsOf(echo)).toMatchObject([
      {
        kind: 'echo',
        direction: 'out',
        customerId: '55',
        text: 'x',
        messageId: 'wamid.2',
        dedupeKey: 'whatsapp:106:message:wamid.2',
        ignoredBecause: 'echo',
      },
    ]);
  });

  it('a status names its message, and repeats what we gave along with it', () => {
    const sent = { id: 'wamid.2', status: 'sent', recipient_id: '55' };
    const statuses = [{ ...sent, biz_opaque_callback_data: 'key-1' }, sent];
    expect(eventsOf(change({ statuses }))).toMatchObject([
      { kind: 'status_sent', direction: 'out', customerId: '55', messageId: 'wamid.2', reference: 'key-1' },
      { kind: 'status_sent', messageId: 'wamid.2', reference: undefined },
    ]);
  });

  it('a history is one unknown event: its messages are long past', () => {
    const history = change({ messages: [{ id: 'wamid.1', from: '55', type: 'text', text: { body: 'x' } }] }, 'history');
    expect(eventsOf(history)).toMatchObject([{ kind: 'unknown', ignoredBecause: 'unknown' }]);
  });

  it('messages, statuses and errors side by side are events each', () => {
    const all = change({
      messages: [{ id: 'wamid.1', from: '55', type: 'text', text: { body: 'x' } }],
      statuses: [{ id: 'wamid.2', status: 'read', recipient_id: '55' }, { id: 'wamid.2', status: 'Strange!' }, 'junk'],
      errors: [{ code: 130429 }],
    });
    expect(eventsOf(all).map(({ kind }) => kind)).toEqual(['message', 'status_read', 'unknown', 'unknown', 'system']);
    expect(eventsOf(all).at(-1)).toMatchObject({ errorCode: 130429, ignoredBecause: 'system' });
  });

  it('a number of somebody else is foreign, a business account is not', () => {
    const value = { metadata: { phone_number_id: '999' }, messages: [{ id: 'wamid.1', from: '55', type: 'text' }] };
    expect(eventsOf({ field: 'messages', value })).toMatchObject([{ foreignAccount: true, ignoredBecause: 'foreign_account' }]);
    expect(eventsOf({ field: 'account_update', value: {} })).toMatchObject([{ accountId: '102', ignoredBecause: 'unknown' }]);
  });

  it('too many items are one event', () => {
    const statuses = Array.from({ length: 5001 }, () => 1);
    expect(eventsOf(change({ statuses }))).toMatchObject([{ kind: 'unknown', accountId: null }]);
  });
});
