import type { NodeCase } from '../node-cases.js';

const trigger = { kind: 'command', provider: 'discord', channelId: 'channel-1', customerId: '8', conversationId: '1200000000000000001' };
const url = 'https://graph.discord.example/channels/1200000000000000001/messages';
const accepted = { status: 200, body: { id: '1300000000000000001', channel_id: '1200000000000000001' } };

export const discordSendMessageCases: readonly NodeCase[] = [
  {
    says: 'Writes to the channel, with a nonce by which Discord knows a repeat.',
    config: { to: '{{ trigger.conversationId }}', text: 'Order {{ input.orderId }} is on its way.' },
    trigger,
    input: { orderId: 'A-7' },
    answers: [accepted],
    sends: [
      {
        method: 'POST',
        url,
        headers: { authorization: 'Bot token-1', 'idempotency-key': 'key-1' },
        body: { content: 'Order A-7 is on its way.', enforce_nonce: true, allowed_mentions: { parse: ['users'] } },
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { to: '1200000000000000001', messageId: '1300000000000000001' } },
  },
  {
    says: 'Answers a message, also if that is gone.',
    config: { to: '1200000000000000001', text: 'Yes.', replyTo: '1290000000000000001' },
    trigger,
    answers: [accepted],
    sends: [{ method: 'POST', url, body: { message_reference: { message_id: '1290000000000000001', fail_if_not_exists: false } } }],
    gives: { kind: 'done', output: { messageId: '1300000000000000001' } },
  },
  {
    says: 'Waits as long as Discord says when its limit is reached.',
    config: { to: '1200000000000000001', text: 'Hello!' },
    trigger,
    answers: [{ status: 429, body: { message: 'You are being rate limited.', retry_after: 0.65, global: false } }],
    gives: { fails: 'rate_limited' },
  },
  {
    says: 'Fails for good when the bot may not write there.',
    config: { to: '1200000000000000001', text: 'Hello!' },
    trigger,
    answers: [{ status: 403, body: { message: 'Missing Permissions', code: 50013 } }],
    gives: { fails: 'permission_missing' },
  },
  { says: 'Needs to know the channel.', config: { text: 'Hello!' }, gives: { refused: 'invalid_config' } },
];
