import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '@sluice/testing';
import { inProcess, signingSecret } from './in-process.js';

const account = '17841465550001234';
let sluice: Awaited<ReturnType<typeof inProcess>>;
let server: Server;
let shop: string;
const calls: { readonly path: string; readonly key: string }[] = [];

beforeAll(async () => {
  server = createServer(({ url: path = '', headers }, response) => {
    calls.push({ path, key: String(headers['idempotency-key']) });
    response.setHeader('content-type', 'application/json').end('{"price":10}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  shop = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  sluice = await inProcess({ OUTBOUND_ALLOW: shop });
}, 120_000);

afterAll(async () => {
  await sluice?.close();
  server?.close();
});

const drawn = (condition: string) => ({
  nodes: [
    { id: 'in', type: 'trigger.webhook', config: {} },
    { id: 'asks', type: 'logic.if', config: { condition } },
    { id: 'lookup', type: 'http.request', config: { url: `http://${shop}/{{ trigger.text }}` } },
    { id: 'ignored', type: 'data.set', config: { values: { ignored: true } } },
  ],
  edges: [
    { source: 'in', target: 'asks' },
    { source: 'asks', target: 'lookup', sourceHandle: 'true' },
    { source: 'asks', target: 'ignored', sourceHandle: 'false' },
  ],
});

it('shows what a draft would have done with the events that came, and what one of its nodes does; sends nothing until asked to', async () => {
  const text = 'trigger.text';
  const workflowId = await sluice.published({ name: 'Answers', ...drawn(`{{ ${text} = "price" or ${text} = "cost" }}`) });
  const channelId = await sluice.made('/api/channels', {
    provider: 'instagram',
    name: 'Shop',
    externalAccountId: account,
    credentials: { signingSecrets: [signingSecret] },
  });
  await sluice.made('/api/webhooks', {
    name: 'h',
    workflowId,
    nodeId: 'in',
    provider: 'instagram',
    config: { channelId, actionTypes: ['all'] },
  });
  for (const said of ['price', 'cost', 'hello', 'price']) expect(await sluice.message(channelId, said, account)).toBe(200);
  const runs = await eventually(
    async () => {
      const { body } = await sluice.call('GET', `/api/workflows/${workflowId}/executions?status=completed`);
      expect(body.items).toHaveLength(4);
      return body.items;
    },
    { timeoutMs: 30_000 },
  );
  expect(calls.splice(0)).toHaveLength(3);

  await sluice.call('PUT', `/api/workflows/${workflowId}`, drawn(`{{ ${text} = "price" }}`));
  const asked = await sluice.call('POST', `/api/workflows/${workflowId}/backtest`, { events: 50 });
  expect(asked.status).toBe(202);
  const backtest = await eventually(
    async () => {
      const { body } = await sluice.call('GET', `/api/backtests/${asked.body.backtestId}`);
      expect(body.status).toBe('completed');
      return body;
    },
    { timeoutMs: 30_000 },
  );
  expect(backtest).toMatchObject({
    workflowId,
    draftRevision: 2,
    liveVersion: 1,
    events: { total: 4, done: 4, different: 1 },
    resultsTotal: 1,
  });
  const [result] = backtest.results;
  const run = runs.find(({ id }: { id: string }) => id === result.executionId);
  expect(run.trigger.webhookEventId).toBe(result.eventId);
  expect((await sluice.call('GET', `/api/executions/${result.executionId}`)).body.input.text).toBe('cost');
  expect(result.nodes.map(({ nodeId, why }: { nodeId: string; why: string }) => [nodeId, why]).toSorted()).toEqual([
    ['asks', 'path_changed'],
    ['ignored', 'path_changed'],
    ['lookup', 'path_changed'],
  ]);

  const test = (body: object) =>
    sluice.call('POST', `/api/workflows/${workflowId}/nodes/lookup/test`, { eventId: result.eventId, ...body });
  expect(await test({})).toMatchObject({ status: 200, body: { outcome: 'effect', effect: { url: `http://${shop}/cost` } } });
  expect(calls).toEqual([]);
  expect(await test({ effects: true })).toMatchObject({ status: 200, body: { outcome: 'done', output: { body: { price: 10 } } } });
  expect(calls).toEqual([{ path: '/cost', key: expect.stringMatching(/^test:/) }]);
}, 120_000);
