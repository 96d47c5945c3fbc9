import { randomBytes, randomUUID } from 'node:crypto';
import {
  Api,
  bodyOf,
  eventually,
  metaJson,
  providerCases,
  type ProviderApis,
  type Services,
  signInstagram,
  startProviderApis,
  startServices,
  testFolder,
} from '@sluice/testing';

const folder = testFolder('replies');
const marker = `token-${randomBytes(12).toString('hex')}`;
let apis: ProviderApis;
let services: Services;
let api: Api;
let channelId: string;
const lines: string[] = [];

/** The recorded message, and the secret that it is signed with. */
function recordedMessage() {
  const found = providerCases('whatsapp').find(({ name }) => name === 'message-text');
  if (typeof found?.secret !== 'string') throw new Error('there is no recorded message of WhatsApp');
  return { recorded: found, secret: found.secret };
}
const { recorded, secret } = recordedMessage();
const customers = Array.from({ length: 6 }, (_, n) => `55119876500${10 + n}`);

beforeAll(async () => {
  apis = await startProviderApis();
  services = await startServices({
    dataDir: folder.path,
    ports: 'free',
    nodeArguments: ['--conditions=sluice-failpoints'],
    env: { ...process.env, ...apis.env, OUTBOUND_ALLOW: apis.host, LOG_LEVEL: 'info' },
    log: (line) => lines.push(line),
  });
  const { urls, apiKey } = services;
  api = new Api({ gateway: urls['webhook-gateway'], command: urls['command-api'], query: urls['query-api'] }, apiKey);
  const credentials = { signingSecrets: [secret], accessToken: `${marker}-1` };
  const channel = { provider: 'whatsapp', name: 'Shop', externalAccountId: recorded.accountId, credentials };
  ({ id: channelId } = await api.made<{ id: string }>('/api/channels', channel));
  const nodes = [
    { id: 'in', type: 'trigger.webhook', config: {} },
    { id: 'reply', type: 'whatsapp.sendMessage', config: { to: '{{ trigger.customerId }}', text: 'You wrote: {{ trigger.text }}' } },
  ];
  const { id: workflowId } = await api.made<{ id: string }>('/api/workflows', {
    name: 'Replies',
    nodes,
    edges: [{ source: 'in', target: 'reply' }],
  });
  await api.made(`/api/workflows/${workflowId}/publish`);
  await api.made('/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider: 'whatsapp', config: { channelId } });
}, 180_000);

afterAll(async () => {
  await services?.stop();
  await apis?.stop();
  folder.remove();
}, 60_000);

/** Signed as Meta signs, over the same bytes. */
async function call(body: string): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(secret, body) };
  const path = `/webhooks/${channelId}/whatsapp/all`;
  const answer = await fetch(`${services.urls['webhook-gateway']}${path}`, { method: 'POST', headers, body });
  expect(answer.status).toBe(200);
}
const seconds = () => String(Math.floor(Date.now() / 1_000));

/** The recorded message, written now by this customer. */
async function write(customer: string): Promise<void> {
  const body: string = JSON.stringify(JSON.parse(bodyOf(recorded).toString('utf8')))
    .replaceAll('5511987650001', customer)
    .replace(/"id":"wamid\.[^"]+"/, `"id":"wamid.${randomUUID()}"`)
    .replace(/"timestamp":"\d+"/, `"timestamp":"${seconds()}"`);
  await call(metaJson(JSON.parse(body)));
}
/** What WhatsApp tells of a message that arrived. */
const tellSent = ({ to, messageId, reference }: ReturnType<ProviderApis['delivered']>[number]): Promise<void> => {
  const status = { id: messageId, status: 'sent', timestamp: seconds(), recipient_id: to, biz_opaque_callback_data: reference };
  const value = { messaging_product: 'whatsapp', metadata: { phone_number_id: recorded.accountId }, statuses: [status] };
  return call(
    metaJson({ object: 'whatsapp_business_account', entry: [{ id: '102290129340398', changes: [{ field: 'messages', value }] }] }),
  );
};
const runOf = async (customer: string) => {
  const { body } = await api.call<{ items: { id: string }[] }>('GET', `/api/executions?customerId=${customer}`);
  return body.items[0];
};
const channel = async () => (await api.call('GET', `/api/channels/${channelId}`)).body;

