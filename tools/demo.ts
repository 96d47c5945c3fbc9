import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type AnswerOf, SluiceClient } from '@sluice/client';
import { localSecrets } from '@sluice/platform-local-servers';
import { onSignal } from '@sluice/platform-runtime';
import { startStandalone } from '@sluice/standalone';

/** `npm run demo [-- --once]`: starts Sluice, lets signed Instagram deliveries run through a workflow, and shows what became of each. */
const { values: options } = parseArgs({ options: { once: { type: 'boolean', default: false } } });

const began = performance.now();
const say = (line = ''): void => console.log(line);
const env = { ...process.env };
const dataDir = env['SLUICE_DATA_DIR'] ?? '.sluice';

// The demo's target: a price list on this machine. The guard against private addresses lets it through because the operator says so.
const priceList = createServer((request, response) => {
  const item = new URL(request.url ?? '/', 'http://stub').searchParams.get('item');
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ item, price: item === 'blue' ? 42 : 35, currency: 'EUR' }));
});
await new Promise<void>((resolve) => priceList.listen(0, '127.0.0.1', resolve));
const target = `127.0.0.1:${(priceList.address() as AddressInfo).port}`;

const kept = localSecrets(join(dataDir, 'standalone'));
const tenantId = env['SLUICE_BOOTSTRAP_TENANT_ID'] ?? kept.tenantId;
const apiKey = env['SLUICE_BOOTSTRAP_API_KEY'] ?? kept.apiKey;

say('Starting Sluice: an embedded Postgres, the gateway, the APIs, a worker and the projector, in one process.');
const sluice = await startStandalone(
  {
    ...env,
    ...(options.once && env['PORT'] === undefined ? { PORT: '0' } : {}),
    LOG_LEVEL: env['LOG_LEVEL'] ?? 'warn',
    OUTBOUND_ALLOW: [env['OUTBOUND_ALLOW'], target].filter(Boolean).join(','),
    SLUICE_BOOTSTRAP_TENANT_ID: tenantId,
    SLUICE_BOOTSTRAP_API_KEY: apiKey,
  },
  say,
);
const stop = async (): Promise<void> => {
  priceList.close();
  await sluice.stop();
};
say(`Sluice is up at ${sluice.url} after ${((performance.now() - began) / 1_000).toFixed(1)} s.\n`);

const client = new SluiceClient({ commandUrl: sluice.url, queryUrl: sluice.url, apiKey });

const textOf = ({ output }: AnswerOf<'executions.get'>): unknown =>
  typeof output === 'object' && output !== null && 'text' in output ? output.text : undefined;

const problems: string[] = [];
const expect = (holds: boolean, otherwise: string): void => {
  if (!holds) problems.push(otherwise);
};

const accountId = `1784${Date.now()}`;
const signingSecret = randomBytes(16).toString('hex');

const send = async (text: string, mid: string, secret = signingSecret): Promise<number> => {
  const body = JSON.stringify({
    object: 'instagram',
    entry: [
      {
        id: accountId,
        time: Date.now(),
        messaging: [{ sender: { id: '9001' }, recipient: { id: accountId }, timestamp: Date.now(), message: { mid, text } }],
      },
    ],
  });
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
    body,
  });
  return response.status;
};

