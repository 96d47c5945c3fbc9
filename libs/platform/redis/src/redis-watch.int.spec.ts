import { freePort, startRedis } from '@sluice/platform-local-servers';
import { createLogger } from '@sluice/platform-telemetry';
import { eventually } from '@sluice/testing';
import { Redis } from 'ioredis';
import { register } from 'prom-client';
import { RedisWatch } from './redis-watch.js';

const gauge = async (name: string) => (await register.getSingleMetric(name)?.get())?.values[0]?.value;

function watching(redisUrl: string | undefined, mayEvict = false) {
  const logger = createLogger('test', 'silent');
  const errors: unknown[] = [];
  logger.error = (told: unknown) => void errors.push(told);
  return { watch: new RedisWatch({ redisUrl, mayEvict }, logger), errors };
}

it('R-08: a Redis that may evict keys is a reason not to start; switched so later it is said aloud until it is mended', async () => {
  const server = await startRedis({ settings: { 'maxmemory-policy': 'allkeys-lru' } });
  const { watch, errors } = watching(server.url);
  expect(await watch.problems()).toEqual([
    'Redis may evict keys (maxmemory-policy allkeys-lru): tickets would be lost again and again. CONFIG SET maxmemory-policy noeviction. UNSAFE_REDIS_EVICTION=on lets it through.',
  ]);
  const tolerant = watching(server.url, true);
  expect(await tolerant.watch.problems()).toEqual([]);

  expect(await watch.assertReady()).toContain('maxmemory-policy allkeys-lru');
  expect(await gauge('sluice_redis_may_evict')).toBe(1);
  expect(errors).toHaveLength(1);

  const redis = new Redis(server.url);
  await redis.config('SET', 'maxmemory-policy', 'noeviction');
  await redis.quit();
  await eventually(async () => expect(await watch.assertReady()).toBeUndefined());
  expect(await gauge('sluice_redis_may_evict')).toBe(0);
  watch.onApplicationShutdown();
  tolerant.watch.onApplicationShutdown();
  await server.stop();
}, 30_000);

it('R-03: says that Redis is away, and that it is back, and forbids nothing meanwhile', async () => {
  const port = await freePort();
  const { watch } = watching(`redis://127.0.0.1:${port}`);
  expect(await watch.assertReady()).toBe('Redis has not answered yet: work goes on by polling');
  const server = await startRedis({ port });
  await eventually(async () => expect(await watch.assertReady()).toBeUndefined());
  expect(await watch.problems()).toEqual([]);
  expect(await gauge('sluice_redis_up')).toBe(1);
  await server.stop();
  await eventually(async () => expect(await watch.assertReady()).toBe('Redis does not answer: work goes on by polling'));
  expect(await gauge('sluice_redis_up')).toBe(0);
  watch.onApplicationShutdown();
}, 30_000);

it('has nothing to say where there is no Redis', async () => {
  const { watch } = watching(undefined);
  expect([await watch.assertReady(), await watch.problems()]).toEqual([undefined, []]);
});
