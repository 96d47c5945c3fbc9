import { eventually, startProxy, type TcpProxy, testRedisUrl } from '@sluice/testing';
import { Redis } from 'ioredis';
import { Paces } from './paces.js';
import { RedisPaces } from './redis-paces.js';

let redis: Redis;
let proxy: TcpProxy;
let behindProxy: string;
const running: Paces[] = [];

beforeAll(async () => {
  const url = new URL(await testRedisUrl());
  proxy = await startProxy({ target: { host: url.hostname, port: Number(url.port) } });
  redis = new Redis(url.href);
  url.host = `127.0.0.1:${proxy.port}`;
  behindProxy = url.href;
});
afterAll(async () => {
  for (const paces of running) paces.onApplicationShutdown();
  redis.disconnect();
  await proxy.stop();
});

/** One of so many processes. Without Redis it is never this one's turn for the budgets of this file. */
function oneProcess(): Paces {
  const paces = new Paces(() => 0, { paces: new RedisPaces(behindProxy), turn: () => Promise.resolve(undefined) });
  running.push(paces);
  return paces;
}
const hour = 3_600_000;
const account = (name: string) => `${name}-${process.pid}`;
const isTaken = async (paces: Paces, name: string, calls: number) =>
  (await paces.take(account(name), [{ key: 'account', calls, perMs: hour }], 0)).taken;
const taken = async (paces: Paces, name: string, asks: number, calls: number) => {
  let count = 0;
  for (let ask = 0; ask < asks; ask += 1) if (await isTaken(paces, name, calls)) count += 1;
  return count;
};
const keys = () => redis.keys('{sluice:pace:*');

it('T-13 several processes take from one budget', async () => {
  const [a, b] = [oneProcess(), oneProcess()];
  await eventually(async () => expect(await isTaken(a, 'warm', 10)).toBe(true));
  await eventually(async () => expect(await isTaken(b, 'warm-too', 10)).toBe(true));
  // A tenth of a hundred at once, whoever asks.
  const [first, second] = await Promise.all([taken(a, 'shared', 20, 100), taken(b, 'shared', 20, 100)]);
  expect(first + second).toBe(10);
});

it('gives places in order to those who may wait, takes nothing for those who may not, and tells these to come one by one', async () => {
  const paces = oneProcess();
  await eventually(async () => expect(await isTaken(paces, 'warm-places', 10)).toBe(true));
  const budgets = [
    { key: 'account', calls: 5, perMs: 5_000 },
    { key: 'to/9001', calls: 100, perMs: hour },
  ];
  const ask = (waitMsMax: number) => paces.take(account('places'), budgets, waitMsMax);
  const places = [await ask(2_500), await ask(2_500), await ask(2_500)];
  expect(places.map(({ taken: isOurs }) => isOurs)).toEqual([true, true, true]);
  expect(places[0]?.waitMs).toBe(0);
  const refused = [await ask(1_500), await ask(1_500), await ask(1_500)];
  expect(refused.map(({ taken: isOurs }) => isOurs)).toEqual([false, false, false]);
  const waits = refused.map(({ waitMs }) => waitMs);
  for (const [index, waitMs] of waits.entries()) if (index > 0) expect(waitMs - (waits[index - 1] ?? 0)).toBeGreaterThan(800);
  expect(waits[0]).toBeGreaterThan(1_500);
});

it('I12 its keys tell nobody whom they are about, and live no longer than they say anything', async () => {
  const paces = oneProcess();
  await eventually(async () => expect(await isTaken(paces, 'warm-keys', 10)).toBe(true));
  const before = new Set(await keys());
  await paces.take('tenant/channel', [{ key: 'to/+4915112345678', calls: 2, perMs: 8_000 }], 0);
  const [key = ''] = (await keys()).filter((one) => !before.has(one));
  expect(key).toMatch(/^\{sluice:pace:[\w-]{22}\}:[\w-]{22}$/);
  const life = await redis.pttl(key);
  expect(life).toBeGreaterThan(2_000);
  expect(life).toBeLessThanOrEqual(4_002);
});

it.each([
  ['deaf', () => proxy.set({ swallow: true }), () => proxy.set({ swallow: false })],
  [
    'away',
    () => {
      proxy.refuse(true);
      proxy.cut();
    },
    () => proxy.refuse(false),
  ],
])('T-14 a Redis that is %s holds up no call, and is asked again when it is back', async (how, go, comeBack) => {
  const paces = oneProcess();
  await eventually(async () => expect(await isTaken(paces, `warm-${how}`, 10)).toBe(true));
  go();
  const began = performance.now();
  expect(await taken(paces, how, 100, 1_000)).toBe(0);
  // One waits for an answer, perhaps another after the connection was made anew; a hundred that wait would take five seconds.
  expect(performance.now() - began).toBeLessThan(2_000);
  comeBack();
  await eventually(async () => expect(await isTaken(paces, `back-${how}`, 10)).toBe(true), { timeoutMs: 15_000 });
});
