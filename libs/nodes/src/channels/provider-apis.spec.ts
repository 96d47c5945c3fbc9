import type { Json, JsonObject } from '@sluice/kernel';
import { type ApiProvider, type ApiTrouble, type ProviderApis, startProviderApis } from '@sluice/testing';
import { catalogue } from '../catalogue.js';
import { type EffectNodeType, type EffectTools, NodeFailure, type OutboundRequest } from '../node-type.js';
import { CASE_TIME, type CaseResult, runCase } from '../run-case.js';

/** How each node that sends is tried against the stubs of the providers' APIs. */
interface Tried {
  readonly type: string;
  readonly accessToken: string;
  readonly config: JsonObject;
  readonly trigger?: JsonObject;
  /** Whom the stub delivers to, and what */
  readonly to: string;
  readonly text?: string;
  readonly troubles: readonly ApiTrouble[];
  /** What becomes of a second attempt whose first one arrived, and its answer did not: `once`, or why it fails, or it arrives `twice` */
  readonly again: 'once' | 'twice' | string;
}

const everyTrouble: readonly ApiTrouble[] = ['rate_limited', 'recipient_unreachable', 'credentials_expired', 'provider_unavailable'];
const metaTroubles: readonly ApiTrouble[] = [...everyTrouble, 'window_closed', 'recipient_unknown'];
const whatsappTroubles: readonly ApiTrouble[] = [...everyTrouble, 'window_closed'];
const receivedAt = new Date(CASE_TIME.getTime() - 1_000).toISOString();
/** As `runCase` opens it */
const sealed = (token: string) => ({ keyId: 'k1', sealed: Buffer.from(token).toString('base64') });
const whatsapp = { accessToken: 'EAAG-token', to: '4915112345678', troubles: whatsappTroubles, again: 'twice' };

const tried: readonly Tried[] = [
  {
    type: 'instagram.sendMessage',
    accessToken: 'IGAA-token',
    config: { to: '9001', text: 'Hi' },
    to: '9001',
    troubles: metaTroubles,
    again: 'twice',
  },
  {
    type: 'instagram.privateReply',
    accessToken: 'IGAA-token',
    config: { commentId: '1785', text: 'Hi' },
    to: '1785',
    troubles: metaTroubles,
    again: 'already_replied',
  },
  {
    type: 'instagram.replyToComment',
    accessToken: 'IGAA-token',
    config: { commentId: '1786', text: 'Hi' },
    to: '1786',
    troubles: metaTroubles,
    again: 'twice',
  },
  {
    type: 'messenger.sendMessage',
    accessToken: 'EAAB-token',
    config: { to: '24001', text: 'Hi' },
    to: '24001',
    troubles: metaTroubles,
    again: 'twice',
  },
  { ...whatsapp, type: 'whatsapp.sendMessage', config: { to: '+49 151 12345678', text: 'Hi' } },
  { ...whatsapp, type: 'whatsapp.sendTemplate', config: { to: '4915112345678', name: 'sent', language: 'de' }, text: 'sent' },
  {
    ...whatsapp,
    type: 'whatsapp.sendMedia',
    config: { to: '4915112345678', type: 'image', link: 'https://cdn.example.com/a.png' },
    text: 'https://cdn.example.com/a.png',
  },
  {
    type: 'telegram.sendMessage',
    accessToken: '7012345678:AAF-token_1',
    config: { to: '5001', text: 'Hi' },
    to: '5001',
    troubles: [...everyTrouble, 'recipient_unknown'],
    again: 'twice',
  },
  {
    type: 'slack.sendMessage',
    accessToken: 'xoxb-token',
    config: { to: 'C1', text: 'Hi' },
    to: 'C1',
    troubles: [...everyTrouble, 'recipient_unknown'],
    again: 'twice',
  },
  {
    type: 'line.sendMessage',
    accessToken: 'line-token',
    config: { to: 'U1', text: 'Hi' },
    to: 'U1',
    troubles: ['rate_limited', 'credentials_expired', 'provider_unavailable'],
    again: 'once',
  },
  {
    type: 'discord.sendMessage',
    accessToken: 'discord-token',
    config: { to: '1200', text: 'Hi' },
    to: '1200',
    troubles: [...everyTrouble, 'recipient_unknown'],
    again: 'once',
  },
  {
    type: 'discord.respond',
    accessToken: 'interaction-1',
    config: { text: 'Hi' },
    trigger: { provider: 'discord', channelId: 'channel-1', accountId: '1100', receivedAt, replyToken: sealed('interaction-1') },
    to: 'interaction-1',
    troubles: ['rate_limited', 'provider_unavailable', 'window_closed'],
    again: 'once',
  },
  {
    type: 'twilio.sendSms',
    accessToken: 'twilio-token',
    config: { to: '+4915112345678', from: '+15005550006', text: 'Hi' },
    to: '+4915112345678',
    troubles: [...everyTrouble, 'window_closed', 'recipient_unknown'],
    again: 'twice',
  },
];

