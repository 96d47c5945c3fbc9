import { eventually, startProxy, type TcpProxy, testRedisUrl } from '@sluice/testing';
import { Redis } from 'ioredis';
import { type Limit, Rates } from './rates.js';
import { RedisCounts } from './redis-counts.js';

const hour = 3_600_000;
const limit: Limit = { name: `test-${process.pid}`, max: 100, perMs: 1_000 * hour };

let redis: Redis;
let proxy: TcpProxy;
let behindProxy: string;
const running: Rates[] = [];

beforeAll(async () => {
  const url = new URL(await testRedisUrl());
  proxy = await startProxy({ target: { host: url.hostname, port: Number(url.port) } });
  redis = new Redis(url.href);
  url.host = `127.0.0.1:${proxy.port}`;
  behindProxy = url.href;
});
afterEach(() => proxy.set({ swallow: false }));
afterAll(async () => {
  for (const rates of running) rates.onApplicationShutdown();
  redis.disconnect();
  await proxy.stop();
});

function oneProcess(): Rates {
  const rates = new Rates(() => 1_500 * hour, new RedisCounts(behindProxy));
  running.push(rates);
  return rates;
}
const granted = (rates: Rates, of: string, count = 100) =>
  Array.from({ length: count }, () => rates.take(limit, of)).filter((refusal) => refusal === undefined).length;

const told = (of: string) =>
  redis.hvals(`{sluice}:rates:${limit.name}/${of}:1`).then((counts) => counts.reduce((sum, count) => sum + Number(count), 0));

it('T-13 several processes keep one limit', async () => {
  const [a, b] = [oneProcess(), oneProcess()];
  expect(granted(a, 'shared', 60)).toBe(60);
  await eventually(async () => expect(await told('shared')).toBe(60));
  await eventually(() => granted(b, 'shared', 1) === 0);
  await eventually(async () => expect(await told('shared')).toBe(100));
  await eventually(() => granted(a, 'shared', 1) === 0);
});

it('T-14 a wiped Redis has the counts again with the next exchange', async () => {
  const rates = oneProcess();
  expect(granted(rates, 'wiped', 50)).toBe(50);
  await eventually(async () => expect(await told('wiped')).toBe(50));
  await redis.del(`{sluice}:rates:${limit.name}/wiped:1`);
  expect(granted(rates, 'wiped', 1)).toBe(1);
  await eventually(async () => expect(await told('wiped')).toBe(51));
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
])(
  'T-14 with a Redis that is %s each process keeps the limit by itself at once, and shares it when Redis is back',
  async (how, go, comeBack) => {
    const [a, b] = [oneProcess(), oneProcess()];
    granted(a, how, 10);
    await eventually(async () => expect(await told(how)).toBe(10));

    go();
    expect(granted(a, how, 200)).toBe(90);
    expect(granted(b, how, 200)).toBe(100);

    comeBack();
    await eventually(async () => expect(await told(how)).toBe(200), { timeoutMs: 15_000 });
  },
);
