import type { NodeCase } from '../node-cases.js';

const trigger = {
  kind: 'message',
  channelId: 'channel-1',
  customerId: 'U1',
  text: 'What does it cost?',
  receivedAt: '2026-06-01T11:59:50.000Z',
  replyToken: { keyId: 'k1', sealed: 'cmVwbHktMQ==' },
};
const api = 'https://graph.line.example/v2/bot/message';
const accepted = { status: 200, body: { sentMessages: [{ id: '461230966842064897', quoteToken: 'q' }] } };
const retryKey = '9e650507-4524-5481-be33-d8461894dfdd';

export const lineSendMessageCases: readonly NodeCase[] = [
  {
    says: 'Answers the event that has just started the run, which costs nothing.',
    config: { to: '{{ trigger.customerId }}', text: 'It is {{ input.price }} EUR.' },
    trigger,
    input: { price: 42 },
    answers: [accepted],
    sends: [
      {
        method: 'POST',
        url: `${api}/reply`,
        headers: { authorization: 'Bearer token-1' },
        body: { replyToken: 'reply-1', messages: [{ type: 'text', text: 'It is 42 EUR.' }] },
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { to: 'U1', messageId: '461230966842064897' } },
  },
  {
    says: 'Pushes, with a retry key, when the event is too old to be answered.',
    config: { to: 'U1', text: 'It is 42 EUR.' },
    trigger: { ...trigger, receivedAt: '2026-06-01T11:58:00.000Z' },
    answers: [accepted],
    sends: [
      {
        method: 'POST',
        url: `${api}/push`,
        headers: { authorization: 'Bearer token-1', 'x-line-retry-key': retryKey },
        body: { to: 'U1', messages: [{ type: 'text', text: 'It is 42 EUR.' }] },
      },
    ],
    gives: { kind: 'done', output: { to: 'U1', messageId: '461230966842064897' } },
  },
  {
    says: "Pushes when the event's token does not open any more.",
    config: { to: 'U1', text: 'It is 42 EUR.' },
    trigger: { kind: 'message', channelId: 'channel-1', customerId: 'U1', receivedAt: '2026-06-01T11:59:50.000Z' },
    answers: [accepted],
    sends: [{ method: 'POST', url: `${api}/push` }],
    gives: { kind: 'done', output: { messageId: '461230966842064897' } },
  },
  {
    says: 'Pushes when the event has been answered already.',
    config: { to: 'U1', text: 'And one thing more.' },
    trigger,
    answers: [{ status: 400, body: { message: 'Invalid reply token' } }, accepted],
    sends: [
      { method: 'POST', url: `${api}/reply` },
      { method: 'POST', url: `${api}/push` },
    ],
    gives: { kind: 'done', output: { messageId: '461230966842064897' } },
  },
  {
    says: 'Is done when an earlier attempt was accepted, though its answer was lost.',
    config: { to: 'U1', text: 'It is 42 EUR.', reply: false },
    trigger,
    answers: [
      {
        status: 409,
        headers: { 'x-line-accepted-request-id': 'request-1' },
        body: { message: 'The retry key is already accepted', sentMessages: [{ id: '461230966842064897' }] },
      },
    ],
    sends: [{ method: 'POST', url: `${api}/push`, headers: { 'x-line-retry-key': retryKey } }],
    gives: { kind: 'done', output: { to: 'U1', messageId: '461230966842064897' } },
  },
  {
    says: 'Sends what is too long for one message as several, in one call.',
    config: { to: 'U2', text: '{{ $pad("", 5000, "a") }} Hello!' },
    trigger,
    answers: [{ status: 200, body: { sentMessages: [{ id: '1' }, { id: '2' }] } }],
    gives: { kind: 'done', output: { to: 'U2', messageId: '2', messageIds: ['1', '2'] } },
  },
  {
    says: "Fails for good when the month's messages are used up.",
    config: { to: 'U2', text: 'Hello!' },
    trigger,
    answers: [{ status: 429, body: { message: 'You have reached your monthly limit.' } }],
    gives: { fails: 'quota_exhausted' },
  },
  { says: 'Needs a text.', config: { to: 'U1' }, gives: { refused: 'invalid_config' } },
];
