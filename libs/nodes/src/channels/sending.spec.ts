import type { JsonObject } from '@sluice/kernel';
import type { NodeCase } from '../node-cases.js';
import { type EffectNodeType, NodeFailure, type NodeInput, type OutgoingEvent } from '../node-type.js';
import { CASE_TIME, runCase } from '../run-case.js';
import { discordSendMessage } from './discord-send-message.js';
import { instagramSendMessage } from './instagram-send-message.js';
import { lineSendMessage } from './line-send-message.js';
import { messengerSendMessage } from './messenger-send-message.js';
import { slackSendMessage } from './slack-send-message.js';
import { telegramSendMessage } from './telegram-send-message.js';
import { twilioSendSms } from './twilio-send-sms.js';
import { whatsappSendMessage } from './whatsapp-send-message.js';
import { whatsappSendTemplate } from './whatsapp-send-template.js';

const channelId = 'channel-1';
const attachment = { type: 'image', url: 'https://cdn.example.com/a.png' };
const metaAnswer = (id: string) => ({ status: 200, body: { recipient_id: '9', message_id: id } });

const run = (type: EffectNodeType, config: JsonObject, more: Partial<NodeCase> = {}) =>
  runCase(type, { says: '', config: { channelId, ...config }, gives: {}, ...more });

describe('pace', () => {
  const budgets = async (type: EffectNodeType, config: JsonObject, ...bodies: JsonObject[]) =>
    (await run(type, config, { answers: bodies.map((body) => ({ status: 200, body })) })).paced.map(
      ({ key, calls, perMs }) => `${key} ${calls}/${perMs}`,
    );
  const slack = { ok: true, ts: '1.2' };

  const rows: readonly [EffectNodeType, JsonObject, JsonObject[], string[]][] = [
    [
      instagramSendMessage,
      { to: '9', attachment, text: 'Hi' },
      [metaAnswer('1').body, metaAnswer('2').body],
      ['account/media 10/1000', 'account 100/1000'],
    ],
    [messengerSendMessage, { to: '9', text: 'Hi' }, [metaAnswer('1').body], ['account 300/1000']],
    [whatsappSendMessage, { to: '+49 1', text: 'Hi' }, [{ messages: [{ id: 'w' }] }], ['account 80/1000', 'to/491 45/270000']],
    [
      whatsappSendTemplate,
      { to: '491', name: 'a', language: 'de' },
      [{ messages: [{ id: 'w' }] }],
      ['account 80/1000', 'to/491 45/270000'],
    ],
    [telegramSendMessage, { to: '5', text: 'Hi' }, [{ ok: true, result: { message_id: 1 } }], ['account 30/1000', 'to/5 30/30000']],
    [telegramSendMessage, { to: '-5', text: 'Hi' }, [{ ok: true, result: { message_id: 1 } }], ['account 30/1000', 'to/-5 20/60000']],
    [slackSendMessage, { to: 'C1', text: `${'a'.repeat(4_000)} b` }, [slack, slack], ['to/C1 30/30000', 'to/C1 30/30000']],
    [lineSendMessage, { to: 'U1', text: 'Hi' }, [{ sentMessages: [{ id: '1' }] }], ['account 2000/1000']],
    [discordSendMessage, { to: '12', text: 'Hi' }, [{ id: '1' }], ['account 50/1000', 'to/12 5/5000']],
    [twilioSendSms, { to: '+1', from: '+2', text: 'Hi' }, [{ sid: 'SM1' }], ['account 100/1000']],
  ];
  it.each(rows.map(([type, ...row]) => [`${type.type} to ${String(row[0]['to'])}`, type, ...row] as const))(
    '%s',
    async (_name, type, config, bodies, expected) => expect(await budgets(type, config, ...bodies)).toEqual(expected),
  );

  it('sends nothing where a budget is used up', async () => {
    const putOff = new NodeFailure('put_off', 'later', { retryable: true });
    const pace = () => Promise.reject(putOff);
    const { failure, sends } = await runCase(
      slackSendMessage,
      { says: '', config: { channelId, to: 'C1', text: 'Hi' }, gives: {} },
      { pace },
    );
    expect([failure, sends]).toEqual([putOff, []]);
  });
});

describe('the reply window', () => {
  it.each([instagramSendMessage, messengerSendMessage, whatsappSendMessage])('$type: 24 hours to the millisecond', async (type) => {
    const answers = [{ status: 200, body: { recipient_id: '9', message_id: 'm', messages: [{ id: 'm' }] } }];
    const last = (ms: number) =>
      run(type, { to: '9', text: 'Hi' }, { answers, lastMessageAt: new Date(CASE_TIME.getTime() - 86_400_000 - ms).toISOString() });
    expect((await last(0)).gives).toMatchObject({ kind: 'done' });
    const { gives, sends, paced } = await last(1);
    expect({ gives, sends, paced }).toEqual({ gives: { fails: 'window_closed' }, sends: [], paced: [] });
  });
});

