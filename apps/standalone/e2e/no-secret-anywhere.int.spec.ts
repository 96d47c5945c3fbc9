import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect as connectTo, type Socket } from 'node:net';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { type Redis, startRedis } from '@sluice/platform-local-servers';
import {
  eventually,
  metaJson,
  type Postgrest,
  type Services,
  signInstagram,
  startPostgrest,
  startServices,
  type TestDatabase,
  testDatabase,
  testFolder,
} from '@sluice/testing';
import { SignJWT } from 'jose';
import { dumpRedis, dumpStore, filesWith } from './dumps.js';
import { type Kind, type RouteCase, routeCases } from './route-cases.js';
import { Things } from './things.js';

// Secrets -----------------------------------------------------------------------------------------------------------------

const prefix = `m4rk${randomBytes(3).toString('hex')}`;
/** By kind, what nothing else in the world says */
const secrets = new Map<string, string>();

/** A secret of this kind; `form`: as its provider wants it */
function secret(kind: string, form = (core: string) => core): string {
  const core = `${prefix}x${secrets.size}x${randomBytes(8).toString('hex')}`;
  secrets.set(kind, core);
  return form(core);
}

/** A text as it may stand somewhere: as it is, in hex, and in base64, where its neighbours decide how it begins. */
function spellingsOf(core: string): string[] {
  const inBase64 = [0, 1, 2].map((before) =>
    Buffer.from('\0'.repeat(before) + core)
      .toString('base64')
      .slice(Math.ceil((before * 8) / 6), Math.floor(((before + core.length) * 8) / 6)),
  );
  const inUrls = inBase64.map((digits) => digits.replaceAll('+', '-').replaceAll('/', '_'));
  return [...new Set([core, Buffer.from(core).toString('hex'), encodeURIComponent(core), ...inBase64, ...inUrls])];
}

/** Which secrets stand in a text, and what around them. */
const foundIn = (place: string, text: string): string[] =>
  [...secrets].flatMap(([kind, core]) => {
    const spelling = spellingsOf(core).find((each) => text.includes(each));
    if (spelling === undefined) return [];
    const at = text.indexOf(spelling);
    return [`${kind} in ${place}: …${text.slice(Math.max(0, at - 120), at + spelling.length + 20)}…`];
  });

// The world ---------------------------------------------------------------------------------------------------------------

const folder = testFolder('no-secret');
const log: string[] = [];
const answers: string[] = [];
/** What was said to Redis, command by command */
let saidToRedis = '';
let services: Services;
let redis: Redis;
let redisUrl: string;
let tap: Socket;
let project: TestDatabase;
let postgrest: Postgrest;
let parrot: Server;
let parrotHost: string;
let mood: 'agrees' | 'refuses' = 'agrees';
/** By provider, what it was told */
const heardBy = new Map<string, string[]>();
const platformKey = secret('platform key');
const jwt = { secret: secret('JWT secret', (core) => `${core}${core}`), issuer: 'https://issuer.example', audience: 'sluice' };
const encryptionKey = randomBytes(32);
secrets.set('encryption key', encryptionKey.toString('base64'));
secrets.set('bytes of the encryption key', encryptionKey.toString('hex'));

/** Every provider's API and every target in one. It repeats what it is told: address, headers and body, wherever there is room for words. */
async function repeat(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await textOf(request);
  const { method, url = '', headers } = request;
  const heard = `${method} ${url} ${body} ${JSON.stringify(headers)}`;
  const [, who = ''] = url.split('/');
  heardBy.set(who, [...(heardBy.get(who) ?? []), heard]);
  const [status, answer] = url.includes('oauth.v2.access') ? tokensFor(new URLSearchParams(body), heard) : answerOf(who, heard);
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-heard': headers.authorization ?? 'nothing' })
    .end(JSON.stringify(answer));
}

function tokensFor(form: URLSearchParams, heard: string): [number, object] {
  if (form.get('refresh_token')?.startsWith('stuck')) return [200, { ok: false, error: `odd ${heard}` }];
  const tokens = { access_token: secret('refreshed access token'), refresh_token: secret('refreshed refresh token') };
  return [200, { ok: true, ...tokens, expires_in: 43_200, token_type: 'bot', heard }];
}

function answerOf(who: string, heard: string): [number, object] {
  if (mood === 'agrees') {
    const ids = { id: '1300000000000000001', message_id: 'm-1', recipient_id: '9', sid: 'SM1', user_id: account, team_id: 'T1', ts: '1.2' };
    const lists = { messages: [{ id: 'w-1' }], sentMessages: [{ id: '1', quoteToken: heard }], data: [{ id: '1' }] };
    const filler = who === 'large' ? 'a'.repeat(100_000) : '';
    return [200, { ok: true, success: true, ...ids, ...lists, result: { message_id: 1, id: 7 }, heard, filler }];
  }
  switch (who) {
    case 'slack':
      return [200, { ok: false, error: `odd ${heard}` }];
    case 'telegram':
      return [400, { ok: false, error_code: 400, description: heard }];
    case 'discord':
      return [400, { code: 50_035, message: heard, errors: { content: heard } }];
    case 'line':
      return [400, { message: heard, details: [{ message: heard, property: heard }] }];
    case 'twilio':
      return [400, { code: 99, message: heard, more_info: heard, status: 400 }];
    default:
      return [400, { error: { message: heard, code: 100, error_data: { details: heard }, fbtrace_id: heard } }];
  }
}

