import { metaJson, signInstagram, startProxy, type TcpProxy, testRedisUrl } from '@sluice/testing';
import { newId } from '@sluice/kernel';
import { type FiveApps, startFiveApps } from './five-apps.js';
import { signingSecret } from './in-process.js';

const account = '17841465550001234';
let proxy: TcpProxy;
let sluice: FiveApps;
beforeAll(async () => {
  const url = new URL(await testRedisUrl());
  proxy = await startProxy({ target: { host: url.hostname, port: Number(url.port) } });
  url.host = `127.0.0.1:${proxy.port}`;
  sluice = await startFiveApps({ REDIS_URL: url.href });
}, 120_000);
afterAll(async () => {
  proxy?.set({ swallow: false });
  proxy?.refuse(false);
  await sluice?.stop();
  await proxy?.stop();
});

async function call(method: string, path: string, body: unknown, key: string) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const answer = await fetch(`${sluice.apps['command-api'].url}${path}`, { method, headers, body: JSON.stringify(body) });
  return JSON.parse(await answer.text());
}

/** The endpoint of a tenant that may receive ten deliveries a minute. */
async function endpoint(): Promise<string> {
  const { id, key } = await call('POST', '/api/tenants', { name: 't' }, sluice.platformKey);
  await call('PUT', `/api/tenants/${id}/quotas`, { webhooksPerMinute: 10 }, sluice.platformKey);
  const channel = { provider: 'instagram', name: 'c', externalAccountId: account, credentials: { signingSecrets: [signingSecret] } };
  return `${sluice.apps['webhook-gateway'].url}/webhooks/${(await call('POST', '/api/channels', channel, key)).id}/instagram/all`;
}

async function deliver(url: string): Promise<number> {
  const item = { sender: { id: 'c' }, recipient: { id: account }, timestamp: Date.now(), message: { mid: newId(), text: 'hello' } };
  const body = metaJson({ object: 'instagram', entry: [{ id: account, time: Date.now(), messaging: [item] }] });
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(signingSecret, body) };
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

it.each([
  ['there', () => {}],
  ['deaf', () => proxy.set({ swallow: true })],
  [
    'away',
    () => {
      proxy.set({ swallow: false });
      proxy.refuse(true);
      proxy.cut();
    },
  ],
  ['back', () => proxy.refuse(false)],
])(
  'T-14 with a Redis that is %s a tenant has what it may, and no more',
  async (_how, happen) => {
    const url = await endpoint();
    happen();
    const statuses: number[] = [];
    for (let round = 0; round < 3; round += 1) statuses.push(...(await Promise.all(Array.from({ length: 10 }, () => deliver(url)))));
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(20);
  },
  60_000,
);
