import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AnswerOf, type InputOf, type ItemOf, SluiceProblem } from '@sluice/client';
import { eventually, metaJson, type ProviderCase, signInstagram } from '@sluice/testing';
import { type Running, runServices, runStandalone } from './running.js';

type WebhookEvent = ItemOf<'channels.events'>;
type Execution = AnswerOf<'executions.get'>;
type WorkflowBody = InputOf<'workflows.create'>['body'];
type Nodes = NonNullable<WorkflowBody['nodes']>;

const secret = '3f1c9a7be2d84056a1b0c9d8e7f60514';
const account = '17841465550001234';

/** The outside: whatever an effect calls. Remembers every call. */
interface Outside {
  readonly url: string;
  readonly calls: {
    readonly path: string;
    readonly key: string | undefined;
    readonly body: string;
    readonly authorization: string | undefined;
  }[];
  readonly server: Server;
}

async function startOutside(): Promise<Outside> {
  const calls: Outside['calls'] = [];
  const bodyOf = async (request: IncomingMessage) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await bodyOf(request);
    const path = request.url ?? '';
    const key = request.headers['idempotency-key'];
    calls.push({ path, key: typeof key === 'string' ? key : undefined, body, authorization: request.headers.authorization });
    response.setHeader('content-type', 'application/json');
    if (path.startsWith('/flaky') && calls.filter((call) => call.path === path).length === 1) response.statusCode = 503;
    if (path.startsWith('/broken')) response.statusCode = 400;
    response.end(JSON.stringify(path.endsWith('/me/messages') ? { recipient_id: 'customer', message_id: 'mid.1' } : { path }));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls, server };
}