const account = '17841465550001234';
const hex = '0123456789abcdef'.repeat(2);
const application = '110000000000000001';

beforeAll(async () => {
  parrot = createServer((request, response) => void repeat(request, response));
  await new Promise<void>((resolve) => parrot.listen(0, '127.0.0.1', resolve));
  parrotHost = `127.0.0.1:${(parrot.address() as AddressInfo).port}`;
  const names = ['instagram', 'messenger', 'whatsapp', 'telegram', 'slack', 'line', 'discord', 'twilio'];
  const apis = Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_API_URL`, `http://${parrotHost}/${name}`]));

  redis = await startRedis({ dir: join(folder.path, 'redis') });
  const redisPassword = secret('Redis password');
  redisUrl = redis.url.replace('redis://', `redis://:${redisPassword}@`);
  tap = connectTo(Number(new URL(redis.url).port), '127.0.0.1');
  tap.setEncoding('latin1').on('data', (chunk: string) => (saidToRedis += chunk));
  tap.write(`CONFIG SET requirepass ${redisPassword}\r\nAUTH ${redisPassword}\r\nMONITOR\r\n`);
  await eventually(() => saidToRedis.match(/\+OK/g)?.length === 3);

  project = await testDatabase();
  postgrest = await startPostgrest(project.queryUrl, ['webhooks.sql']);
  secrets.set('Supabase key', postgrest.serviceKey);

  services = await startServices({
    dataDir: folder.path,
    ports: 'free',
    log: (line) => log.push(line),
    env: {
      ...process.env,
      ...apis,
      OUTBOUND_ALLOW: parrotHost,
      LOG_LEVEL: 'trace',
      REDIS_URL: redisUrl,
      ENCRYPTION_KEYS: `k1:${encryptionKey.toString('base64')}`,
      JWT_SECRET: jwt.secret,
      JWT_ISSUER: jwt.issuer,
      JWT_AUDIENCE: jwt.audience,
      SLUICE_BOOTSTRAP_TENANT_ID: crypto.randomUUID(),
      SLUICE_BOOTSTRAP_API_KEY: secret('bootstrapped API key'),
      SLUICE_BOOTSTRAP_PLATFORM_KEY: platformKey,
      SUPABASE_MIRROR_WEBHOOKS: 'on',
      SUPABASE_URL: postgrest.url,
      SUPABASE_SERVICE_KEY: postgrest.serviceKey,
    },
  });
  secrets.set('database password', decodeURIComponent(new URL(services.commandUrl).password));
}, 180_000);

afterAll(async () => {
  tap?.destroy();
  await services?.stop();
  await redis?.stop();
  await postgrest?.stop();
  await project?.drop();
  parrot?.closeAllConnections();
  parrot?.close();
  folder.remove();
}, 90_000);

// Calls: every answer is kept -----------------------------------------------------------------------------------------------

interface Answered {
  readonly status: number;
  // What an API answers is for the test to say.
  readonly body: ReturnType<typeof JSON.parse>;
}

async function send(url: string, init: RequestInit = {}): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url, init);
  const text = await response.text();
  answers.push(`${init.method ?? 'GET'} ${new URL(url).pathname} ${response.status} ${JSON.stringify([...response.headers])} ${text}`);
  return { status: response.status, text };
}

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered> {
  const { status, text } = await send(`${services.urls[method === 'GET' ? 'query-api' : 'command-api']}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${services.apiKey}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status, body: text === '' ? undefined : JSON.parse(text) };
}

/** The last answer is the one that is meant to show this secret: an API key to whoever made it, a verify token to whoever must type it in. */
const shownOnce = (shown: string) => answers.push((answers.pop() ?? '').replace(shown, '<shown once>'));

async function made(path: string, body: object): Promise<string> {
  const answer = await call('POST', path, body);
  if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.id;
}

const deliver = async (channelId: string, provider: string, body: string | Buffer, headers: Record<string, string>, query = '') =>
  (
    await send(`${services.urls['webhook-gateway']}/webhooks/${channelId}/${provider}/all${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: new Uint8Array(Buffer.from(body)),
    })
  ).status;

type Node = { readonly id: string; readonly type: string; readonly config: object; readonly policy?: object };
const node = (id: string, type: string, config: object = {}): Node => ({ id, type, config, policy: { onError: 'continue' } });

async function published(name: string, nodes: readonly Node[], trigger = 'trigger.manual'): Promise<string> {
  const all = [{ id: 'in', type: trigger, config: {} }, ...nodes];
  const id = await made('/api/workflows', { name, nodes: all, edges: nodes.map(({ id: target }) => ({ source: 'in', target })) });
  expect((await call('POST', `/api/workflows/${id}/publish`)).status).toBe(200);
  return id;
}