describe('what is too long', () => {
  it('is paced part by part', async () => {
    let left = 2;
    const pace = () => (left-- > 0 ? Promise.resolve() : Promise.reject(new NodeFailure('paced', 'Later.', { retryable: true })));
    const send = () => Promise.resolve({ status: 200, headers: {}, body: Buffer.from('{"ok":true,"ts":"1.2"}') });
    const config = { channelId, to: 'C1', text: 'a'.repeat(12_000) };
    const { failure, sends } = await runCase(slackSendMessage, { says: '', config, gives: {} }, { pace, send });
    expect(failure).toMatchObject({ code: 'partly_sent', message: 'Only 2 of 3 messages were sent: Later.' });
    expect(sends).toHaveLength(2);
  });

  it('is refused if ten messages do not hold it', async () => {
    const { failure, sends } = await run(instagramSendMessage, { to: '9', text: '{{ input }}' }, { input: 'a'.repeat(10_001) });
    expect(failure).toMatchObject({
      code: 'text_too_long',
      message: 'The text has 10001 bytes in UTF-8, Instagram takes at most 10 messages of 1000: shorten it',
    });
    expect(sends).toEqual([]);
  });

  it('is refused as it is published where it is written out', async () => {
    expect((await run(instagramSendMessage, { to: '9', text: 'ä'.repeat(5_001) })).gives).toEqual({ refused: 'invalid_config' });
  });

  it('needs true or false in `split`', async () => {
    const { failure } = await run(slackSendMessage, { to: 'C1', text: 'a'.repeat(4_001), split: '{{ "no" }}' });
    expect(failure).toMatchObject({ code: 'config_invalid' });
  });
});

describe('partly sent', () => {
  it('says what went out and what did not, and that nobody knows where that is so', async () => {
    const { failure } = await run(
      instagramSendMessage,
      { to: '9', attachment, text: 'Look!' },
      { answers: [metaAnswer('1'), { status: 502, body: '' }] },
    );
    expect(failure).toMatchObject({
      code: 'partly_sent',
      message: 'Only 1 of 2 messages were sent: Meta answered 502',
      options: { retryable: false, outcomeUnknown: true, details: { sent: [{ messageId: '1' }], reason: { code: 'http_status' } } },
    });
  });

  it('is not said of the first one', async () => {
    const { failure } = await run(instagramSendMessage, { to: '9', attachment, text: 'Look!' }, { answers: [{ status: 502, body: '' }] });
    expect(failure?.code).toBe('http_status');
  });
});

it('lets a failure of the connection through as it is', async () => {
  const lost = new NodeFailure('outbound_connection_lost', 'lost', { retryable: true, outcomeUnknown: true });
  const nodeCase: NodeCase = { says: '', config: { channelId, to: '9', text: 'Hi' }, gives: {} };
  expect((await runCase(instagramSendMessage, nodeCase, { send: () => Promise.reject(lost) })).failure).toBe(lost);
});

describe('proof', () => {
  const input = (config: JsonObject): NodeInput => ({
    config,
    input: null,
    trigger: { channelId },
    now: CASE_TIME,
    evaluate: () => undefined,
  });
  const found = (type: EffectNodeType, config: JsonObject, ...events: OutgoingEvent[]) => type.proof?.find(input(config), 'key-1', events);
  const long = `${'a'.repeat(4_096)} b`;

  it('asks about the channel and the customer that were written to', () => {
    expect(whatsappSendMessage.proof?.addressee(input({ to: '+49 (151) 1' }))).toEqual({ channelId, customerId: '491511' });
    expect(instagramSendMessage.proof?.addressee(input({ channelId: 'channel-2', to: '9' }))).toEqual({
      channelId: 'channel-2',
      customerId: '9',
    });
  });

  it.each(['status_sent', 'status_failed'])('of WhatsApp is a status with our key: %s', (kind) => {
    const config = { to: '491', text: 'Hi' };
    expect(found(whatsappSendMessage, config, { kind, messageId: 'w', reference: 'key-1' })).toEqual({ to: '491', messageId: 'w' });
    expect(found(whatsappSendMessage, config, { kind, messageId: 'w', reference: 'key-2' })).toBeUndefined();
    expect(found(whatsappSendMessage, config, { kind, reference: 'key-1' })).toBeUndefined();
    expect(found(whatsappSendMessage, config)).toBeUndefined();
  });

  it('of several messages is the last one', () => {
    const [first, second] = [
      { kind: 'status_sent', messageId: 'w1', reference: 'key-1' },
      { kind: 'status_sent', messageId: 'w2', reference: 'key-1-2' },
    ];
    const config = { to: '491', text: long };
    expect(found(whatsappSendMessage, config, second, first)).toEqual({ to: '491', messageId: 'w2', messageIds: ['w1', 'w2'] });
    expect(found(whatsappSendMessage, config, second)).toEqual({ to: '491', messageId: 'w2', messageIds: ['w2'] });
    expect(found(whatsappSendMessage, config, first)).toBeUndefined();
  });

  it('of Messenger is the echo of our metadata', () => {
    const config = { to: '9', attachment };
    expect(found(messengerSendMessage, config, { kind: 'echo', messageId: 'm', reference: 'key-1' })).toEqual({
      recipientId: '9',
      messageId: 'm',
    });
    expect(found(messengerSendMessage, config, { kind: 'echo', messageId: 'm' })).toBeUndefined();
  });

  it('of Instagram is the echo of the same text', () => {
    const config = { to: '9', text: 'Hi ' };
    expect(found(instagramSendMessage, config, { kind: 'echo', messageId: 'm', text: 'Hi' })).toEqual({ recipientId: '9', messageId: 'm' });
    expect(found(instagramSendMessage, config, { kind: 'echo', messageId: 'm', text: 'Hi!' })).toBeUndefined();
    expect(found(instagramSendMessage, config, { kind: 'unsend', messageId: 'm', text: 'Hi' })).toBeUndefined();
    expect(found(instagramSendMessage, { to: '9', attachment }, { kind: 'echo', messageId: 'm' })).toBeUndefined();
  });

  it('of Instagram: the same text twice needs two echoes', () => {
    const config = { to: '9', text: `${'a'.repeat(1_000)}\n${'a'.repeat(1_000)}` };
    const echo = (messageId: string) => ({ kind: 'echo', messageId, text: 'a'.repeat(1_000) });
    expect(found(instagramSendMessage, config, echo('1'))).toBeUndefined();
    expect(found(instagramSendMessage, config, echo('1'), echo('2'))).toMatchObject({ messageId: '2', messageIds: ['1', '2'] });
  });

  it('of what cannot be sent is none', () => {
    expect(() => found(whatsappSendMessage, { to: null, text: 'Hi' })).toThrow(NodeFailure);
  });
});