const until = async <T>(what: string, read: () => Promise<T | undefined>): Promise<T> => {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = await read();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not happen within 20 s`);
    await sleep(25);
  }
};

let endpoint = '';
try {
  const channel = await client.call('channels.create', {
    body: {
      provider: 'instagram',
      name: 'Demo shop',
      externalAccountId: accountId,
      credentials: { signingSecrets: [signingSecret], verifyToken: 'demo-verify-token' },
    },
  });
  say(`channel    ${channel.id}  Instagram account ${accountId}`);

  const workflow = await client.call('workflows.create', {
    body: {
      name: 'Answer price questions',
      tags: ['demo'],
      nodes: [
        { id: 'message', type: 'trigger.webhook', config: {} },
        {
          id: 'topic',
          type: 'logic.switch',
          config: { value: '{{ trigger.text }}', cases: [{ name: 'price', when: "$contains($lowercase(trigger.text), 'price')" }] },
        },
        { id: 'lookup', type: 'http.request', config: { method: 'GET', url: `http://${target}/prices`, query: { item: 'blue' } } },
        {
          id: 'answer',
          type: 'data.set',
          config: { values: { to: '{{ customer.id }}', text: 'It is {{ input.body.price }} {{ input.body.currency }}.' } },
        },
        { id: 'greet', type: 'data.set', config: { values: { to: '{{ customer.id }}', text: 'Hello! Ask me for a price.' } } },
      ],
      edges: [
        { source: 'message', target: 'topic' },
        { source: 'topic', target: 'lookup', sourceHandle: 'price' },
        { source: 'lookup', target: 'answer' },
        { source: 'topic', target: 'greet', sourceHandle: 'default' },
      ],
    },
  });
  const published = await client.call('workflows.publish', { path: { id: workflow.id } });
  say(`workflow   ${workflow.id}  version ${published.version} published`);

  const webhook = await client.call('webhooks.create', {
    body: {
      name: 'Messages of the demo shop',
      workflowId: workflow.id,
      nodeId: 'message',
      provider: 'instagram',
      config: { channelId: channel.id, actionTypes: ['message'] },
    },
  });
  endpoint = new URL(new URL(webhook.endpoint, sluice.url).pathname, sluice.url).href;
  say(`webhook    ${webhook.id}  listens at ${endpoint}\n`);

  const price = `m_${randomBytes(6).toString('hex')}`;
  const hello = `m_${randomBytes(6).toString('hex')}`;
  const deliveries = [
    { what: 'a price question', status: await send('What is the PRICE of the blue one?', price), expected: 200, mid: price },
    { what: 'a greeting', status: await send('Hi there', hello), expected: 200, mid: hello },
    {
      what: 'the price question again (the provider redelivers)',
      status: await send('What is the PRICE of the blue one?', price),
      expected: 200,
    },
    {
      what: 'a forged message (signed with another secret)',
      status: await send('Send me all your money', 'm_forged', 'f'.repeat(32)),
      expected: 401,
    },
  ];

  const events = await until('processing of both messages', async () => {
    const { items } = await client.call('channels.events', { path: { id: channel.id } });
    return items.length >= 2 && items.every(({ status }) => status === 'processed') ? items : undefined;
  });
  expect(events.length === 2, `${events.length} events were recorded instead of 2`);

  for (const [index, { what, status, expected, mid }] of deliveries.entries()) {
    say(`${index + 1}. ${what}`);
    say(`   answered ${status}${status === 200 ? ': durably recorded' : ': refused, nothing recorded'}`);
    expect(status === expected, `delivery ${index + 1} was answered ${status} instead of ${expected}`);
    if (status !== 200) continue;
    if (mid === undefined) {
      say('   nothing new: its key is known, no second run\n');
      continue;
    }
    const event = events.find(({ dedupeKey }) => dedupeKey.endsWith(mid));
    expect(event?.executionIds.length === 1, `event ${mid} started ${event?.executionIds.length} runs instead of 1`);
    const id = event?.executionIds[0] ?? '';
    const run = await until(`the end of run ${id}`, async () => {
      const found = await client.call('executions.get', { path: { id } });
      return found.status === 'completed' || found.status === 'failed' ? found : undefined;
    });
    expect(run.status === 'completed', `run ${run.id} ended ${run.status}`);
    say(`   run ${run.id} ${run.status} in ${run.durationMs} ms`);
    for (const { nodeId, type, status: nodeStatus } of run.nodes) say(`     ${nodeStatus.padEnd(10)} ${nodeId.padEnd(8)} ${type}`);
    say(`   output ${JSON.stringify(run.output)}\n`);
    const text = mid === price ? 'It is 42 EUR.' : 'Hello! Ask me for a price.';
    expect(textOf(run) === text, `run ${run.id} put out ${JSON.stringify(run.output)}`);
  }

  say(`\nAll of it is in the query API:
  curl -H 'Authorization: Bearer ${apiKey}' '${sluice.url}/api/executions?limit=5'
  curl -H 'Authorization: Bearer ${apiKey}' '${sluice.url}/api/channels/${channel.id}/events'

Start a run yourself:
  curl -X POST -H 'Authorization: Bearer ${apiKey}' -H 'Content-Type: application/json' \\
    -d '{"input":{"text":"price?"}}' '${sluice.url}/api/workflows/${workflow.id}/nodes/message/trigger'

  API docs   ${sluice.url}/api/docs
  tenant     ${tenantId}
`);
} catch (error) {
  problems.push(error instanceof Error ? error.message : String(error));
}

if (problems.length > 0) say(`Not as expected:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
else say(`Everything was as expected, ${((performance.now() - began) / 1_000).toFixed(1)} s after the start.`);

if (options.once || problems.length > 0) {
  await stop();
  process.exit(problems.length > 0 ? 1 : 0);
}
say('Sluice stays up. Ctrl-C stops it.');
onSignal(sluice.logger, stop);
