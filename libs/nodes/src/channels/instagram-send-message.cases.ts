import type { NodeCase } from '../node-cases.js';

const trigger = { kind: 'message', channelId: 'channel-1', customerId: '9001', text: 'What does it cost?' };
const url = 'https://graph.instagram.example/v23.0/me/messages';
const accepted = { status: 200, body: { recipient_id: '9001', message_id: 'mid-1' } };
const refused = (code: number, more: Readonly<Record<string, number>> = {}) => ({
  status: 400,
  body: { error: { message: 'Sorry', code, ...more } },
});

export const instagramSendMessageCases: readonly NodeCase[] = [
  {
    says: "Answers the customer by the trigger's channel and puts out the message's id.",
    config: { to: '{{ trigger.customerId }}', text: 'It is {{ input.price }} EUR.' },
    trigger,
    input: { price: 42 },
    answers: [accepted],
    sends: [
      {
        method: 'POST',
        url,
        headers: { authorization: 'Bearer token-1', 'idempotency-key': 'key-1' },
        body: { recipient: { id: '9001' }, message: { text: 'It is 42 EUR.' } },
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { recipientId: '9001', messageId: 'mid-1' } },
  },
  {
    says: 'Sends an attachment, and a text after it as a message of its own.',
    config: { to: '9001', attachment: { type: 'image', url: 'https://cdn.example.com/menu.png' }, text: 'Our menu.' },
    trigger,
    answers: [accepted, { status: 200, body: { recipient_id: '9001', message_id: 'mid-2' } }],
    sends: [
      {
        method: 'POST',
        url,
        body: {
          recipient: { id: '9001' },
          message: { attachment: { type: 'image', payload: { url: 'https://cdn.example.com/menu.png' } } },
        },
      },
      {
        method: 'POST',
        url,
        headers: { 'idempotency-key': 'key-1-2' },
        body: { recipient: { id: '9001' }, message: { text: 'Our menu.' } },
      },
    ],
    gives: { kind: 'done', output: { recipientId: '9001', messageId: 'mid-2', messageIds: ['mid-1', 'mid-2'] } },
  },
  {
    says: 'Sends by another channel, also in a run that no channel started.',
    config: { channelId: 'channel-2', to: '9001', text: 'Your order is on its way.' },
    answers: [accepted],
    sends: [{ method: 'POST', url, body: { recipient: { id: '9001' }, message: { text: 'Your order is on its way.' } } }],
    gives: { kind: 'done', output: { recipientId: '9001', messageId: 'mid-1' } },
  },
  {
    says: 'Fails in a run that no channel started, if the config names none.',
    config: { to: '9001', text: 'Hello!' },
    trigger: { orderId: 7 },
    sends: [],
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Fails when `to` finds nothing, before anything is sent.',
    config: { to: '{{ input.customerId }}', text: 'Hello!' },
    trigger,
    input: {},
    sends: [],
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Does not send by a channel of another provider.',
    config: { channelId: 'channel-3', to: '9001', text: 'Hello!' },
    provider: 'whatsapp',
    sends: [],
    gives: { fails: 'wrong_channel' },
  },
  {
    says: 'Sends nothing when more than 24 hours have passed since the customer last wrote.',
    config: { to: '9001', text: 'Still there?' },
    trigger,
    lastMessageAt: '2026-05-31T11:59:59Z',
    sends: [],
    gives: { fails: 'window_closed' },
  },
  {
    says: 'Lets Instagram decide about somebody who never wrote to this channel.',
    config: { to: '9001', text: 'Still there?' },
    trigger,
    lastMessageAt: null,
    answers: [refused(10, { error_subcode: 2534022 })],
    gives: { fails: 'window_closed' },
  },
  {
    says: "Waits and tries again when Meta's rate limit is reached.",
    config: { to: '9001', text: 'Hello!' },
    trigger,
    answers: [refused(613)],
    gives: { fails: 'rate_limited' },
  },
  {
    says: 'Fails for good when the access token is no longer valid: the channel must be connected again.',
    config: { to: '9001', text: 'Hello!' },
    trigger,
    answers: [refused(190)],
    gives: { fails: 'credentials_expired' },
  },
  {
    says: 'Sends what is too long for one message as several.',
    config: { to: '9001', text: '{{ $pad("", 250, "👋") }} Hello!' },
    trigger,
    answers: [accepted, { status: 200, body: { recipient_id: '9001', message_id: 'mid-2' } }],
    sends: [
      { method: 'POST', url, headers: { 'idempotency-key': 'key-1' } },
      {
        method: 'POST',
        url,
        headers: { 'idempotency-key': 'key-1-2' },
        body: { recipient: { id: '9001' }, message: { text: 'Hello!' } },
      },
    ],
    gives: { kind: 'done', output: { recipientId: '9001', messageId: 'mid-2', messageIds: ['mid-1', 'mid-2'] } },
  },
  {
    says: 'Takes at most 1000 bytes of text if it may not be split: an emoji has four or more.',
    config: { to: '9001', text: '{{ $pad("", 251, "👋") }}', split: false },
    trigger,
    sends: [],
    gives: { fails: 'text_too_long' },
  },
  {
    says: 'Is over when a part was sent and another failed: trying again would send the first one twice.',
    config: { to: '9001', attachment: { type: 'image', url: 'https://cdn.example.com/menu.png' }, text: 'Our menu.' },
    trigger,
    answers: [accepted, refused(2)],
    gives: { fails: 'partly_sent' },
  },
  { says: 'Needs a text or an attachment.', config: { to: '9001' }, gives: { refused: 'invalid_config' } },
];