async function listening(name: string, nodes: readonly Node[]): Promise<string> {
  const workflowId = await published(name, nodes, 'trigger.webhook');
  const config = { channelId: given(name).id, actionTypes: ['all'] };
  const body = { name, workflowId, nodeId: 'in', provider: name, config };
  const headers = { 'idempotency-key': `listen to ${name}` };
  const first = await call('POST', '/api/webhooks', body, headers);
  if (first.body.verifyToken !== undefined) shownOnce(first.body.verifyToken);
  expect((await call('POST', '/api/webhooks', body, headers)).body.id).toBe(first.body.id);
  return first.body.id;
}

const isOver = (executionId: string) =>
  eventually(
    async () => {
      const { body } = await call('GET', `/api/executions/${executionId}`);
      expect(body.status).toMatch(/^(completed|failed|incomplete)$/);
      return body;
    },
    { timeoutMs: 60_000 },
  );

async function run(workflowId: string): Promise<Record<string, { status: string; output?: unknown; error?: { code: string } }>> {
  const { body } = await call('POST', `/api/workflows/${workflowId}/nodes/in/trigger`, { input: {} });
  const { nodes } = await isOver(body.executionId);
  return Object.fromEntries(nodes.map((each: { nodeId: string }) => [each.nodeId, each]));
}

const eventsOf = async (name: string): Promise<{ id: string; status: string; executionIds: string[] }[]> =>
  (await call('GET', `/api/channels/${given(name).id}/events`)).body.items;
/** Until the runs that a channel's events have begun are over */
const talksOf = (name: string, count: number) =>
  eventually(
    async () => {
      const runs = (await eventsOf(name)).flatMap(({ executionIds }) => executionIds);
      expect(runs).toHaveLength(count);
      await Promise.all(runs.map(isOver));
    },
    { timeoutMs: 60_000 },
  );

// What people hand in ---------------------------------------------------------------------------------------------------------

const discordKeys = generateKeyPairSync('ed25519');
const discordKey = discordKeys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');

/** A channel, and what its provider signs with */
interface Given {
  readonly id: string;
  readonly signing: string;
}
const channels = new Map<string, Given>();
const given = (name: string): Given => {
  const found = channels.get(name);
  if (found === undefined) throw new Error(`there is no channel ${name}`);
  return found;
};

async function connectChannel(
  name: string,
  externalAccountId: string | undefined,
  more: object = {},
  config: object = {},
  signing?: string,
) {
  const [provider = ''] = name.split(' ');
  const secretOf = signing ?? secret(`signing secret of ${name}`);
  const credentials = { signingSecrets: [secretOf], ...more };
  const body = { provider, name, config, credentials, ...(externalAccountId !== undefined && { externalAccountId }) };
  const headers = { 'idempotency-key': `connect ${name}` };
  const first = await call('POST', '/api/channels', body, headers);
  expect([name, first.status]).toEqual([name, 201]);
  // The kept answer
  expect((await call('POST', '/api/channels', body, headers)).body).toEqual(first.body);
  channels.set(name, { id: first.body.id, signing: secretOf });
}

let said = 0;
const sayInstagram = (endpoint: string, signing: string) => {
  const item = { sender: { id: '9' }, recipient: { id: account }, timestamp: Date.now(), message: { mid: `m${(said += 1)}`, text: 'Hi' } };
  const body = metaJson({ object: 'instagram', entry: [{ id: account, time: Date.now(), messaging: [item] }] });
  return deliver(endpoint, 'instagram', body, { 'x-hub-signature-256': signInstagram(signing, body) });
};
const sayLine = (text: string, more: object = {}) => {
  const { id, signing } = given('line');
  const replyToken = secret(`reply token of line ${(said += 1)}`);
  const from = { webhookEventId: `01K${said}`, timestamp: Date.now(), source: { type: 'user', userId: 'U9' } };
  const events = [{ type: 'message', ...from, replyToken, message: { type: 'text', text }, ...more }];
  const body = JSON.stringify({ destination: `U${hex}`, events });
  return deliver(id, 'line', body, { 'x-line-signature': createHmac('sha256', signing).update(body).digest('base64') });
};
const sayDiscord = (type: number) => {
  const token = secret(`interaction token of discord ${(said += 1)}`);
  const fields = { id: String(1_300_000_000_000_000_000n + BigInt(said)), application_id: application, type, token, user: { id: '8' } };
  const [time, body] = [seconds(), JSON.stringify({ ...fields, data: { name: 'hi' } })];
  const signature = sign(null, Buffer.from(`${time}${body}`), discordKeys.privateKey).toString('hex');
  return deliver(given('discord').id, 'discord', body, { 'x-signature-timestamp': time, 'x-signature-ed25519': signature });
};
const saySlack = (body: string, contentType = 'application/json') => {
  const { id, signing } = given('slack');
  const time = seconds();
  const signature = `v0=${createHmac('sha256', signing).update(`v0:${time}:${body}`).digest('hex')}`;
  const headers = { 'content-type': contentType, 'x-slack-request-timestamp': time, 'x-slack-signature': signature };
  return deliver(id, 'slack', body, headers);
};
const secretOfTelegram = 'x-telegram-bot-api-secret-token';
const sayTelegram = (body: string, endpoint = given('telegram').id) =>
  deliver(endpoint, 'telegram', body, { [secretOfTelegram]: given('telegram').signing });
