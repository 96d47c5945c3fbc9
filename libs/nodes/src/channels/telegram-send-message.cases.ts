import type { NodeCase } from '../node-cases.js';

const trigger = { kind: 'message', channelId: 'channel-1', customerId: '5001', conversationId: '5001', text: 'What does it cost?' };
const url = 'https://graph.telegram.example/bottoken-1/sendMessage';
const accepted = (id: number) => ({ status: 200, body: { ok: true, result: { message_id: id, chat: { id: 5001 } } } });

export const telegramSendMessageCases: readonly NodeCase[] = [
  {
    says: 'Writes to the chat.',
    config: { to: '{{ trigger.conversationId }}', text: 'It is {{ input.price }} EUR.' },
    trigger,
    input: { price: 42 },
    answers: [accepted(17)],
    sends: [{ method: 'POST', url, headers: { 'idempotency-key': 'key-1' }, body: { chat_id: '5001', text: 'It is 42 EUR.' } }],
    gives: { kind: 'done', handle: 'out', output: { chatId: '5001', messageId: '17' } },
  },
  {
    says: 'Answers a message, with markup and buttons.',
    config: {
      to: '5001',
      text: 'It is <b>42 EUR</b>. Do you take it?',
      parseMode: 'HTML',
      replyTo: 16,
      buttons: [
        { text: 'Yes', data: 'buy' },
        { text: 'See it', url: 'https://shop.example.com/7' },
      ],
    },
    trigger,
    answers: [accepted(17)],
    sends: [
      {
        method: 'POST',
        url,
        body: {
          chat_id: '5001',
          text: 'It is <b>42 EUR</b>. Do you take it?',
          parse_mode: 'HTML',
          reply_parameters: { message_id: 16 },
          reply_markup: {
            inline_keyboard: [[{ text: 'Yes', callback_data: 'buy' }], [{ text: 'See it', url: 'https://shop.example.com/7' }]],
          },
        },
      },
    ],
    gives: { kind: 'done', output: { chatId: '5001', messageId: '17' } },
  },
  {
    says: 'Sends what is too long for one message as several; the buttons are below the last.',
    config: { to: '5001', text: '{{ $pad("", 4096, "a") }} Well?', buttons: [{ text: 'Yes', data: 'y' }] },
    trigger,
    answers: [accepted(17), accepted(18)],
    sends: [
      { method: 'POST', url, body: { chat_id: '5001' } },
      {
        method: 'POST',
        url,
        headers: { 'idempotency-key': 'key-1-2' },
        body: { chat_id: '5001', text: 'Well?', reply_markup: { inline_keyboard: [[{ text: 'Yes', callback_data: 'y' }]] } },
      },
    ],
    gives: { kind: 'done', output: { chatId: '5001', messageId: '18', messageIds: ['17', '18'] } },
  },
  {
    says: 'Writes to a group that has become a supergroup by its new id.',
    config: { to: '-4001', text: 'Hello!' },
    trigger,
    answers: [
      {
        status: 400,
        body: {
          ok: false,
          error_code: 400,
          description: 'Bad Request: group chat was upgraded to a supergroup chat',
          parameters: { migrate_to_chat_id: -1001234 },
        },
      },
      accepted(1),
    ],
    sends: [
      { method: 'POST', url, body: { chat_id: '-4001' } },
      { method: 'POST', url, body: { chat_id: '-1001234', text: 'Hello!' } },
    ],
    gives: { kind: 'done', output: { chatId: '-1001234', messageId: '1' } },
  },
  {
    says: 'Waits as long as Telegram says when its limit is reached.',
    config: { to: '5001', text: 'Hello!' },
    trigger,
    answers: [
      {
        status: 429,
        body: { ok: false, error_code: 429, description: 'Too Many Requests: retry after 35', parameters: { retry_after: 35 } },
      },
    ],
    gives: { fails: 'rate_limited' },
  },
  {
    says: 'Fails for good when the person has blocked the bot.',
    config: { to: '5001', text: 'Hello!' },
    trigger,
    answers: [{ status: 403, body: { ok: false, error_code: 403, description: 'Forbidden: bot was blocked by the user' } }],
    gives: { fails: 'recipient_unreachable' },
  },
  {
    says: 'Does not split what is marked up.',
    config: { to: '5001', text: '{{ $pad("", 4097, "a") }}', parseMode: 'HTML' },
    trigger,
    sends: [],
    gives: { fails: 'text_too_long' },
  },
  { says: 'Needs a text.', config: { to: '5001' }, gives: { refused: 'invalid_config' } },
];
