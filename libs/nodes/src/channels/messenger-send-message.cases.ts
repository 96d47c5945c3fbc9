import type { NodeCase } from '../node-cases.js';

const trigger = { kind: 'message', channelId: 'channel-1', customerId: '24001', text: 'What does it cost?' };
const url = 'https://graph.messenger.example/v23.0/17841/messages';
const accepted = (id: string) => ({ status: 200, body: { recipient_id: '24001', message_id: id } });

export const messengerSendMessageCases: readonly NodeCase[] = [
  {
    says: 'Answers the customer, with its key along so that the echo can be recognised.',
    config: { to: '{{ trigger.customerId }}', text: 'It is {{ input.price }} EUR.' },
    trigger,
    input: { price: 42 },
    answers: [accepted('m-1')],
    sends: [
      {
        method: 'POST',
        url,
        headers: { authorization: 'Bearer token-1', 'idempotency-key': 'key-1' },
        body: { recipient: { id: '24001' }, messaging_type: 'RESPONSE', message: { text: 'It is 42 EUR.', metadata: 'key-1' } },
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { recipientId: '24001', messageId: 'm-1' } },
  },
  {
    says: 'Sends an attachment, and a text after it as a message of its own.',
    config: { to: '24001', attachment: { type: 'image', url: 'https://cdn.example.com/menu.png' }, text: 'Our menu.' },
    trigger,
    answers: [accepted('m-1'), accepted('m-2')],
    sends: [
      {
        method: 'POST',
        url,
        body: {
          recipient: { id: '24001' },
          messaging_type: 'RESPONSE',
          message: { attachment: { type: 'image', payload: { url: 'https://cdn.example.com/menu.png' } }, metadata: 'key-1' },
        },
      },
      {
        method: 'POST',
        url,
        body: { recipient: { id: '24001' }, messaging_type: 'RESPONSE', message: { text: 'Our menu.', metadata: 'key-1-2' } },
      },
    ],
    gives: { kind: 'done', output: { recipientId: '24001', messageId: 'm-2', messageIds: ['m-1', 'm-2'] } },
  },
  {
    says: 'Sends nothing when more than 24 hours have passed since the customer last wrote.',
    config: { to: '24001', text: 'Still there?' },
    trigger,
    lastMessageAt: '2026-05-31T11:59:59Z',
    sends: [],
    gives: { fails: 'window_closed' },
  },
  {
    says: 'Fails for good when the person cannot be reached.',
    config: { to: '24001', text: 'Hello!' },
    trigger,
    answers: [{ status: 400, body: { error: { message: 'This person is not available right now.', code: 551, error_subcode: 1545041 } } }],
    gives: { fails: 'recipient_unreachable' },
  },
  {
    says: 'Does not send by a channel of another provider.',
    config: { to: '24001', text: 'Hello!' },
    trigger,
    provider: 'instagram',
    sends: [],
    gives: { fails: 'wrong_channel' },
  },
  { says: 'Needs a text or an attachment.', config: { to: '24001' }, gives: { refused: 'invalid_config' } },
];
