import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { startRedis } from '@sluice/platform-local-servers';
import { eventually, freePort, startProxy, type TestDatabase, testDatabase, unsafeTestServers } from '@sluice/testing';
import pg from 'pg';

const services = ['webhook-gateway', 'command-api', 'query-api', 'execution-worker', 'projector'];
const root = join(import.meta.dirname, '..', '..', '..');

let stores: TestDatabase;
let redis: Awaited<ReturnType<typeof startRedis>>;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  stores = await testDatabase();
  redis = await startRedis({ settings: { 'maxmemory-policy': 'allkeys-lru' } });
}, 60_000);
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await redis.stop();
  await stores.drop();
});

async function start(app: string, env: NodeJS.ProcessEnv) {
  const port = await freePort();
  const child = spawn(process.execPath, [join(root, 'apps', app, 'dist', 'main.js')], {
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'fatal',
      COMMAND_DATABASE_URL: stores.commandUrl,
      QUERY_DATABASE_URL: stores.queryUrl,
      REDIS_URL: redis.url,
      ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  const ended = once(child, 'exit').then(([code]) => {
    running.delete(child);
    return { code: Number(code), said };
  });
  const up = () =>
    Promise.race([
      eventually(() => fetch(`http://127.0.0.1:${port}/healthz`).then(({ ok }) => ok), { timeoutMs: 90_000 }),
      ended.then(({ code }) => Promise.reject(new Error(`${app} ended with ${code}: ${said}`))),
    ]);
  return { url: `http://127.0.0.1:${port}`, child, ended, up };
}

const readiness = async (url: string) => {
  const response = await fetch(`${url}/readyz`);
  const body: ReturnType<typeof JSON.parse> = await response.json();
  return { status: response.status, body };
};

const refuses = async (app: string) => {
  const { ended } = await start(app, { UNSAFE_SAMPLE_SECRETS: 'on' });
  const { code, said } = await ended;
  expect(code).toBe(1);
  expect(said).toContain(`${app}: It is not safe to work here:`);
  const stored = app === 'query-api' ? ['query'] : app === 'projector' ? ['command', 'query'] : ['command'];
  for (const store of stored) {
    expect(said).toContain(`  - ${store} store: The login`);
    expect(said).toContain(`  - ${store} store: Postgres runs with fsync=off`);
  }
  expect(said).toContain('  - Redis may evict keys (maxmemory-policy allkeys-lru)');
};

it('R-08: no app starts where it is not safe to work, and each says everything at once', async () => {
  await Promise.all(services.map(refuses));
}, 120_000);

it('a secret out of an example is a problem of the configuration, among the others', async () => {
  const { ended } = await start('webhook-gateway', { ENCRYPTION_KEYS: `k1:${Buffer.alloc(32).toString('base64')}`, PORT: 'x' });
  const { code, said } = await ended;
  expect(code).toBe(1);
  expect(said).toContain('  - ENCRYPTION_KEYS: holds a key that is not random');
  expect(said).toContain('  - PORT: must be a port number');
}, 60_000);

const startsWithout = async (app: string) => {
  const { hostname: host, port } = new URL(stores.commandUrl);
  const [postgresProxy, redisProxy] = [
    await startProxy({ target: { host, port: Number(port) } }),
    await startProxy({ target: { host: '127.0.0.1', port: Number(new URL(redis.url).port) } }),
  ];
  for (const proxy of [postgresProxy, redisProxy]) proxy.refuse(true);
  const through = (url: string, proxy: typeof postgresProxy) => Object.assign(new URL(url), { host: `127.0.0.1:${proxy.port}` }).href;
  const apiKey = `boot-${randomBytes(12).toString('hex')}`;
  const { url, child, ended, up } = await start(app, {
    ...unsafeTestServers,
    UNSAFE_REDIS_EVICTION: 'on',
    COMMAND_DATABASE_URL: through(stores.commandUrl, postgresProxy),
    QUERY_DATABASE_URL: through(stores.queryUrl, postgresProxy),
    REDIS_URL: through(redis.url, redisProxy),
    SLUICE_BOOTSTRAP_TENANT_ID: crypto.randomUUID(),
    SLUICE_BOOTSTRAP_API_KEY: apiKey,
  });
  await up();
  const away = await readiness(url);
  expect(away.status).toBe(503);
  const store = app === 'query-api' ? 'queryStore' : 'commandStore';
  expect(away.body.checks[store]).toEqual({ status: 'down', message: expect.stringContaining('has not been reached yet') });
  expect(away.body.checks.redis).toEqual({ status: 'degraded', message: expect.stringContaining('work goes on by polling') });

  for (const proxy of [postgresProxy, redisProxy]) proxy.refuse(false);
  await eventually(
    async () =>
      expect(await readiness(url)).toMatchObject({
        status: 200,
        body: { status: 'degraded', checks: { [store]: { status: 'ok' }, redis: { message: expect.stringContaining('may evict') } } },
      }),
    { timeoutMs: 40_000 },
  );
  if (app === 'command-api') {
    const db = new pg.Client(stores.commandUrl);
    await db.connect();
    await eventually(async () => expect((await db.query('SELECT FROM api_keys')).rowCount).toBeGreaterThan(0));
    await db.end();
  }
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
  await Promise.all([postgresProxy.stop(), redisProxy.stop()]);
};

it('every app starts without Postgres and Redis, is not ready, and is once they are there', async () => {
  await Promise.all(services.map(startsWithout));
}, 200_000);