const updateOf = (id: number) =>
  JSON.stringify({ update_id: id, message: { message_id: id, date: 1, chat: { id: 5, type: 'private' }, from: { id: 5 }, text: 'Hi' } });
const seconds = () => String(Math.floor(Date.now() / 1_000));

const accessToken = (name: string, form?: (core: string) => string) => ({ accessToken: secret(`access token of ${name}`, form) });
const rotating = (name: string, form?: (core: string) => string) => ({
  ...accessToken(name),
  refreshToken: secret(`refresh token of ${name}`, form),
  clientId: '1.2',
  clientSecret: secret(`client secret of ${name}`),
});
const httpSecrets = [
  { type: 'bearer', token: secret('bearer token') },
  { type: 'basic', username: 'ada', password: secret('basic password') },
  { type: 'header', headerName: 'X-Api-Key', value: secret('header value') },
];

const appSecret = secret('secret of a provider app');
const wrong = secret('secret in a refused call');
const credentials: string[] = [];
const webhooks: string[] = [];
let appId: string;
let replayId: string;

it('secrets of every kind are handed in', async () => {
  await connectChannel('instagram', account, { verifyToken: secret('verify token'), ...accessToken('instagram') });
  await connectChannel('messenger', '1067', accessToken('messenger'));
  await connectChannel('whatsapp', '106540352242922', accessToken('whatsapp'));
  await connectChannel(
    'telegram',
    '7',
    accessToken('telegram', (core) => `7:AAF${core}`),
  );
  await connectChannel('slack', 'T1', rotating('slack'));
  await connectChannel(
    'slack stuck',
    'T2',
    rotating('slack stuck', (core) => `stuck${core}`),
  );
  await connectChannel('line', `U${hex}`, accessToken('line'));
  await connectChannel('discord', application, accessToken('discord'), {}, discordKey);
  await connectChannel('twilio', `AC${hex}`, accessToken('twilio'));
  await connectChannel('token', undefined, {}, { scheme: 'header', header: 'X-Shop-Key' });
  await connectChannel('token in the query', undefined, {}, { scheme: 'query', parameter: 'key' });
  const login = secret('login', (core) => `ana:${core}`);
  await connectChannel('token basic', undefined, {}, { scheme: 'basic' }, login);
  await connectChannel('token bearer', undefined);
  await connectChannel('hmac', undefined, {}, { header: 'x-sig' });
  const appCredentials = { signingSecrets: [appSecret], verifyToken: secret('verify token of a provider app') };
  appId = await made('/api/provider-apps', { provider: 'instagram', name: 'App', credentials: appCredentials });
  for (const each of httpSecrets) credentials.push(await made('/api/credentials', { name: 'Shop', ...each, allowedHosts: [parrotHost] }));
}, 60_000);

it('calls that hold secrets are refused', async () => {
  const channel = { provider: 'instagram', name: 'Wrong', credentials: { signingSecrets: [wrong], accessToken: wrong } };
  const credential = { name: 'Wrong', type: 'bearer', allowedHosts: [parrotHost] };
  const refusals: [string, string, unknown?][] = [
    ['POST', '/api/channels', { ...channel, credentials: wrong }],
    ['POST', '/api/channels', { ...channel, credentials: { signingSecrets: wrong } }],
    ['POST', '/api/channels', { ...channel, credentials: { signingSecrets: [wrong, wrong] } }],
    ['POST', '/api/channels', { ...channel, credentials: { signingSecrets: [wrong], accessToken: [wrong], refreshToken: { wrong } } }],
    ['POST', '/api/channels', { ...channel, credentials: { signingSecrets: [wrong.repeat(20)], acessToken: wrong } }],
    ['POST', '/api/channels', { ...channel, provider: 'discord' }],
    ['POST', '/api/channels', { ...channel, provider: 'slack', credentials: { signingSecrets: [wrong], refreshToken: wrong } }],
    ['POST', '/api/channels', { ...channel, provider: 'telegram', credentials: { signingSecrets: [`${wrong} `] } }],
    ['POST', '/api/channels', { ...channel, provider: 'token', config: { scheme: 'basic' } }],
    ['POST', '/api/channels', `{"provider":"instagram","credentials":{"accessToken":"${wrong}"`],
    ['POST', '/api/channels', `{"provider":"instagram","credentials":{"accessToken":"${wrong}\u0000"}}`],
    ['PUT', `/api/channels/${given('instagram').id}/credentials`, { credentials: { signingSecrets: wrong } }],
    ['PUT', `/api/channels/${crypto.randomUUID()}/credentials`, { credentials: { signingSecrets: [wrong] } }],
    ['POST', '/api/credentials', { ...credential, token: `${wrong} ` }],
    ['POST', '/api/credentials', { ...credential, password: wrong, allowedHosts: [] }],
    ['POST', '/api/credentials', { ...credential, type: 'header', headerName: 'Host', value: wrong }],
    ['POST', '/api/provider-apps', { provider: 'nobody', name: 'Wrong', credentials: { signingSecrets: [wrong] } }],
    ['POST', '/api/provider-apps', { provider: 'instagram', name: 'Wrong', credentials: { signingSecrets: wrong, verifyToken: 'x' } }],
    ['GET', `/api/channels?accessToken=${wrong}`],
  ];
  for (const [method, path, body] of refusals) {
    const { status } = await call(method, path, body);
    expect([method, path, body, [400, 404].includes(status)]).toEqual([method, path, body, true]);
  }
  for (const authorization of [`Bearer ${wrong}`, `Basic ${btoa(`ana:${wrong}`)}`, wrong]) {
    for (const method of ['GET', 'POST']) expect((await call(method, '/api/channels', undefined, { authorization })).status).toBe(401);
  }
});

