import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { providers } from '@sluice/providers';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

// PUBLIC_URL leads to a proxy, as it does where people run Sluice: a test delivery goes there, out of the process and back in.

/** What stands at the public address. */
type Behind = 'the gateway' | 'a stranger' | 'a stranger who takes everything' | 'another address';

let behind: Behind;
let passed: IncomingMessage['headers'][] = [];
let proxy: Server;
let publicUrl: string;
let sluice: InProcess;
let workflowId: string;

async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  passed.push(request.headers);
  const { method = 'GET', url = '/' } = request;
  const headers = Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === 'string' && !['host', 'connection', 'content-length', 'transfer-encoding'].includes(name) ? [[name, value]] : [],
    ),
  );
  const answer = await fetch(`${sluice.base}${url}`, { method, headers, body: Buffer.concat(chunks) });
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(await answer.text());
}

const answers: Readonly<Record<Behind, (request: IncomingMessage, response: ServerResponse) => void>> = {
  'the gateway': (request, response) => void pass(request, response).catch((error: unknown) => response.destroy(error as Error)),
  'a stranger': (_request, response) => void response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not here</h1>'),
  'a stranger who takes everything': (_request, response) => void response.writeHead(200).end('ok'),
  'another address': (_request, response) => void response.writeHead(308, { location: `${sluice.base}/elsewhere` }).end(),
};

beforeAll(async () => {
  proxy = createServer((request, response) => answers[behind](request, response));
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  publicUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  sluice = await inProcess({ PUBLIC_URL: publicUrl });
  const nodes = [{ id: 'in', type: 'trigger.webhook', config: {} }];
  workflowId = await sluice.published({ name: 'Seen', nodes, edges: [] });
}, 60_000);
afterAll(async () => {
  await sluice?.close();
  proxy.closeAllConnections();
  proxy.close();
});
beforeEach(() => {
  behind = 'the gateway';
  passed = [];
});

const publicKey = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const secretOf: Readonly<Record<string, string>> = {
  discord: publicKey,
  standard: `whsec_${Buffer.from(signingSecret).toString('base64')}`,
};
const configOf: Readonly<Record<string, object>> = { hmac: { header: 'X-Signature' } };

async function listening(
  provider: string,
  secret = secretOf[provider] ?? signingSecret,
): Promise<{ channelId: string; webhookId: string }> {
  const credentials = { signingSecrets: [secret] };
  const channelId = await sluice.made('/api/channels', { provider, name: provider, credentials, config: configOf[provider] ?? {} });
  const webhookId = await sluice.made('/api/webhooks', { name: provider, workflowId, nodeId: 'in', provider, config: { channelId } });
  return { channelId, webhookId };
}

interface Tested {
  readonly eventId?: string;
  readonly executionId?: string;
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}
async function tested(webhookId: string): Promise<Tested> {
  const { status, body } = await sluice.call('POST', `/api/webhooks/${webhookId}/test`);
  expect(status).toBe(200);
  return body;
}
const okOf = ({ steps }: Tested) => steps.map(({ name, ok }) => [name, ok]);
const whole = ['route', 'signature', 'parse', 'record', 'listeners', 'run'].map((name) => [name, true]);
const eventsOf = async (channelId: string) =>
  (await sluice.db.query('SELECT FROM webhook_events WHERE channel_id = $1', [channelId])).rowCount;

it.each([...providers.keys()].filter((name) => name !== 'discord'))(
  'T-10: a test delivery of %s goes to the public address, through the gateway behind it, and starts a run',
  async (provider) => {
    const { webhookId } = await listening(provider);
    const outcome = await tested(webhookId);
    expect([outcome.steps.at(-1)?.detail, okOf(outcome)]).toEqual([expect.stringContaining('began the execution'), whole]);
    expect(outcome.steps[0]?.detail).toMatch(new RegExp(`^${publicUrl}/webhooks/`));
    expect(passed).toEqual([expect.objectContaining({ 'x-sluice-test': expect.any(String) })]);
    expect(outcome.executionId).toEqual(expect.any(String));
  },
);

it.each([
  ['discord', publicKey],
  ['standard', `whpk_${Buffer.from(publicKey, 'hex').toString('base64')}`],
])(
  'T-10: a test delivery of %s, which has a public key alone, shows that the gateway checks, and says who can sign',
  async (provider, key) => {
    const { channelId, webhookId } = await listening(provider, key);
    const outcome = await tested(webhookId);
    expect(okOf(outcome)).toEqual([
      ['route', true],
      ['signature', false],
    ]);
    expect(outcome.steps[1]?.detail).toMatch(/^Not tried: .* refused, as it should be\. \S.*\.$/);
    expect(await eventsOf(channelId)).toBe(0);
    behind = 'a stranger who takes everything';
    expect((await tested(webhookId)).steps.at(-1)).toMatchObject({
      name: 'signature',
      ok: false,
      detail: expect.stringContaining('not the gateway'),
    });
  },
);

describe('a test delivery where PUBLIC_URL is wrong says at which step it ends', () => {
  it.each([
    ['a stranger', 'route', 'It answered 404, and not as the gateway does.'],
    ['another address', 'route', 'It answered 308, and not as the gateway does.'],
    ['a stranger who takes everything', 'record', 'It was acknowledged, and is not there.'],
  ] as const)('%s is there', async (who, step, detail) => {
    const { channelId, webhookId } = await listening('instagram');
    behind = who;
    const outcome = await tested(webhookId);
    expect(outcome.steps.at(-1)).toEqual({ name: step, ok: false, detail });
    expect(outcome.steps.slice(0, -1).every(({ ok }) => ok)).toBe(true);
    expect(await eventsOf(channelId)).toBe(0);
  });

  it('nobody is there, and the next one goes the whole way', async () => {
    const { channelId, webhookId } = await listening('instagram');
    const { port } = proxy.address() as AddressInfo;
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
    expect((await tested(webhookId)).steps).toEqual([
      { name: 'route', ok: false, detail: `Nobody answered at ${publicUrl}: ECONNREFUSED.` },
    ]);
    expect(await eventsOf(channelId)).toBe(0);
    await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
    expect(okOf(await tested(webhookId))).toEqual(whole);
  });
});
