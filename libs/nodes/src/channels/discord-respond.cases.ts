import type { NodeCase } from '../node-cases.js';

const trigger = {
  kind: 'command',
  provider: 'discord',
  channelId: 'channel-1',
  accountId: '1100000000000000001',
  receivedAt: '2026-06-01T11:59:58.000Z',
  replyToken: { keyId: 'k1', sealed: 'aW50ZXJhY3Rpb24tMQ==' },
};
const url = 'https://graph.discord.example/webhooks/1100000000000000001/interaction-1/messages/@original';
const accepted = { status: 200, body: { id: '1300000000000000001' } };

export const discordRespondCases: readonly NodeCase[] = [
  {
    says: 'Answers the command that started the run.',
    config: { text: 'Order {{ input.orderId }} is on its way.' },
    trigger,
    input: { orderId: 'A-7' },
    answers: [accepted],
    sends: [{ method: 'PATCH', url, body: { content: 'Order A-7 is on its way.', allowed_mentions: { parse: ['users'] } } }],
    gives: { kind: 'done', handle: 'out', output: { messageId: '1300000000000000001' } },
  },
  {
    says: 'Answers the button for which the run waited.',
    config: { event: '{{ input }}', text: 'Done.' },
    trigger: { ...trigger, receivedAt: '2026-06-01T11:20:00.000Z' },
    input: { ...trigger, kind: 'component', payload: 'yes' },
    answers: [accepted],
    sends: [{ method: 'PATCH', url, body: { content: 'Done.' } }],
    gives: { kind: 'done', output: { messageId: '1300000000000000001' } },
  },
  {
    says: 'Sends nothing when 15 minutes have passed.',
    config: { text: 'Done.' },
    trigger: { ...trigger, receivedAt: '2026-06-01T11:44:00.000Z' },
    sends: [],
    gives: { fails: 'window_closed' },
  },
  {
    says: 'Sends nothing when the token does not open any more.',
    config: { text: 'Done.' },
    trigger: { kind: 'command', provider: 'discord', accountId: '1100000000000000001', receivedAt: '2026-06-01T11:59:58.000Z' },
    sends: [],
    gives: { fails: 'window_closed' },
  },
  {
    says: 'Fails when no interaction started the run.',
    config: { text: 'Done.' },
    trigger: { kind: 'message', provider: 'slack', accountId: 'T1' },
    sends: [],
    gives: { fails: 'config_invalid' },
  },
];