it('keys and tokens of callers are made and shown', async () => {
  const { body: key } = await call('POST', '/api/api-keys', { name: 'Viewer', role: 'viewer' }, { 'idempotency-key': 'key' });
  secrets.set('API key', key.key);
  shownOnce(key.key);
  const asks = async (credential: string) =>
    (await call('GET', '/api/channels', undefined, { authorization: `Bearer ${credential}` })).status;
  await eventually(async () => expect(await asks(key.key)).toBe(200), { timeoutMs: 40_000 });
  expect((await call('DELETE', `/api/api-keys/${key.id}`)).status).toBe(204);

  const token = await new SignJWT({ app_metadata: { tenant_id: services.tenantId, sluice_role: 'viewer' } })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(jwt.issuer)
    .setAudience(jwt.audience)
    .setSubject('ada')
    .setExpirationTime('10m')
    .sign(new TextEncoder().encode(jwt.secret));
  secrets.set('JWT', token.split('.')[2] ?? '');
  expect([await asks(token), await asks(`${token}x`)]).toEqual([200, 401]);
  const platform = { authorization: `Bearer ${platformKey}` };
  const quotas = await call('PUT', `/api/tenants/${services.tenantId}/quotas`, { dailyExecutions: 1_000_000 }, platform);
  expect(quotas.status).toBe(200);
}, 60_000);

it('providers shake hands, call, and are answered by the token that came along', async () => {
  const challenge = async (id: string, shown: string | undefined) => {
    const query = `hub.mode=subscribe&hub.challenge=1&hub.verify_token=${shown}`;
    return (await send(`${services.urls['webhook-gateway']}/webhooks/${id}/instagram/all?${query}`)).status;
  };
  const verifyToken = secrets.get('verify token');
  expect(await challenge(given('instagram').id, verifyToken)).toBe(200);
  expect(await challenge(given('instagram').id, `${verifyToken}x`)).toBe(403);
  expect(await challenge(appId, secrets.get('verify token of a provider app'))).toBe(200);

  const reply = (type: string) => node('reply', type, { to: '{{ trigger.customerId }}', text: 'Hi' });
  const respond = node('respond', 'discord.respond', { text: 'Hi' });
  const echo = node('echo', 'http.request', { url: `http://${parrotHost}/target`, credential: credentials[0] });
  webhooks.push(await listening('line', [reply('line.sendMessage')]), await listening('discord', [respond]));
  webhooks.push(
    await listening('instagram', [reply('instagram.sendMessage')]),
    await listening('telegram', [reply('telegram.sendMessage')]),
  );
  webhooks.push(await listening('token', [echo]));
  for (const [round, how] of (['agrees', 'refuses'] as const).entries()) {
    mood = how;
    const { id, signing } = given('token');
    expect(await sayLine('Hi')).toBe(200);
    expect(await sayDiscord(2)).toBe(200);
    expect(await sayInstagram(given('instagram').id, given('instagram').signing)).toBe(200);
    expect(await sayTelegram(updateOf(round))).toBe(200);
    expect(await deliver(id, 'token', JSON.stringify({ round }), { 'x-shop-key': signing })).toBe(200);
    for (const name of ['line', 'discord', 'instagram', 'telegram', 'token']) await talksOf(name, round + 1);
  }
  // They were opened where they were needed.
  const tokensTo = (provider: string, kind: string) =>
    [...secrets].filter(([name, core]) => name.startsWith(kind) && heardBy.get(provider)?.some((heard) => heard.includes(core)));
  expect(tokensTo('line', 'reply token')).toHaveLength(2);
  expect(tokensTo('discord', 'interaction token')).toHaveLength(2);
}, 120_000);

