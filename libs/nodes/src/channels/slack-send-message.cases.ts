import type { NodeCase } from '../node-cases.js';

const trigger = { kind: 'message', channelId: 'channel-1', customerId: 'U1', conversationId: 'C1', text: 'What does it cost?' };
const url = 'https://graph.slack.example/chat.postMessage';
const accepted = { status: 200, body: { ok: true, channel: 'C1', ts: '1780315200.000100', message: {} } };

export const slackSendMessageCases: readonly NodeCase[] = [
  {
    says: 'Writes to the channel.',
    config: { to: '{{ trigger.conversationId }}', text: 'It is {{ input.price }} EUR.' },
    trigger,
    input: { price: 42 },
    answers: [accepted],
    sends: [
      {
        method: 'POST',
        url,
        headers: { authorization: 'Bearer token-1', 'idempotency-key': 'key-1' },
        body: { channel: 'C1', text: 'It is 42 EUR.' },
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { channel: 'C1', messageId: '1780315200.000100' } },
  },
  {
    says: 'Writes blocks into a thread; the text is what notifications show.',
    config: {
      to: 'C1',
      text: 'New order A-7',
      blocks: [{ type: 'section', text: { type: 'mrkdwn', text: '*New order* {{ input.orderId }}' } }],
      threadTs: '1780311600.000200',
    },
    input: { orderId: 'A-7' },
    trigger,
    answers: [accepted],
    sends: [
      {
        method: 'POST',
        url,
        body: {
          channel: 'C1',
          text: 'New order A-7',
          blocks: [{ type: 'section', text: { type: 'mrkdwn', text: '*New order* A-7' } }],
          thread_ts: '1780311600.000200',
        },
      },
    ],
    gives: { kind: 'done', output: { messageId: '1780315200.000100' } },
  },
  {
    says: 'Fails for good when Slack says so, though with status 200.',
    config: { to: 'C9', text: 'Hello!' },
    trigger,
    answers: [{ status: 200, body: { ok: false, error: 'channel_not_found' } }],
    gives: { fails: 'recipient_unknown' },
  },
  {
    says: 'Waits as long as Slack says when its limit is reached.',
    config: { to: 'C1', text: 'Hello!' },
    trigger,
    answers: [{ status: 429, headers: { 'retry-after': '30' }, body: { ok: false, error: 'ratelimited' } }],
    gives: { fails: 'rate_limited' },
  },
  {
    says: 'Fails for good when the token was revoked: the channel must be connected again.',
    config: { to: 'C1', text: 'Hello!' },
    trigger,
    answers: [{ status: 200, body: { ok: false, error: 'token_revoked' } }],
    gives: { fails: 'credentials_expired' },
  },
  { says: 'Needs a text.', config: { to: 'C1' }, gives: { refused: 'invalid_config' } },
];