it('a recorded WhatsApp message starts a workflow whose reply arrives, once, with the right words', async () => {
  const [ana = ''] = customers;
  await write(ana);
  await eventually(async () => expect(await runOf(ana)).toMatchObject({ status: 'completed' }), { timeoutMs: 30_000 });
  const [reply, ...others] = apis.delivered({ to: ana });
  expect(others).toEqual([]);
  expect(reply).toMatchObject({ provider: 'whatsapp', account: recorded.accountId, text: 'You wrote: Tem na cor azul? 💙' });
  const { body } = await api.call('GET', `/api/executions/${(await runOf(ana))?.id}`);
  expect(body.nodes).toContainEqual(expect.objectContaining({ nodeId: 'reply', output: { to: ana, messageId: reply?.messageId } }));

  // What WhatsApp tells of it says whose it was.
  if (reply === undefined) throw new Error('nothing was sent');
  await tellSent(reply);
  await eventually(async () => {
    const [told] = await api.all<{ id: string }>(`/api/channels/${channelId}/events?messageId=${encodeURIComponent(reply.messageId)}`);
    expect((await api.call('GET', `/api/webhook-events/${told?.id}`)).body).toMatchObject({
      messageId: reply.messageId,
      sentBy: { executionId: body.id, workflowId: body.workflowId, nodeId: 'reply' },
    });
  });
}, 60_000);

it('F-15, F-21: its worker dies between send and commit: it was sent once all the same', async () => {
  const [, bea = ''] = customers;
  await services.kill('execution-worker', 'SIGTERM');
  await services.restart('execution-worker', { FAILPOINTS: 'wrk.after_send:kill9' });
  await write(bea);
  await eventually(() => services.processes.every(({ app }) => app !== 'execution-worker'), { timeoutMs: 30_000 });
  const [reply] = apis.delivered({ to: bea });
  if (reply === undefined) throw new Error('nothing was sent');
  await services.restart('execution-worker');
  await tellSent(reply);
  // The lease of the dead worker has to run out.
  await eventually(async () => expect(await runOf(bea)).toMatchObject({ status: 'completed' }), { timeoutMs: 90_000 });
  expect(apis.delivered({ to: bea })).toHaveLength(1);
}, 180_000);

it('a token that is no longer taken disconnects the channel: its sends wait for a new one, and none fails', async () => {
  const [, , carla = '', dora = '', eva = ''] = customers;
  apis.revoke(`${marker}-1`);
  await write(carla);
  await eventually(async () => expect(await channel()).toMatchObject({ status: 'disconnected' }), { timeoutMs: 30_000 });
  expect((await channel()).health).toMatchObject({ state: 'disconnected', reason: { code: expect.any(String) } });
  const calls = apis.calls('whatsapp');
  await Promise.all([write(dora), write(eva)]);
  for (const customer of [dora, eva]) await eventually(async () => expect(await runOf(customer)).toMatchObject({ status: 'running' }));
  expect(apis.calls('whatsapp')).toBe(calls);
  for (const customer of [carla, dora, eva]) {
    await eventually(async () => {
      const { nodes } = await api.read<{ nodes: { nodeId: string }[] }>(`/api/executions/${(await runOf(customer))?.id}`);
      const waitsForChannel = { id: channelId, name: 'Shop', reason: { code: expect.any(String), message: expect.any(String) } };
      const reply = nodes.find(({ nodeId }) => nodeId === 'reply');
      expect(reply).toMatchObject({ status: 'waiting', waitsFor: 'channel', waitsForChannel });
    });
  }
  expect(await api.all('/api/executions?waitsFor=channel')).toHaveLength(3);

  const credentials = { signingSecrets: [secret], accessToken: `${marker}-2` };
  expect((await api.call('PUT', `/api/channels/${channelId}/credentials`, { credentials })).status).toBe(200);
  for (const customer of [carla, dora, eva]) {
    await eventually(async () => expect(await runOf(customer)).toMatchObject({ status: 'completed' }), { timeoutMs: 60_000 });
    expect(apis.delivered({ to: customer })).toHaveLength(1);
  }
  await eventually(async () => expect(await channel()).toMatchObject({ status: 'connected', health: { state: 'ok' } }));
}, 180_000);

it('what WhatsApp refuses of what is sent is the last error of its channel, and the channel stays well', async () => {
  const fred = customers.at(-1) ?? '';
  apis.refuse(fred, 'recipient_unreachable');
  await write(fred);
  await eventually(async () => expect(await runOf(fred)).toMatchObject({ status: 'failed' }), { timeoutMs: 30_000 });
  await eventually(async () =>
    expect(await channel()).toMatchObject({
      status: 'connected',
      health: { state: 'ok' },
      lastError: { code: 'recipient_unreachable', message: expect.any(String), at: expect.any(String) },
    }),
  );
}, 60_000);

it('I12: no token or secret stands in a line of the logs', () => {
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => line.includes(marker) || line.includes(secret))).toEqual([]);
});