it('calls come whose secrets nobody needs, are malformed, or show a secret where a signature belongs', async () => {
  expect([await sayLine('a \u0000 b'), await sayLine('Hi', { type: 'brand_new' }), await sayDiscord(99), await sayDiscord(1)]).toEqual(
    Array.from({ length: 4 }, () => 200),
  );
  const slack = { token: secret('verification token of Slack'), team_id: 'T1', trigger_id: '1.2' };
  const response_url = secret('response URL', (core) => `https://hooks.slack.com/commands/${core}`);
  const button = { ...slack, response_url, type: 'block_actions', trigger_id: '1.3', actions: [{ value: 'yes' }] };
  const said = { type: 'message', user: 'U1', channel: 'C1', text: 'Hi', ts: '1.1' };
  const form = 'application/x-www-form-urlencoded';
  expect(await saySlack(new URLSearchParams({ ...slack, response_url, command: '/hi' }).toString(), form)).toBe(200);
  expect(await saySlack(new URLSearchParams({ payload: JSON.stringify(button) }).toString(), form)).toBe(200);
  expect(await saySlack(JSON.stringify({ ...slack, type: 'event_callback', event_id: 'Ev1', event_time: 1, event: said }))).toBe(200);
  expect(await saySlack(JSON.stringify({ ...slack, type: 'url_verification', challenge: 'c' }))).toBe(200);

  const plain = JSON.stringify({ id: 1 });
  const [inQuery, basic, bearer] = [given('token in the query'), given('token basic'), given('token bearer')];
  expect(await deliver(inQuery.id, 'token', plain, {}, `?key=${inQuery.signing}`)).toBe(200);
  expect(await deliver(basic.id, 'token', plain, { authorization: `Basic ${btoa(basic.signing)}` })).toBe(200);
  expect(await deliver(bearer.id, 'token', plain, { authorization: `Bearer ${bearer.signing}` })).toBe(200);
  expect(await sayInstagram(appId, appSecret)).toBe(200);

  const places = [
    'x-hub-signature-256',
    'x-line-signature',
    'x-slack-signature',
    'x-signature-ed25519',
    'x-sig',
    'x-shop-key',
    secretOfTelegram,
  ];
  for (const name of ['instagram', 'line', 'telegram', 'slack', 'discord', 'hmac', 'token']) {
    const { id, signing } = given(name);
    const headers = { ...Object.fromEntries(places.map((header) => [header, `${signing}x`])), cookie: signing };
    expect([name, await deliver(id, name, plain, headers, `?token=${signing}`)]).toEqual([name, 401]);
  }
  expect(await sayTelegram(`{"secret":"${wrong}`)).toBe(400);
  expect(await sayTelegram(plain, crypto.randomUUID())).toBe(404);
}, 60_000);

it('messages are sent, and connections, nodes and webhooks are tried', async () => {
  const at = (name: string, type: string, config: object): Node => node(name, type, { channelId: given(name).id, text: 'Hi', ...config });
  const messages = [
    at('instagram', 'instagram.sendMessage', { to: '9' }),
    at('messenger', 'messenger.sendMessage', { to: '24' }),
    at('whatsapp', 'whatsapp.sendMessage', { to: '491' }),
    at('telegram', 'telegram.sendMessage', { to: '5' }),
    at('slack', 'slack.sendMessage', { to: 'C1' }),
    at('line', 'line.sendMessage', { to: 'U1' }),
    at('discord', 'discord.sendMessage', { to: '12' }),
    at('twilio', 'twilio.sendSms', { to: '+4915112345678', from: '+15005550006' }),
  ];
  const requests = credentials.flatMap((credential, n) => [
    node(`target-${n}`, 'http.request', { url: `http://${parrotHost}/target`, method: 'POST', body: { n }, credential }),
    node(`large-${n}`, 'http.request', { url: `http://${parrotHost}/large`, credential }),
  ]);
  const foreign = node('foreign', 'http.request', { url: 'https://shop.example.com/', credential: credentials[0] });
  const id = await published('Sends', [...messages, ...requests, foreign, node('out', 'data.set', { values: { done: true } })]);
  const calls = [...messages, ...requests].map((each) => each.id);

  mood = 'agrees';
  const sent = await run(id);
  expect(calls.map((each) => [each, sent[each]?.status])).toEqual(calls.map((each) => [each, 'completed']));
  expect(JSON.stringify(requests.map((each) => sent[each.id]?.output)).match(/\*\*\*/g)?.length).toBeGreaterThan(3);
  mood = 'refuses';
  const refused = await run(id);
  expect(messages.map((each) => [each.id, refused[each.id]?.error?.code])).toEqual(messages.map((each) => [each.id, 'provider_refused']));
  expect(requests.map((each) => [each.id, refused[each.id]?.error?.code])).toEqual(requests.map((each) => [each.id, 'http_status']));
  for (const each of calls) expect((await call('POST', `/api/workflows/${id}/nodes/${each}/test`, { effects: true })).status).toBe(200);

  for (mood of ['agrees', 'refuses'] as const) {
    const tests = await Promise.all([...channels.values()].map((channel) => call('POST', `/api/channels/${channel.id}/test`)));
    expect(tests.map(({ status }) => status)).toEqual(tests.map(() => 200));
    for (const webhook of webhooks) expect([200, 422]).toContain((await call('POST', `/api/webhooks/${webhook}/test`)).status);
  }
}, 180_000);

