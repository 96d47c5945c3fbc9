import type { NodeCase } from '../node-cases.js';

const trigger = { kind: 'message', channelId: 'channel-1', customerId: '+4915112345678', text: 'What does it cost?' };
const url = 'https://graph.twilio.example/2010-04-01/Accounts/17841/Messages.json';
const accepted = (sid: string) => ({ status: 201, body: { sid, status: 'queued' } });

export const twilioSendSmsCases: readonly NodeCase[] = [
  {
    says: 'Sends a text message.',
    config: { to: '{{ trigger.customerId }}', from: '+15005550006', text: 'It is {{ input.price }} EUR.' },
    trigger,
    input: { price: 42 },
    answers: [accepted('SM1')],
    sends: [
      {
        method: 'POST',
        url,
        headers: { authorization: 'Basic MTc4NDE6dG9rZW4tMQ==', 'idempotency-key': 'key-1' },
        body: 'To=%2B4915112345678&From=%2B15005550006&Body=It+is+42+EUR.',
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { to: '+4915112345678', messageId: 'SM1' } },
  },
  {
    says: 'Sends a picture by a messaging service, which chooses the number.',
    config: {
      to: '+4915112345678',
      messagingServiceSid: 'MG1',
      text: 'Our menu.',
      mediaUrl: 'https://cdn.example.com/menu.png',
    },
    trigger,
    answers: [accepted('MM1')],
    sends: [
      {
        method: 'POST',
        url,
        body: 'To=%2B4915112345678&MessagingServiceSid=MG1&Body=Our+menu.&MediaUrl=https%3A%2F%2Fcdn.example.com%2Fmenu.png',
      },
    ],
    gives: { kind: 'done', output: { messageId: 'MM1' } },
  },
  {
    says: "Sends from the number in the channel's config.",
    config: { to: '+4915112345678', text: 'Hello!' },
    channelConfig: { from: '+15005550009' },
    trigger,
    answers: [accepted('SM1')],
    sends: [{ method: 'POST', url, body: 'To=%2B4915112345678&From=%2B15005550009&Body=Hello%21' }],
    gives: { kind: 'done', output: { messageId: 'SM1' } },
  },
  {
    says: 'Fails when there is no number to send from.',
    config: { to: '+4915112345678', text: 'Hello!' },
    trigger,
    sends: [],
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Fails for good when the person has opted out.',
    config: { to: '+4915112345678', from: '+15005550006', text: 'Hello!' },
    trigger,
    answers: [
      {
        status: 400,
        body: {
          code: 21610,
          message: 'Attempt to send to unsubscribed recipient',
          more_info: 'https://www.twilio.com/docs/errors/21610',
          status: 400,
        },
      },
    ],
    gives: { fails: 'recipient_unreachable' },
  },
  {
    says: 'Takes a number or a service, not both.',
    config: { to: '+4915112345678', text: 'Hello!', from: '+1', messagingServiceSid: 'MG1' },
    gives: { refused: 'invalid_config' },
  },
];