describe.each([
  ['standalone', runStandalone],
  ['services on Redis', runServices],
])('the main job: %s', (_mode, run) => {
  let sluice: Running;
  let outside: Outside;

  beforeAll(async () => {
    outside = await startOutside();
    sluice = await run({ OUTBOUND_ALLOW: new URL(outside.url).host, INSTAGRAM_API_URL: `${outside.url}/graph` });
  }, 120_000);

  afterAll(async () => {
    await sluice?.stop();
    outside?.server.close();
  }, 60_000);

  const channelOf = (providerCase: Pick<ProviderCase, 'secret' | 'verifyToken' | 'accountId'>) =>
    sluice.client.call('channels.create', {
      body: {
        provider: 'instagram',
        name: 'Fixture channel',
        ...(providerCase.accountId === null ? {} : { externalAccountId: providerCase.accountId }),
        credentials: {
          signingSecrets: [providerCase.secret ?? secret],
          accessToken: 'ig-token-e2e',
          ...(providerCase.verifyToken === undefined ? {} : { verifyToken: providerCase.verifyToken }),
        },
      },
    });

  const published = async (body: WorkflowBody): Promise<string> => {
    const { id } = await sluice.client.call('workflows.create', { body });
    await sluice.client.call('workflows.publish', { path: { id } });
    return id;
  };

  const workflow = (nodes: Nodes, edges: WorkflowBody['edges']): Promise<string> =>
    published({ name: 'e2e', nodes: [{ id: 'in', type: 'trigger.webhook', config: {} }, ...nodes], edges });

  const listening = (workflowId: string, channelId: string, actionTypes = ['all']) =>
    sluice.client.call('webhooks.create', {
      body: { name: 'e2e', workflowId, nodeId: 'in', provider: 'instagram', config: { channelId, actionTypes } },
    });

  let sent = 0;
  const message = (text: string) => {
    sent += 1;
    const timestamp = Date.now();
    return metaJson({
      object: 'instagram',
      entry: [
        {
          id: account,
          time: timestamp,
          messaging: [
            { sender: { id: 'customer' }, recipient: { id: account }, timestamp, message: { mid: `m${sent}-${timestamp}`, text } },
          ],
        },
      ],
    });
  };

  const deliver = (channelId: string, body: string, action = 'message') =>
    fetch(`${sluice.urls.gateway}/webhooks/${channelId}/instagram/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(secret, body) },
      body,
    });

  const eventsOf = async (channelId: string): Promise<WebhookEvent[]> => {
    const events: WebhookEvent[] = [];
    for await (const event of sluice.client.items('channels.events', { path: { id: channelId } })) events.push(event);
    return events;
  };

  /** The one run that this message started, at its end. */
  const runOf = async (channelId: string): Promise<Execution> => {
    let execution: Execution | undefined;
    await eventually(async () => {
      const [event] = await eventsOf(channelId);
      expect(event).toMatchObject({ status: 'processed' });
      expect(event?.executionIds).toHaveLength(1);
      execution = await sluice.client.call('executions.get', { path: { id: event?.executionIds[0] ?? '' } });
      expect(['completed', 'failed', 'incomplete']).toContain(execution.status);
    });
    if (execution === undefined) throw new Error('no run');
    return execution;
  };

  it('a message runs through branches, a join, an effect and a delay to its end', async () => {
    const channel = await channelOf({ secret, verifyToken: undefined, accountId: account });
    const id = await workflow(
      [
        { id: 'fork', type: 'data.set', config: { values: { asked: '{{ trigger.text }}' } } },
        {
          id: 'call',
          type: 'http.request',
          config: { method: 'POST', url: `${outside.url}/orders`, body: { asked: '{{ input.asked }}' } },
        },
        { id: 'wait', type: 'flow.delay', config: { ms: 50 } },
        { id: 'join', type: 'logic.merge', config: { mode: 'all' } },
        {
          id: 'end',
          type: 'data.transform',
          config: { expression: '{ "status": input.call.status, "asked": $uppercase(input.wait.asked), "sum": $sum([1..3]) }' },
        },
      ],
      [
        { source: 'in', target: 'fork' },
        { source: 'fork', target: 'call' },
        { source: 'fork', target: 'wait' },
        { source: 'call', target: 'join' },
        { source: 'wait', target: 'join' },
        { source: 'join', target: 'end' },
      ],
    );
    const { endpoint } = await listening(id, channel.id, ['message']);
    expect(new URL(endpoint, sluice.urls.gateway).pathname).toBe(`/webhooks/${channel.id}/instagram/message`);
    expect((await deliver(channel.id, message('blue?'))).status).toBe(200);
    const execution = await runOf(channel.id);
    expect(execution).toMatchObject({ status: 'completed', output: { status: 200, asked: 'BLUE?', sum: 6 } });
    expect(execution.nodes.map(({ nodeId, status }) => `${nodeId} ${status}`).sort()).toEqual(
      ['call completed', 'end completed', 'fork completed', 'in completed', 'join completed', 'wait completed'].sort(),
    );
    expect(execution.nodes.find(({ nodeId }) => nodeId === 'join')?.input).toMatchObject({
      call: { status: 200 },
      wait: { asked: 'blue?' },
    });
    const orders = outside.calls.filter(({ body }) => body.includes('blue?'));
    expect(orders).toHaveLength(1);
    expect(orders[0]?.key).toMatch(/^[\w-]{43}$/);
  });

  it('an effect is retried with the same key, and its error handle is taken when it fails for good', async () => {
    const channel = await channelOf({ secret, verifyToken: undefined, accountId: account });
    const path = `/flaky/${channel.id}`;
    const id = await workflow(
      [
        {
          id: 'flaky',
          type: 'http.request',
          config: { method: 'POST', url: `${outside.url}${path}`, body: {} },
          policy: { retry: { delayMs: 10, backoff: 'fixed' } },
        },
        { id: 'broken', type: 'http.request', config: { method: 'POST', url: `${outside.url}/broken`, body: {} } },
        { id: 'sorry', type: 'data.set', config: { values: { failed: '{{ $exists(input.error) }}' } } },
      ],
      [
        { source: 'in', target: 'flaky' },
        { source: 'flaky', target: 'broken' },
        { source: 'broken', target: 'sorry', sourceHandle: 'error' },
      ],
    );
    await listening(id, channel.id);
    await deliver(channel.id, message('try'));
    const execution = await runOf(channel.id);
    expect(execution).toMatchObject({ status: 'completed', output: { failed: true } });
    expect(execution.nodes.find(({ nodeId }) => nodeId === 'flaky')).toMatchObject({ status: 'completed', attempt: 2 });
    const keys = outside.calls.filter((call) => call.path === path).map(({ key }) => key);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });

  it('instagram.sendMessage answers on the channel that the message came by', async () => {
    const channel = await channelOf({ secret, verifyToken: undefined, accountId: account });
    const id = await workflow(
      [{ id: 'reply', type: 'instagram.sendMessage', config: { to: '{{ customer.id }}', text: 'You said {{ trigger.text }}' } }],
      [{ source: 'in', target: 'reply' }],
    );
    await listening(id, channel.id);
    await deliver(channel.id, message(`hello from ${channel.id}`));
    const execution = await runOf(channel.id);
    expect(execution).toMatchObject({ status: 'completed', output: { messageId: 'mid.1' } });
    const [call] = outside.calls.filter(({ body }) => body.includes(`hello from ${channel.id}`));
    expect(call).toMatchObject({ authorization: 'Bearer ig-token-e2e' });
    expect(JSON.parse(call?.body ?? '{}')).toMatchObject({
      recipient: { id: 'customer' },
      message: { text: `You said hello from ${channel.id}` },
    });
    expect(JSON.stringify(execution)).not.toContain('ig-token-e2e');
  });

  it('S-01: the outside does not include the private inside', async () => {
    const channel = await channelOf({ secret, verifyToken: undefined, accountId: account });
    const id = await workflow(
      [{ id: 'call', type: 'http.request', config: { method: 'GET', url: 'http://169.254.169.254/latest/meta-data' } }],
      [{ source: 'in', target: 'call' }],
    );
    await listening(id, channel.id);
    await deliver(channel.id, message('let me in'));
    expect(await runOf(channel.id)).toMatchObject({ status: 'failed', error: { code: 'outbound_refused' } });
  });

  it('the path `all` takes every family; the wrong path only records, and the right one raises', async () => {
    const channel = await channelOf({ secret, verifyToken: undefined, accountId: account });
    const id = await workflow([], []);
    await listening(id, channel.id, ['message', 'comment']);
    const body = message('which path?');
    expect((await deliver(channel.id, body, 'comment')).status).toBe(200);
    await eventually(async () =>
      expect(await eventsOf(channel.id)).toMatchObject([{ status: 'ignored', ignoredBecause: 'other_path', triggers: false }]),
    );
    expect((await deliver(channel.id, body, 'all')).status).toBe(200);
    await eventually(async () => {
      const [event, ...more] = await eventsOf(channel.id);
      expect(more).toEqual([]);
      expect(event).toMatchObject({ status: 'processed', triggers: true });
      expect(event?.executionIds).toHaveLength(1);
    });
  });

  it('a node is triggered by hand', async () => {
    const { id } = await sluice.client.call('workflows.create', {
      body: {
        name: 'by hand',
        nodes: [
          { id: 'go', type: 'trigger.manual', config: {} },
          { id: 'double', type: 'data.transform', config: { expression: '{ "twice": trigger.n * 2 }' } },
        ],
        edges: [{ source: 'go', target: 'double' }],
      },
    });
    const trigger = () => sluice.client.call('workflows.trigger', { path: { id, nodeId: 'go' }, body: { input: { n: 21 } } });
    await expect(trigger()).rejects.toMatchObject({ status: 409, code: 'workflow_not_published' });
    await sluice.client.call('workflows.publish', { path: { id } });
    const { executionId } = await trigger();
    await eventually(async () =>
      expect(await sluice.client.call('executions.get', { path: { id: executionId } })).toMatchObject({
        status: 'completed',
        output: { twice: 42 },
      }),
    );
  });

  it('N-10: one delivery 100 times at once, and once more afterwards, is one event and one run', async () => {
    const channel = await channelOf({ secret, verifyToken: undefined, accountId: account });
    const id = await workflow(
      [{ id: 'end', type: 'data.set', config: { values: { said: '{{ trigger.text }}' } } }],
      [{ source: 'in', target: 'end' }],
    );
    await listening(id, channel.id, ['message']);
    const body = message('a hundred times');
    const answers = await Promise.all(Array.from({ length: 100 }, () => deliver(channel.id, body)));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    await runOf(channel.id);
    expect((await deliver(channel.id, body)).status).toBe(200);
    // What came after it is seen: so would be whatever it had left behind.
    expect((await deliver(channel.id, message('something else'))).status).toBe(200);
    await eventually(async () => {
      const events = await eventsOf(channel.id);
      expect(events.map(({ status, executionIds }) => `${status} ${executionIds.length}`)).toEqual(['processed 1', 'processed 1']);
    });
  });

  it('B-02 B-04: signed and hostile is recorded as one unknown event; forged and unknown is refused', async () => {
    const channel = await channelOf({ secret, verifyToken: undefined, accountId: account });
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
    expect((await deliver(channel.id, deep)).status).toBe(200);
    expect((await deliver(channel.id, '{"object":"instagram","text":"\\u0000"}')).status).toBe(200);
    await eventually(async () => {
      const events = await eventsOf(channel.id);
      expect(events.map(({ kind, status }) => `${kind} ${status}`)).toEqual(['unknown ignored', 'unknown ignored']);
    });
    const unknown = await deliver('0192f0a1-7c3e-7b52-9d41-5f0e6a7b8c90', message('nobody'));
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ error: 'Invalid webhook request', status: 404 });
    expect((await deliver('not-a-uuid', message('nobody'))).status).toBe(404);
  });

  it('T-01: another tenant\u2019s things do not exist', async () => {
    const { id } = await sluice.client.call('workflows.create', { body: { name: 'mine', nodes: [], edges: [] } });
    const foreign = await fetch(`${sluice.urls.query}/api/workflows/${id}`, { headers: { authorization: 'Bearer not-a-key' } });
    expect(foreign.status).toBe(401);
    const unknown = sluice.client.call('workflows.get', { path: { id: '0192f0a1-7c3e-7b52-9d41-5f0e6a7b8c90' } });
    await expect(unknown).rejects.toThrow(SluiceProblem);
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'workflow_not_found' });
  });
});