it('events are held and begun again, credentials are replaced, refreshed and taken away', async () => {
  const processed = (await eventsOf('line')).find(({ status }) => status === 'processed');
  const replay = await call('POST', `/api/webhook-events/${processed?.id}/replay`, { reason: 'again' });
  expect(replay.status).toBe(202);
  ({ replayId } = replay.body);

  const { id, signing } = given('instagram');
  expect((await call('POST', `/api/channels/${id}/hold`)).status).toBe(200);
  expect(await sayInstagram(id, signing)).toBe(200);
  expect((await call('POST', `/api/channels/${id}/release`)).status).toBe(200);
  const newer = secret('newer signing secret');
  const replaced = { signingSecrets: [newer], accessToken: secret('newer access token') };
  const previousSecretsUntil = new Date(Date.now() + 3_600_000).toISOString();
  expect((await call('PUT', `/api/channels/${id}/credentials`, { credentials: replaced, previousSecretsUntil })).status).toBe(200);
  await eventually(async () => expect(await sayInstagram(id, newer)).toBe(200));
  expect(await sayInstagram(id, signing)).toBe(200);

  const shown = async (name: string) => (await call('GET', `/api/channels/${given(name).id}`)).body;
  await eventually(async () => expect((await shown('slack')).expiresAt).toEqual(expect.any(String)), { timeoutMs: 30_000 });
  const hidden = { message: expect.stringContaining('refresh_token=***') };
  await eventually(async () => expect((await shown('slack stuck')).lastError).toMatchObject(hidden), { timeoutMs: 30_000 });
  expect([...secrets.keys()]).toEqual(expect.arrayContaining(['refreshed access token', 'refreshed refresh token']));

  expect((await call('DELETE', `/api/credentials/${credentials[2]}`)).status).toBe(204);
  expect((await call('DELETE', `/api/channels/${given('hmac').id}`)).status).toBe(204);
  channels.delete('hmac');
}, 120_000);

/** Every id of a kind that came of it, where it is shown; of the others one of its own. */
async function idsByKind(): Promise<(kind: Kind) => Promise<readonly string[]>> {
  const things = new Things(
    { gateway: services.urls['webhook-gateway'], command: services.urls['command-api'], query: services.urls['query-api'] },
    { id: services.tenantId, key: services.apiKey },
  );
  const listed = async (path: string): Promise<{ id: string }[]> =>
    (await call('GET', `${path}${path.includes('?') ? '&' : '?'}limit=200`)).body.items;
  const ids = async (path: string) => (await listed(path)).map(({ id }) => id);
  const executions = await ids('/api/executions');
  const nodeRuns: { id: string; output?: { $blob?: { sha256: string } } }[] = [];
  for (const id of executions) nodeRuns.push(...(await call('GET', `/api/executions/${id}`)).body.nodes);
  const events = (await Promise.all([...channels.values()].map(({ id }) => ids(`/api/channels/${id}/events`)))).flat();
  const known: Partial<Record<Kind, readonly string[]>> = {
    workflow: await ids('/api/workflows'),
    channel: [...channels.values()].map(({ id }) => id),
    webhook: await ids('/api/webhooks'),
    event: events,
    execution: executions,
    sendingExecution: executions,
    conversation: executions,
    nodeRun: nodeRuns.map(({ id }) => id),
    blob: nodeRuns.flatMap(({ output }) => output?.$blob?.sha256 ?? []),
    tenant: [services.tenantId],
    replay: [replayId],
  };
  expect(known.blob?.length).toBeGreaterThan(0);
  expect(known.event?.length).toBeGreaterThan(15);
  return async (kind) => known[kind] ?? [await things.idOf(kind)];
}