let apis: ProviderApis;
beforeEach(async () => {
  apis = await startProviderApis();
});
afterEach(() => apis.stop());

/** As the worker's client does it, without its guard. */
const send: EffectTools['send'] = async ({ method, url, headers, body }: OutboundRequest) => {
  const answer = await fetch(url, {
    method,
    headers: { ...headers, connection: 'close' },
    ...(body !== undefined && { body: String(body) }),
  }).catch(() => {
    throw new NodeFailure('outbound_connection_lost', 'lost', { retryable: true, outcomeUnknown: true });
  });
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: Buffer.from(await answer.arrayBuffer()) };
};

const isProvider = (name: string): name is ApiProvider => `${name.toUpperCase()}_API_URL` in apis.env;
function apiOf(name: string): ApiProvider {
  if (!isProvider(name)) throw new Error(`There is no stub of ${name}.`);
  return name;
}
const providerOf = ({ type }: Tried) => apiOf(type.split('.', 1)[0] ?? '');

function typeOf({ type }: Tried): EffectNodeType {
  const found = catalogue.get(type);
  if (found?.kind !== 'effect') throw new Error(`${type} sends nothing.`);
  return found;
}

function attempt(one: Tried, config: JsonObject = one.config, idempotencyKey = 'key-1'): Promise<CaseResult> {
  const trigger = one.trigger ?? { channelId: 'channel-1' };
  const { accessToken } = one;
  return runCase(
    typeOf(one),
    { says: '', config, trigger, gives: {} },
    { send, providerApi: (name) => apis.urlOf(apiOf(name)), idempotencyKey, accessToken },
  );
}

it('every node of a channel is tried', () => {
  const sending = [...catalogue.values()].filter(({ kind }) => kind === 'effect').map(({ type }) => type);
  const channels = sending.filter((type) => !/^(http|state|flow)\./.test(type));
  expect(tried.map(({ type }) => type).toSorted()).toEqual(channels.toSorted());
});

describe.each(tried.map((one) => [one.type, one] as const))('%s', (_type, one) => {
  it('arrives once, and knows by which name', async () => {
    const { gives } = await attempt(one);
    const arrived = apis.delivered();
    expect(arrived).toMatchObject([{ provider: providerOf(one), to: one.to, text: one.text ?? 'Hi' }]);
    expect(gives).toMatchObject({ kind: 'done', handle: 'out', output: { messageId: arrived[0]?.messageId } });
  });

  it.each(one.troubles)('understands the real answer: %s', async (trouble) => {
    apis.next(providerOf(one), trouble);
    const { failure } = await attempt(one);
    expect(failure).toMatchObject({
      code: trouble,
      options: { retryable: trouble === 'rate_limited' || trouble === 'provider_unavailable' },
    });
    if (trouble === 'rate_limited') expect(failure?.options.retryAfterMs).toBeGreaterThan(0);
    expect(JSON.stringify([failure?.message, failure?.options])).not.toContain(one.accessToken);
    expect(apis.delivered()).toEqual([]);
  });

  it('finds out that its token is dead', async () => {
    apis.revoke(one.accessToken);
    const { failure } = await attempt(one);
    expect(failure?.code).toBe(one.type === 'discord.respond' ? 'window_closed' : 'credentials_expired');
    expect(JSON.stringify([failure?.message, failure?.options])).not.toContain(one.accessToken);
  });

  it(`after an answer that was lost: ${one.again}`, async () => {
    apis.next(providerOf(one), 'lost');
    expect((await attempt(one)).failure).toMatchObject({ options: { outcomeUnknown: true } });
    expect(apis.delivered()).toHaveLength(1);

    const { gives } = await attempt(one);
    const arrived = apis.delivered();
    expect(arrived).toHaveLength(one.again === 'twice' ? 2 : 1);
    if (one.again === 'once' || one.again === 'twice') expect(gives).toMatchObject({ output: { messageId: arrived.at(-1)?.messageId } });
    else expect(gives).toEqual({ fails: one.again });
  });

  it('finds in what its provider tells of it that it arrived', async () => {
    const { proof } = typeOf(one);
    apis.next(providerOf(one), 'lost');
    await attempt(one);
    const told = apis
      .delivered()
      .map(({ text, messageId, reference }) => ({ kind: 'echo', text, messageId, ...(reference !== undefined && { reference }) }));
    const input = { config: one.config, input: null, trigger: {}, now: CASE_TIME, evaluate: () => undefined };
    const output: Json | undefined = proof?.find(input, 'key-1', told);
    const isAsked = typeOf(one).effect === 'verify';
    expect([proof !== undefined, output !== undefined]).toEqual([isAsked, isAsked]);
    if (isAsked) expect(output).toMatchObject({ messageId: told[0]?.messageId });
  });
});