describe('LINE', () => {
  const fresh = { channelId, customerId: 'U1', receivedAt: '2026-06-01T11:59:30Z', replyToken: { keyId: 'k1', sealed: 'cg==' } };
  it.each<[string, JsonObject, JsonObject, string]>([
    ['a fresh event', {}, fresh, 'reply'],
    ['an event of 45 s', {}, { ...fresh, receivedAt: '2026-06-01T11:59:15Z' }, 'reply'],
    ['an event of 46 s', {}, { ...fresh, receivedAt: '2026-06-01T11:59:14Z' }, 'push'],
    ['another channel', {}, { ...fresh, channelId: 'channel-2' }, 'push'],
    ['somebody else', { to: 'U2' }, fresh, 'push'],
    ['the group of the event', { to: 'C1' }, { ...fresh, conversationId: 'C1' }, 'reply'],
    ['the person in a group', {}, { ...fresh, conversationId: 'C1' }, 'push'],
    ['no token', {}, { ...fresh, replyToken: null }, 'push'],
    ['no replies', { reply: false }, fresh, 'push'],
  ])('%s', async (_what, config, trigger, path) => {
    const answers = [{ status: 200, body: { sentMessages: [{ id: '1' }] } }];
    const { sends } = await run(lineSendMessage, { to: 'U1', text: 'Hi', ...config }, { trigger, answers });
    expect(sends.map(({ url }) => url.split('/').at(-1))).toEqual([path]);
    // Where no retry keys are taken, one is refused.
    expect('x-line-retry-key' in (sends[0]?.headers ?? {})).toBe(path === 'push');
  });

  it('names the request that was accepted if the messages are not told again', async () => {
    const answers = [
      { status: 409, headers: { 'x-line-accepted-request-id': 'request-1' }, body: { message: 'The retry key is already accepted' } },
    ];
    expect((await run(lineSendMessage, { to: 'U1', text: 'Hi' }, { answers })).gives).toMatchObject({ output: { messageId: 'request-1' } });
  });
});

it('Discord: each part has a nonce of its own, of at most 25 characters, the same on every attempt', async () => {
  const answers = [
    { status: 200, body: { id: '1' } },
    { status: 200, body: { id: '2' } },
  ];
  const nonces = async () =>
    (await run(discordSendMessage, { to: '12', text: `${'a'.repeat(2_000)} b` }, { answers })).sends.map(
      (request): unknown => JSON.parse(String(request.body)).nonce,
    );
  const first = await nonces();
  expect(new Set(first).size).toBe(2);
  expect(first.every((nonce) => typeof nonce === 'string' && nonce.length <= 25)).toBe(true);
  expect(await nonces()).toEqual(first);
});

it('Twilio: an API key stands in place of the account', async () => {
  const send = () => Promise.resolve({ status: 201, headers: {}, body: Buffer.from('{"sid":"SM1"}') });
  const nodeCase: NodeCase = { says: '', config: { channelId, to: '+1', from: '+2', text: 'Hi' }, gives: {} };
  const { sends } = await runCase(twilioSendSms, nodeCase, { send, accessToken: 'SK1:secret' });
  expect(sends[0]?.headers['authorization']).toBe(`Basic ${Buffer.from('SK1:secret').toString('base64')}`);
});
