import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@sluice/kernel';
import { type TestDatabase, testDatabase, testRedisUrl, unsafeTestServers } from '@sluice/testing';
import pg from 'pg';

const main = join(import.meta.dirname, '..', 'dist', 'main.js');
const tenantId = newId();
const admin = `admin-${randomBytes(16).toString('hex')}`;

let stores: TestDatabase;
let db: pg.Client;
let env: NodeJS.ProcessEnv;
let url: string;
let app: ChildProcess | undefined;

beforeAll(async () => {
  stores = await testDatabase();
  db = new pg.Client(stores.commandUrl);
  await db.connect();
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  probe.close();
  url = `http://127.0.0.1:${port}`;
  env = {
    ...unsafeTestServers,
    PATH: process.env['PATH'],
    LOG_LEVEL: 'fatal',
    HOST: '127.0.0.1',
    PORT: String(port),
    COMMAND_DATABASE_URL: stores.commandUrl,
    REDIS_URL: await testRedisUrl(),
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    SLUICE_BOOTSTRAP_TENANT_ID: tenantId,
    SLUICE_BOOTSTRAP_API_KEY: admin,
  };
  await start();
}, 60_000);

afterAll(async () => {
  await kill();
  await db?.end();
  await stores?.drop();
});

async function start(): Promise<void> {
  app = spawn(process.execPath, [main], { env, stdio: 'inherit' });
  while (
    !(await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await sleep(25);
}

async function kill(): Promise<void> {
  const ended = app?.exitCode === null && app.signalCode === null ? once(app, 'exit') : undefined;
  app?.kill('SIGKILL');
  await ended;
}

interface Answer {
  readonly status: number;
  readonly body: { readonly id?: string; readonly version?: number; readonly key?: string; readonly secretShownOnce?: true };
  readonly replayed: boolean;
}

/** Undefined: no answer came. */
async function attempt(method: string, path: string, body: object | undefined, key: string): Promise<Answer | undefined> {
  try {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${admin}`,
        'idempotency-key': key,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? {} : JSON.parse(text),
      replayed: response.headers.get('idempotent-replayed') === 'true',
    };
  } catch {
    return undefined;
  }
}

/** Until it is answered; 409 and 503 say: again. */
async function insistent(method: string, path: string, body: object | undefined, key: string): Promise<Answer> {
  for (;;) {
    const answer = await attempt(method, path, body, key);
    if (answer !== undefined && answer.status !== 409 && answer.status !== 503) return answer;
    await sleep(20);
  }
}

const count = async (sql: string): Promise<number> => Number((await db.query(sql)).rows[0]?.count);

it('F-08: killed after the commit and before the answer, a retry gets the answer that was lost', async () => {
  const key = randomUUID();
  const before = await count('SELECT count(*) FROM event_commits');
  await db.query('BEGIN; SELECT * FROM event_head FOR UPDATE'); // the answer needs a position: it waits
  const lost = attempt('POST', '/api/api-keys', { name: 'CI', role: 'viewer' }, key);
  const watch = new pg.Client(stores.commandUrl);
  await watch.connect();
  while (Number((await watch.query('SELECT count(*) FROM event_commits')).rows[0]?.count) === before) await sleep(5);
  await watch.end();
  await kill();
  expect(await lost).toBeUndefined();
  await db.query('ROLLBACK');

  await start();
  const again = await attempt('POST', '/api/api-keys', { name: 'CI', role: 'viewer' }, key);
  expect(again).toEqual({ status: 201, body: { id: expect.any(String), secretShownOnce: true }, replayed: true });
  expect(await count('SELECT count(*) FROM event_commits')).toBe(before + 1);
  expect(await count(`SELECT count(*) FROM api_keys WHERE name = 'CI'`)).toBe(1);
}, 60_000);

it('F-08 F-09: three retries of every command at random moments, under kills, leave the state of one try', async () => {
  const drawing = { nodes: [{ id: 'start', type: 'trigger.manual', config: {} }] };
  /** What one client does: each command is called four times at once, and its answers must agree. */
  const four = async (method: string, path: string, body?: object): Promise<Answer['body']> => {
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () => {
        await sleep(Math.random() * 100);
        return insistent(method, path, body, key);
      }),
    );
    const [first, ...others] = answers.map(({ status, body: { key: _, secretShownOnce: __, ...rest } }) => ({ status, ...rest }));
    expect(first?.status).toBeLessThan(300);
    for (const other of others) expect(other).toEqual(first);
    return answers[0]?.body ?? {};
  };
  const client = async (name: string): Promise<void> => {
    const { id } = await four('POST', '/api/workflows', { name, ...drawing });
    expect((await four('POST', `/api/workflows/${id}/publish`)).version).toBe(1);
    await four('POST', `/api/workflows/${id}/nodes/start/trigger`, { input: { name } });
    await four('PUT', `/api/workflows/${id}`, { name: `${name}!`, nodes: [{ id: 'other', type: 'trigger.manual', config: {} }] });
    expect((await four('POST', `/api/workflows/${id}/publish`)).version).toBe(2);
    const { id: apiKeyId } = await four('POST', '/api/api-keys', { name, role: 'viewer' });
    await four('DELETE', `/api/api-keys/${apiKeyId}`);
    await four('DELETE', `/api/workflows/${id}`);
  };
  let done = false;
  let kills = 0;
  const killer = (async () => {
    while (!done) {
      await sleep(100 + Math.random() * 1_400);
      if (done) return;
      await kill();
      await start();
      kills += 1;
    }
  })();
  const names = Array.from({ length: 6 }, (_, index) => `w${index}`);
  await Promise.all(names.map(client)).finally(() => (done = true));
  await killer;

  expect(kills).toBeGreaterThan(0);
  const { rows } = await db.query<{ types: string }>(
    `SELECT string_agg(e.type, ' ' ORDER BY e.aggregate_version) AS types
     FROM domain_events e JOIN workflows w ON w.id = e.aggregate_id GROUP BY w.id`,
  );
  const life = 'workflow.created workflow.published workflow.updated workflow.published workflow.archived';
  expect(rows.map(({ types }) => types)).toEqual(names.map(() => life));
  expect(await count('SELECT count(*) FROM workflow_executions')).toBe(names.length);
  expect(await count('SELECT count(*) FROM workflow_versions')).toBe(2 * names.length);
  expect(await count(`SELECT count(*) FROM api_keys WHERE name LIKE 'w%' AND revoked_at IS NOT NULL`)).toBe(names.length);
  const commands = 8 * names.length + 1; // and the one of the test above
  expect(await count(`SELECT count(*) FROM domain_events WHERE type = 'audit.recorded'`)).toBe(commands);
  expect(await count('SELECT count(*) FROM idempotency_keys')).toBe(commands);
}, 240_000);
