import type { Json, JsonObject } from '@sluice/kernel';
import { type ApiProvider, type ProviderApis, startProviderApis } from './provider-apis.js';

let apis: ProviderApis;
beforeEach(async () => {
  apis = await startProviderApis();
});
afterEach(() => apis.stop());

interface Call {
  readonly provider: ApiProvider;
  readonly path: string;
  readonly body: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
}

async function call({ provider, path, body, headers = { authorization: 'Bearer token' }, method = 'POST' }: Call) {
  const isForm = provider === 'twilio';
  const answer = await fetch(`${apis.urlOf(provider)}${path}`, {
    method,
    headers: { 'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json', connection: 'close', ...headers },
    body: isForm
      ? new URLSearchParams(Object.entries(body).map(([name, value]): [string, string] => [name, String(value)]))
      : JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Json, headers: answer.headers };
}

const messages = '/v23.0/17841/messages';
const to = { recipient: { id: '9' } };
const instagram: Call = { provider: 'instagram', path: '/v23.0/me/messages', body: { ...to, message: { text: 'Hi' } } };
const messenger: Call = { provider: 'messenger', path: messages, body: { ...to, messaging_type: 'RESPONSE', message: { text: 'Hi' } } };
const text = { messaging_product: 'whatsapp', to: '491', type: 'text', text: { body: 'Hi' } };
const whatsapp: Call = { provider: 'whatsapp', path: messages, body: text };
const telegram: Call = { provider: 'telegram', path: '/bot7:AAF/sendMessage', body: { chat_id: '5', text: 'Hi' } };
const slack: Call = { provider: 'slack', path: '/chat.postMessage', body: { channel: 'C1', text: 'Hi' } };
const push: Call = { provider: 'line', path: '/v2/bot/message/push', body: { to: 'U1', messages: [{ type: 'text', text: 'Hi' }] } };
const reply: Call = { ...push, path: '/v2/bot/message/reply', body: { replyToken: 'r', messages: [{ type: 'text', text: 'Hi' }] } };
const discord: Call = {
  provider: 'discord',
  path: '/channels/12/messages',
  body: { content: 'Hi' },
  headers: { authorization: 'Bot token' },
};
const basic = `Basic ${Buffer.from('AC1:token').toString('base64')}`;
const sms = { To: '+4915112345678', From: '+15005550006', Body: 'Hi' };
const twilio: Call = { provider: 'twilio', path: '/2010-04-01/Accounts/AC1/Messages.json', body: sms, headers: { authorization: basic } };
const retryKey = '123e4567-e89b-12d3-a456-426614174000';
const keyed = (one: Call): Call => ({ ...one, headers: { authorization: 'Bearer token', 'x-line-retry-key': retryKey } });
const noHeaders = { authorization: '' };

it.each([instagram, messenger, whatsapp, telegram, slack, push, reply, discord, twilio])('$provider takes $path', async (one) => {
  expect((await call(one)).status).toBe(one.provider === 'twilio' ? 201 : 200);
  expect(apis.delivered({ provider: one.provider, text: 'Hi' })).toHaveLength(1);
});

const graph = (code: number, subcode?: number) => ({ error: { code, ...(subcode !== undefined && { error_subcode: subcode }) } });

it.each<[string, Call, number, Json]>([
  ['Instagram: no token', { ...instagram, headers: noHeaders }, 401, graph(190)],
  ['Instagram: no such thing', { ...instagram, path: '/v23.0/me/comments' }, 400, graph(100)],
  ['Instagram: nobody', { ...instagram, body: { message: { text: 'Hi' } } }, 400, graph(100)],
  ['Instagram: nothing', { ...instagram, body: { ...to, message: {} } }, 400, graph(100)],
  ['Instagram: a byte too long', { ...instagram, body: { ...to, message: { text: `${'ä'.repeat(500)}a` } } }, 400, graph(100)],
  ['Messenger: no reason', { ...messenger, body: { ...to, message: { text: 'Hi' } } }, 400, graph(100)],
  [
    'Messenger: too long',
    { ...messenger, body: { ...to, messaging_type: 'RESPONSE', message: { text: 'a'.repeat(2_001) } } },
    400,
    graph(100),
  ],
  ['Messenger: GET', { ...messenger, path: '/v23.0/17841' }, 400, graph(100, 33)],
  ['WhatsApp: another product', { ...whatsapp, body: { ...text, messaging_product: 'x' } }, 400, graph(100)],
  ['WhatsApp: two recipients', { ...whatsapp, body: { ...text, recipient: 'BR.1' } }, 400, graph(100)],
  ['WhatsApp: too long', { ...whatsapp, body: { ...text, text: { body: 'a'.repeat(4_097) } } }, 400, graph(100)],
  ['WhatsApp: a link and an id', { ...whatsapp, body: { ...text, type: 'image', image: { link: 'x', id: 'y' } } }, 400, graph(100)],
  ['WhatsApp: no language', { ...whatsapp, body: { ...text, type: 'template', template: { name: 'a' } } }, 400, graph(100)],
  ['Telegram: no bot', { ...telegram, path: '/bottoken/sendMessage' }, 404, { ok: false, error_code: 404, description: 'Not Found' }],
  [
    'Telegram: too long',
    { ...telegram, body: { chat_id: 5, text: 'a'.repeat(4_097) } },
    400,
    { description: 'Bad Request: message is too long' },
  ],
  ['Telegram: nothing', { ...telegram, body: { chat_id: 5, text: ' ' } }, 400, { description: 'Bad Request: message text is empty' }],
  ['Slack: no token', { ...slack, headers: noHeaders }, 200, { ok: false, error: 'not_authed' }],
  ['Slack: nothing', { ...slack, body: { channel: 'C1' } }, 200, { ok: false, error: 'no_text' }],
  ['LINE: no token', { ...push, headers: noHeaders }, 401, {}],
  [
    'LINE: six messages',
    { ...push, body: { to: 'U1', messages: Array.from({ length: 6 }, () => ({ type: 'text', text: 'Hi' })) } },
    400,
    {},
  ],
  ['LINE: a retry key that is none', { ...push, headers: { authorization: 'Bearer token', 'x-line-retry-key': 'key' } }, 400, {}],
  ['LINE: a retry key where none is taken', keyed(reply), 400, {}],
  ['Discord: not as a bot', { ...discord, headers: { authorization: 'Bearer token' } }, 401, { code: 0 }],
  ['Discord: too long', { ...discord, body: { content: 'a'.repeat(2_001) } }, 400, { code: 50035 }],
  ['Discord: nothing', { ...discord, body: {} }, 400, { code: 50006 }],
  ['Twilio: another account', { ...twilio, path: '/2010-04-01/Accounts/AC2/Messages.json' }, 401, { code: 20003 }],
  ['Twilio: no number', { ...twilio, body: { ...sms, To: '123' } }, 400, { code: 21211 }],
  ['Twilio: from nobody', { ...twilio, body: { ...sms, From: '' } }, 400, { code: 21603 }],
  ['Twilio: nothing', { ...twilio, body: { ...sms, Body: '' } }, 400, { code: 21602 }],
  ['Twilio: too long', { ...twilio, body: { ...sms, Body: 'a'.repeat(1_601) } }, 400, { code: 21617 }],
])('refuses as the real one does: %s', async (_what, one, status, body) => {
  const answer = await call(one);
  expect(answer).toMatchObject({ status, body });
  expect(apis.delivered()).toEqual([]);
});

it('LINE does once what has a retry key, and says so', async () => {
  const [first, second] = [await call(keyed(push)), await call(keyed(push))];
  expect([first.status, second.status]).toEqual([200, 409]);
  expect(second.body).toMatchObject({ message: 'The retry key is already accepted', ...(first.body as JsonObject) });
  expect(second.headers.get('x-line-accepted-request-id')).toContain(retryKey);
  expect(apis.delivered()).toHaveLength(1);
});

it('LINE takes a reply token once', async () => {
  expect([(await call(reply)).status, (await call(reply)).body]).toEqual([200, { message: 'Invalid reply token' }]);
});

it('Discord knows a nonce again only where it is told to', async () => {
  const nonce = (enforce: boolean): Call => ({ ...discord, body: { content: 'Hi', nonce: 'n', enforce_nonce: enforce } });
  const [first, second] = [await call(nonce(true)), await call(nonce(true))];
  expect(second.body).toEqual(first.body);
  await call(nonce(false));
  expect(apis.delivered()).toHaveLength(2);
});

it('Instagram takes one private reply for a comment', async () => {
  const privately: Call = { ...instagram, body: { recipient: { comment_id: '17' }, message: { text: 'Hi' } } };
  expect([(await call(privately)).status, (await call(privately)).body]).toMatchObject([200, graph(10900)]);
});

it('keeps the limits of each recipient, and counts what is over them', async () => {
  const answers = [];
  for (let count = 0; count < 6; count += 1) answers.push((await call(discord)).status);
  expect(answers).toEqual([200, 200, 200, 200, 200, 429]);
  expect((await call({ ...discord, path: '/channels/13/messages' })).status).toBe(200);
  expect([apis.calls('discord'), apis.refusedByLimits('discord'), apis.delivered({ to: '12' }).length]).toEqual([7, 1, 5]);
});

it('does what it is told next, once each, and then as always', async () => {
  apis.next('slack', 'rate_limited', 'lost', { status: 502, body: 'down' });
  const limited = await call(slack);
  expect([limited.status, limited.headers.get('retry-after'), limited.body]).toEqual([429, '1', { ok: false, error: 'ratelimited' }]);
  await expect(call(slack)).rejects.toThrow();
  expect(apis.delivered()).toHaveLength(1);
  expect(await call(slack)).toMatchObject({ status: 502, body: 'down' });
  expect((await call(slack)).status).toBe(200);
});

it('names what a worker needs to send here', () => {
  expect(apis.env).toMatchObject({ INSTAGRAM_API_URL: `http://${apis.host}/instagram`, TWILIO_API_URL: `http://${apis.host}/twilio` });
  expect(Object.keys(apis.env)).toHaveLength(8);
});

it('Slack gives a pair of tokens for a refresh token, once', async () => {
  const body = { grant_type: 'refresh_token', refresh_token: 'r', client_id: '1.2', client_secret: 's' };
  const one: Call = { provider: 'slack', path: '/oauth.v2.access', body, headers: {} };
  expect((await call(one)).body).toMatchObject({ ok: true, access_token: 'xoxe.xoxb-r', refresh_token: 'r-next', expires_in: 43_200 });
  expect((await call(one)).body).toEqual({ ok: false, error: 'invalid_refresh_token' });
  expect((await call({ ...one, body: { ...body, client_secret: '' } })).body).toEqual({ ok: false, error: 'bad_client_secret' });
  expect(apis.delivered()).toEqual([]);
});
