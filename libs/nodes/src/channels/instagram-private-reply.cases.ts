import type { NodeCase } from '../node-cases.js';

const trigger = {
  kind: 'comment',
  channelId: 'channel-1',
  customerId: '9001',
  dedupeKey: 'instagram:17841:comment:17858893269123456',
  text: 'What does it cost?',
};
const url = 'https://graph.instagram.example/v23.0/me/messages';
const accepted = { status: 200, body: { recipient_id: '9001', message_id: 'mid-1' } };

export const instagramPrivateReplyCases: readonly NodeCase[] = [
  {
    says: 'Writes to the author of the comment that started the run.',
    config: { text: 'It is {{ input.price }} EUR.' },
    trigger,
    input: { price: 42 },
    answers: [accepted],
    sends: [
      {
        method: 'POST',
        url,
        headers: { authorization: 'Bearer token-1', 'idempotency-key': 'key-1' },
        body: { recipient: { comment_id: '17858893269123456' }, message: { text: 'It is 42 EUR.' } },
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { commentId: '17858893269123456', recipientId: '9001', messageId: 'mid-1' } },
  },
  {
    says: 'Writes to the author of another comment.',
    config: { channelId: 'channel-1', commentId: '17900000000000001', text: 'Thank you!' },
    answers: [accepted],
    sends: [{ method: 'POST', url, body: { recipient: { comment_id: '17900000000000001' }, message: { text: 'Thank you!' } } }],
    gives: { kind: 'done', output: { messageId: 'mid-1' } },
  },
  {
    says: 'Fails for good when the comment has had its private reply: Instagram allows one.',
    config: { text: 'Once more!' },
    trigger,
    answers: [{ status: 400, body: { error: { message: 'Activity already replied to', code: 10900 } } }],
    gives: { fails: 'already_replied' },
  },
  {
    says: 'Fails for good when the comment is older than 7 days.',
    config: { text: 'Sorry for the delay!' },
    trigger,
    answers: [{ status: 403, body: { error: { message: 'Outside of the allowed window', code: 10, error_subcode: 2534022 } } }],
    gives: { fails: 'window_closed' },
  },
  {
    says: 'Fails when there is no comment to answer.',
    config: { channelId: 'channel-1', text: 'Hello!' },
    trigger: { orderId: 7 },
    sends: [],
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Is one message: what is too long is not split.',
    config: { text: '{{ $pad("", 1001, "a") }}' },
    trigger,
    sends: [],
    gives: { fails: 'text_too_long' },
  },
  { says: 'Needs a text.', config: {}, gives: { refused: 'invalid_config' } },
];
