import type { NodeCase } from '../node-cases.js';

const trigger = { kind: 'message', channelId: 'channel-1', customerId: '4915112345678', text: 'What does it cost?' };
const url = 'https://graph.whatsapp.example/v23.0/17841/messages';
const accepted = (id: string) => ({
  status: 200,
  body: { messaging_product: 'whatsapp', contacts: [{ input: '4915112345678', wa_id: '4915112345678' }], messages: [{ id }] },
});
const refused = (code: number, message: string) => ({ status: 400, body: { error: { message: `(#${code}) ${message}`, code } } });

export const whatsappSendMessageCases: readonly NodeCase[] = [
  {
    says: 'Answers the customer, with its key along so that the status can be recognised.',
    config: { to: '{{ trigger.customerId }}', text: 'It is {{ input.price }} EUR.' },
    trigger,
    input: { price: 42 },
    answers: [accepted('wamid-1')],
    sends: [
      {
        method: 'POST',
        url,
        headers: { authorization: 'Bearer token-1', 'idempotency-key': 'key-1' },
        body: {
          messaging_product: 'whatsapp',
          recipient_type: 'individual',
          to: '4915112345678',
          type: 'text',
          text: { body: 'It is 42 EUR.', preview_url: false },
          biz_opaque_callback_data: 'key-1',
        },
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { to: '4915112345678', messageId: 'wamid-1' } },
  },
  {
    says: 'Answers a message, and shows a preview of the link.',
    config: { to: '+49 151 12345678', text: 'Here: https://shop.example.com', replyTo: 'wamid-0', previewUrl: true },
    trigger,
    answers: [accepted('wamid-1')],
    sends: [
      {
        method: 'POST',
        url,
        body: {
          to: '4915112345678',
          text: { body: 'Here: https://shop.example.com', preview_url: true },
          context: { message_id: 'wamid-0' },
        },
      },
    ],
    gives: { kind: 'done', output: { to: '4915112345678', messageId: 'wamid-1' } },
  },
  {
    says: 'Writes to a person who has a user name instead of a number.',
    config: { to: 'BR.15020000000001', text: 'Hello!' },
    trigger,
    answers: [accepted('wamid-1')],
    sends: [{ method: 'POST', url, body: { recipient: 'BR.15020000000001', type: 'text' } }],
    gives: { kind: 'done', output: { to: 'BR.15020000000001', messageId: 'wamid-1' } },
  },
  {
    says: 'Sends what is too long for one message as several.',
    config: { to: '4915112345678', text: '{{ $pad("", 4096, "a") }} Hello!' },
    trigger,
    answers: [accepted('wamid-1'), accepted('wamid-2')],
    sends: [
      { method: 'POST', url, body: { biz_opaque_callback_data: 'key-1' } },
      { method: 'POST', url, body: { text: { body: 'Hello!' }, biz_opaque_callback_data: 'key-1-2' } },
    ],
    gives: { kind: 'done', output: { to: '4915112345678', messageId: 'wamid-2', messageIds: ['wamid-1', 'wamid-2'] } },
  },
  {
    says: 'Sends nothing when more than 24 hours have passed since the customer last wrote: send a template.',
    config: { to: '4915112345678', text: 'Still there?' },
    trigger,
    lastMessageAt: '2026-05-31T11:59:59Z',
    sends: [],
    gives: { fails: 'window_closed' },
  },
  {
    says: 'Waits and tries again when too much was sent to this customer at once.',
    config: { to: '4915112345678', text: 'Hello!' },
    trigger,
    answers: [refused(131056, 'Pair rate limit hit')],
    gives: { fails: 'rate_limited' },
  },
  {
    says: 'Fails for good when the access token is no longer valid: the channel must be connected again.',
    config: { to: '4915112345678', text: 'Hello!' },
    trigger,
    answers: [refused(190, 'Error validating access token')],
    gives: { fails: 'credentials_expired' },
  },
  { says: 'Needs a text.', config: { to: '4915112345678' }, gives: { refused: 'invalid_config' } },
];