it('I12, T-18: none of them is in an answer of any query, in the figures or the documents of an API', async () => {
  const idsOf = await idsByKind();
  const firstOf = async (kind: Kind) => (await idsOf(kind))[0] ?? '';
  const queries = Object.entries(routeCases).flatMap(([route, cases]): [string, RouteCase][] =>
    route.startsWith('GET ') ? [cases].flat().map((each): [string, RouteCase] => [route.slice(4), each]) : [],
  );
  expect(queries.length).toBeGreaterThan(25);
  for (const [path, { params = {}, query }] of queries) {
    const asked = new URLSearchParams(await query?.(firstOf)).toString();
    let paths = [path];
    for (const [name, what] of Object.entries(params)) {
      const texts = what.startsWith('=') ? [what.slice(1)] : await idsOf(what as Kind);
      paths = paths.flatMap((one) => texts.map((text) => one.replace(`:${name}`, text)));
    }
    const statuses = [];
    for (const one of paths) statuses.push((await call('GET', asked === '' ? one : `${one}?${asked}`)).status);
    expect([path, statuses]).toEqual([path, expect.arrayContaining([200])]);
  }
  for (const { url } of services.processes) for (const path of ['/metrics', '/readyz', '/healthz']) await send(`${url}${path}`);
  for (const api of ['command-api', 'query-api'] as const) expect((await send(`${services.urls[api]}/api/docs-json`)).status).toBe(200);
  const documents = join(import.meta.dirname, '..', '..', '..', 'docs', 'openapi');
  for (const file of readdirSync(documents)) expect(foundIn(file, readFileSync(join(documents, file), 'utf8'))).toEqual([]);
  expect(foundIn('an answer', answers.join('\n'))).toEqual([]);
}, 180_000);

it('I12, T-18: none of them is in a row of any store, in Redis or in a job', async () => {
  await eventually(async () => expect(await dumpStore(project.queryUrl)).toContain(given('line').id), { timeoutMs: 30_000 });
  const stores = {
    command: await dumpStore(services.commandUrl),
    query: await dumpStore(services.queryUrl),
    supabase: await dumpStore(project.queryUrl),
  };
  const redisNow = await dumpRedis(redisUrl);
  const places = Object.entries({ ...stores, redis: redisNow, 'what was said to Redis': saidToRedis });
  expect(places.flatMap(([place, text]) => foundIn(place, text))).toEqual([]);

  // They hold what they should, so that it would have been found.
  const sealed = '""replyToken"": {""keyId"": ""k1"", ""sealed"": ""';
  const hidden = Buffer.from('"replyToken":"***"').toString('hex');
  const there = Object.fromEntries(Object.entries(stores).map(([name, text]) => [name, text.includes(sealed)]));
  expect(there).toEqual({ command: true, query: true, supabase: true });
  expect([stores.command.includes(hidden), redisNow.includes('hash '), /"evalsha"/i.test(saidToRedis)]).toEqual([true, true, true]);
}, 120_000);

it('I12, T-18: none of them is in a line of the logs, also of apps that cannot start or lose their servers, or in a file', async () => {
  const { port } = new URL(services.commandUrl);
  const rest = `@127.0.0.1:${port}/sluice_query`;
  const refused = secret('secret in a refused setting');
  const malformed = { REDIS_URL: `redis://:a/${refused}@127.0.0.1`, QUERY_DATABASE_URL: `nothing://app:${refused}${rest}` };
  const settings: [string, NodeJS.ProcessEnv][] = [
    ['projector', { ...malformed, SUPABASE_SERVICE_KEY: `sb_publishable_${refused}` }],
    ['projector', { QUERY_DATABASE_URL: `postgres://postgres:${secret('wrong database password')}${rest}` }],
    ['projector', { REDIS_URL: redisUrl.replace(/:[^:@]+@/, `:${secret('wrong Redis password')}@`) }],
    ['command-api', { ENCRYPTION_KEYS: `k1:${refused}`, JWT_SECRET: refused.slice(0, 31), SLUICE_BOOTSTRAP_PLATFORM_KEY: 'x' }],
  ];
  const linesOf = (app: string) => log.filter((line) => line.startsWith(`${app} | `)).length;
  for (const [app, env] of settings) {
    if (services.processes.some((each) => each.app === app)) await services.kill(app, 'SIGTERM');
    const before = linesOf(app);
    services.launch(app, env);
    // It says what is wrong; whether it ends is its own matter.
    await eventually(() => expect(linesOf(app)).toBeGreaterThan(before), { timeoutMs: 120_000 });
  }
  for (const app of ['projector', 'command-api'])
    if (services.processes.some((each) => each.app === app)) await services.kill(app, 'SIGTERM');
  postgrest.trouble('down');
  await services.restart('projector');
  await redis.stop();
  const lines = log.length;
  await eventually(() => expect(log.slice(lines).join('\n')).toMatch(/redis/i), { timeoutMs: 120_000 });
  await services.stop();

  expect(log.length).toBeGreaterThan(100);
  expect(foundIn('the log', log.join('\n'))).toEqual([]);
  expect(filesWith(folder.path, prefix)).toEqual([]);
}, 600_000);

it('I12: the search finds a secret as it is, in hex, in base64 wherever it begins, and in an address', () => {
  const planted = secret('planted', (core) => `${core}?`);
  const spellings = [planted, Buffer.from(`x${planted}`).toString('hex'), encodeURIComponent(planted)];
  for (const before of ['', 'a', 'ab', 'abc'])
    spellings.push(Buffer.from(`${before}${planted}&`).toString('base64'), btoa(`ana:${before}${planted}`));
  for (const text of spellings)
    expect([text, foundIn('here', `… ${text} …`)]).toEqual([text, [expect.stringContaining('planted in here')]]);
  expect(foundIn('here', 'nothing')).toEqual([]);
});
