import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InputOf } from '@sluice/client';
import { eventually, metaJson, type ProviderApis, signInstagram, startProviderApis } from '@sluice/testing';
import { type Running, runServices, runStandalone } from './running.js';

type WorkflowBody = InputOf<'workflows.create'>['body'];
type Nodes = NonNullable<WorkflowBody['nodes']>;

/** Of the form that every provider takes */
const secret = '3f1c9a7be2d84056a1b0c9d8e7f60514'.repeat(2);
const account = '17841465550001234';
const hex = '0123456789abcdef'.repeat(2);

const node = (id: string, type: string, config: Nodes[number]['config'] = {}): Nodes[number] => ({ id, type, config });

/** `a > b, a.item > c` */
const edges = (drawn: string) =>
  drawn.split(/,\s*/).map((one) => {
    const [from = '', target = ''] = one.trim().split(/\s*>\s*/);
    const [source = '', sourceHandle] = from.split('.');
    return { source, target, ...(sourceHandle && { sourceHandle }) };
  });

const used = new Set<string>();

describe.each([
  ['standalone', runStandalone],
  ['services on Redis', runServices],
])('a workflow with each node type: %s', (_mode, run) => {
  let sluice: Running;
  let outside: Server;
  let apis: ProviderApis;

  beforeAll(async () => {
    outside = createServer((request, response) => {
      request.resume().on('end', () => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ price: 21 }));
      });
    });
    await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(outside.address() as AddressInfo).port}`;
    apis = await startProviderApis();
    sluice = await run({ ...apis.env, OUTBOUND_ALLOW: `${host},${apis.host}`, CODE_NODES: 'on', SHOP: `http://${host}` });
    shop = `http://${host}/price`;
  }, 120_000);
  let shop: string;

  afterAll(async () => {
    await sluice?.stop();
    outside?.closeAllConnections();
    outside?.close();
    await apis?.stop();
  }, 60_000);

  async function published(name: string, nodes: Nodes, drawn: string): Promise<string> {
    for (const { type } of nodes) used.add(type);
    const { id } = await sluice.client.call('workflows.create', { body: { name, nodes, edges: drawn === '' ? [] : edges(drawn) } });
    await sluice.client.call('workflows.publish', { path: { id } });
    return id;
  }

  const started = async (id: string, input: unknown): Promise<string> =>
    (await sluice.client.call('workflows.trigger', { path: { id, nodeId: 'in' }, body: { input } })).executionId;

  const ended = (id: string, status = 'completed') =>
    eventually(
      async () => {
        const execution = await sluice.client.call('executions.get', { path: { id } });
        if (execution.status !== status) throw new Error(`the run is ${execution.status}: ${JSON.stringify(execution.error)}`);
        return execution;
      },
      { timeoutMs: 20_000 },
    );

  const onlyRunOf = (id: string, status: string) =>
    eventually(
      async () => {
        const { items } = await sluice.client.call('workflows.executions', { path: { id }, query: {} });
        const [first] = items;
        if (first?.status !== status) throw new Error(`the run is ${first?.status}`);
        return first;
      },
      { timeoutMs: 20_000 },
    );

  async function message(channelId: string, text: string): Promise<Response> {
    const timestamp = Date.now();
    const messaging = [{ sender: { id: 'c' }, recipient: { id: account }, timestamp, message: { mid: `m-${timestamp}-${text}`, text } }];
    const body = metaJson({ object: 'instagram', entry: [{ id: account, time: timestamp, messaging }] });
    return fetch(`${sluice.urls.gateway}/webhooks/${channelId}/instagram/message`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(secret, body) },
      body,
    });
  }

  const channel = async (
    provider = 'instagram',
    externalAccountId = account,
    accessToken = 'token-1',
    signingSecret = secret,
  ): Promise<string> => {
    const body = { provider, name: provider, externalAccountId, credentials: { signingSecrets: [signingSecret], accessToken } };
    return (await sluice.client.call('channels.create', { body })).id;
  };

  it('data, logic, state, code, calls and requests', async () => {
    const called = await published(
      'called',
      [node('in', 'trigger.manual'), node('twice', 'data.transform', { expression: 'trigger * 2' })],
      'in > twice',
    );
    const id = await published(
      'all',
      [
        node('in', 'trigger.manual'),
        node('big', 'data.filter', { items: 'trigger.numbers', condition: 'item > 1' }),
        node('each', 'logic.forEach', { concurrency: 2 }),
        node('call', 'flow.subworkflow', { workflowId: called, input: '{{ item }}' }),
        node('shop', 'http.request', { url: shop }),
        node('join', 'logic.merge'),
        node('code', 'code.javascript', { source: 'return input.each.concat(input.shop.body.price);' }),
        node('keep', 'state.set', { scope: 'workflow', key: 'last', value: '{{ input }}' }),
        node('read', 'state.get', { scope: 'workflow', key: 'last' }),
        node('pause', 'flow.delay', { ms: 5 }),
        node('some', 'logic.if', { condition: '$count(input.value) > 2' }),
        node('which', 'logic.switch', { value: 'trigger.kind', cases: [{ name: 'stop', equals: 'stop' }] }),
        node('end', 'logic.stop', { output: { got: '{{ nodes.read.output.value }}' } }),
        node('other', 'data.set', { values: {} }),
      ],
      'in > big, big > each, each.item > call, in > shop, each.done > join, shop > join, join > code, code > keep, keep > read, read > pause, ' +
        'pause > some, some.true > which, which.stop > end, which.default > other',
    );
    const execution = await ended(await started(id, { numbers: [1, 2, 3], kind: 'stop' }));
    expect(execution.output).toEqual({ got: [4, 6, 21] });
  });

  it('events, answers, approvals and messages', async () => {
    const channelId = await channel();
    const id = await published(
      'talk',
      [
        node('in', 'trigger.webhook'),
        node('say', 'flow.respond', { body: { heard: '{{ trigger.text }}' } }),
        node('link', 'data.set', { values: { link: '{{ approvals.ask.url }}' } }),
        node('ask', 'flow.approval', { title: 'May we answer {{ trigger.text }}?' }),
        node('more', 'flow.waitForEvent', { kinds: ['message'], timeoutMs: 60_000 }),
        node('reply', 'instagram.sendMessage', { to: '{{ trigger.customerId }}', text: 'You said {{ input.text }}.' }),
      ],
      'in > say, say > link, link > ask, ask.approved > more, more > reply',
    );
    const config = { channelId, actionTypes: ['message'], mode: 'sync' as const };
    await sluice.client.call('webhooks.create', { body: { name: 'talk', workflowId: id, nodeId: 'in', provider: 'instagram', config } });
    const answer = await message(channelId, 'hello');
    expect([answer.status, await answer.json()]).toEqual([200, { heard: 'hello' }]);

    const waiting = await onlyRunOf(id, 'waiting');
    const { nodes } = await ended(waiting.id, 'waiting');
    const said = nodes.find(({ nodeId }) => nodeId === 'link')?.output;
    const { link } = Object.assign({ link: '' }, said);
    const decided = await fetch(link, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve', comment: 'Go on.', by: 'Ada' }),
    });
    expect(decided.status).toBe(202);
    await eventually(async () => {
      const { nodes: now } = await sluice.client.call('executions.get', { path: { id: waiting.id } });
      if (now.find(({ nodeId }) => nodeId === 'more')?.status !== 'waiting') throw new Error('it does not wait for a message yet');
    });
    await message(channelId, 'more');
    const [arrived] = apis.delivered({ to: 'c' });
    expect(arrived?.text).toBe('You said more.');
    expect((await ended(waiting.id)).output).toEqual({ recipientId: 'c', messageId: arrived?.messageId });
  });

  it('every channel', async () => {
    const sent = (provider: string, to: string, text = 'Hi') => ({ provider, to, text });
    const [instagram, whatsapp] = [await channel(), await channel('whatsapp', '106540352242922')];
    const link = 'https://cdn.example.com/a.png';
    const nodes = [
      node('ig', 'instagram.sendMessage', { channelId: instagram, to: '9', text: 'Hi' }),
      node('dm', 'instagram.privateReply', { channelId: instagram, commentId: '1785', text: 'Hi' }),
      node('reply', 'instagram.replyToComment', { channelId: instagram, commentId: '1786', text: 'Hi' }),
      node('page', 'messenger.sendMessage', { channelId: await channel('messenger', '1067'), to: '24', text: 'Hi' }),
      node('wa', 'whatsapp.sendMessage', { channelId: whatsapp, to: '491', text: 'Hi' }),
      node('template', 'whatsapp.sendTemplate', { channelId: whatsapp, to: '492', name: 'sent', language: 'de' }),
      node('media', 'whatsapp.sendMedia', { channelId: whatsapp, to: '493', type: 'image', link }),
      node('bot', 'telegram.sendMessage', { channelId: await channel('telegram', '7', '7:AAF-token'), to: '5', text: 'Hi' }),
      node('slack', 'slack.sendMessage', { channelId: await channel('slack', 'T1'), to: 'C1', text: 'Hi' }),
      node('line', 'line.sendMessage', { channelId: await channel('line', `U${hex}`), to: 'U1', text: 'Hi' }),
      node('discord', 'discord.sendMessage', { channelId: await channel('discord', '110000000000000001'), to: '12', text: 'Hi' }),
      node('sms', 'twilio.sendSms', {
        channelId: await channel('twilio', `AC${hex}`),
        to: '+4915112345678',
        from: '+15005550006',
        text: 'Hi',
      }),
    ];
    const id = await published('channels', [node('in', 'trigger.manual'), ...nodes], nodes.map((each) => `in > ${each.id}`).join(', '));
    const execution = await ended(await started(id, {}));
    const arrived = apis.delivered().filter(({ to }) => to !== 'c');
    expect(
      arrived.map(({ provider, to, text }) => ({ provider, to, text })).toSorted((one, other) => (one.to < other.to ? -1 : 1)),
    ).toEqual(
      [
        sent('instagram', '9'),
        sent('instagram', '1785'),
        sent('instagram', '1786'),
        sent('messenger', '24'),
        sent('whatsapp', '491'),
        sent('whatsapp', '492', 'sent'),
        sent('whatsapp', '493', link),
        sent('telegram', '5'),
        sent('slack', 'C1'),
        sent('line', 'U1'),
        sent('discord', '12'),
        sent('twilio', '+4915112345678'),
      ].toSorted((one, other) => (one.to < other.to ? -1 : 1)),
    );
    const named = execution.nodes.flatMap(({ output }) => Object.entries(output ?? {}).filter(([field]) => field === 'messageId'));
    expect(named.map(([, messageId]) => messageId).toSorted()).toEqual(arrived.map(({ messageId }) => messageId).toSorted());
  });

  it('interactions and messages, answered by the token that came with them', async () => {
    const keys = generateKeyPairSync('ed25519');
    const publicKey = keys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
    const application = '110000000000000001';
    const listen = async (provider: string, channelId: string, nodes: Nodes, drawn: string) => {
      const id = await published(provider, [node('in', 'trigger.webhook'), ...nodes], drawn);
      const config = { channelId, actionTypes: ['all'] };
      await sluice.client.call('webhooks.create', { body: { name: provider, workflowId: id, nodeId: 'in', provider, config } });
      return id;
    };
    const call = async (provider: string, channelId: string, body: string, headers: Record<string, string>) => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body };
      const answer = await fetch(`${sluice.urls.gateway}/webhooks/${channelId}/${provider}/all`, init);
      expect(answer.status).toBe(200);
    };

    const discord = await channel('discord', application, 'token-1', publicKey);
    const answering = await listen(
      'discord',
      discord,
      [node('answer', 'discord.respond', { text: 'Hi {{ trigger.customerId }}' })],
      'in > answer',
    );
    const command = { id: '1300000000000000001', application_id: application, type: 2, token: 'interaction-1', user: { id: '8' } };
    const [time, said] = [String(Math.floor(Date.now() / 1_000)), JSON.stringify({ ...command, data: { name: 'hi' } })];
    const signature = sign(null, Buffer.from(`${time}${said}`), keys.privateKey).toString('hex');
    await call('discord', discord, said, { 'x-signature-timestamp': time, 'x-signature-ed25519': signature });
    await onlyRunOf(answering, 'completed');
    expect(apis.delivered({ provider: 'discord', to: 'interaction-1' })).toMatchObject([{ account: application, text: 'Hi 8' }]);

    const line = await channel('line', `U${hex}`);
    const nodes = ['one', 'two'].map((id) => node(id, 'line.sendMessage', { to: '{{ trigger.customerId }}', text: id }));
    const talking = await listen('line', line, nodes, 'in > one, one > two');
    const message = { type: 'message', mode: 'active', webhookEventId: '01K', timestamp: Date.now(), replyToken: 'reply-1' };
    const body = JSON.stringify({
      destination: `U${hex}`,
      events: [{ ...message, source: { type: 'user', userId: 'Uc' }, message: { id: '1', type: 'text', text: 'Hi' } }],
    });
    await call('line', line, body, { 'x-line-signature': createHmac('sha256', secret).update(body).digest('base64') });
    await onlyRunOf(talking, 'completed');
    // Its token is good for one answer; what follows is pushed.
    const arrived = ['reply reply-1', 'Uc'].flatMap((to) => apis.delivered({ provider: 'line', to }));
    expect(arrived.map(({ text }) => text)).toEqual(['one', 'two']);
  });

  it('a schedule', async () => {
    const id = await published(
      'every second',
      [node('in', 'trigger.schedule', { cron: '* * * * * *' }), node('note', 'data.set', { values: { at: '{{ trigger.scheduledFor }}' } })],
      'in > note',
    );
    const first = await onlyRunOf(id, 'completed');
    expect(first.trigger.source).toBe('schedule');
    await sluice.client.call('workflows.delete', { path: { id } });
  });

  it('leaves no type out', async () => {
    const { items } = await sluice.client.call('nodeTypes.list', {});
    expect(items.map(({ type }) => type).filter((type) => !used.has(type))).toEqual([]);
  });
});