const named = (type: string): Tried => {
  const one = tried.find((each) => each.type === type);
  if (!one) throw new Error(`${type} is not tried.`);
  return one;
};

it.each([
  ['instagram.sendMessage', 'ä'.repeat(700), 2],
  ['messenger.sendMessage', 'a'.repeat(2_001), 2],
  ['whatsapp.sendMessage', `${'a'.repeat(4_000)} ${'b'.repeat(4_000)}`, 2],
  ['telegram.sendMessage', '👋'.repeat(2_049), 2],
  ['slack.sendMessage', 'a'.repeat(8_001), 3],
  ['line.sendMessage', 'a'.repeat(5_001), 2],
  ['discord.sendMessage', 'a'.repeat(2_001), 2],
  ['twilio.sendSms', 'a'.repeat(1_601), 2],
])('%s: a long text arrives in parts that its provider takes', async (type, text, count) => {
  const one = named(type);
  const { gives } = await attempt(one, { ...one.config, text });
  const arrived = apis.delivered({ to: one.to });
  expect(arrived.map((part) => part.text).join('')).toBe(text.replace(/\s/, ''));
  expect(gives).toMatchObject({ output: { messageId: arrived.at(-1)?.messageId, messageIds: arrived.map(({ messageId }) => messageId) } });
  expect(arrived).toHaveLength(count);
});

it('who writes too much is sent away, and others are not', async () => {
  const one = named('discord.sendMessage');
  for (const key of ['1', '2', '3', '4', '5']) expect((await attempt(one, one.config, key)).gives).toMatchObject({ kind: 'done' });
  expect((await attempt(one, one.config, '6')).failure).toMatchObject({ code: 'rate_limited', options: { retryAfterMs: 650 } });
  expect((await attempt(one, { ...one.config, to: '1201' }, '7')).gives).toMatchObject({ kind: 'done' });
  expect([apis.calls('discord'), apis.refusedByLimits('discord'), apis.delivered().length]).toEqual([7, 1, 6]);
});

it('a recipient can be out of reach for a while', async () => {
  const one = named('slack.sendMessage');
  apis.refuse('C1', 'recipient_unreachable');
  expect((await attempt(one)).gives).toEqual({ fails: 'recipient_unreachable' });
  apis.refuse('C1', undefined);
  expect((await attempt(one)).gives).toMatchObject({ kind: 'done' });
});

it('LINE: a reply costs its token, and what follows is pushed', async () => {
  const one = {
    ...named('line.sendMessage'),
    trigger: { channelId: 'channel-1', customerId: 'U1', receivedAt, replyToken: sealed('reply-1') },
  };
  await attempt(one);
  await attempt(one, one.config, 'key-2');
  expect(apis.delivered().map(({ to }) => to)).toEqual(['reply reply-1', 'U1']);
});

it('Discord: a second answer takes the place of the first', async () => {
  const one = named('discord.respond');
  await attempt(one);
  await attempt(one, { text: 'Done' }, 'key-2');
  expect(apis.delivered().map(({ text }) => text)).toEqual(['Done']);
});

it('an answer can be made up', async () => {
  apis.next('slack', { status: 200, body: { ok: false, error: 'msg_too_long' } });
  expect((await attempt(named('slack.sendMessage'))).gives).toEqual({ fails: 'text_too_long' });
});
