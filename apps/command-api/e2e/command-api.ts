import { randomBytes } from 'node:crypto';
import { newId } from '@sluice/kernel';
import { createLogger } from '@sluice/platform-telemetry';
import { answers, eventually, testDatabase, undocumented, unsafeTestServers } from '@sluice/testing';
import pg from 'pg';
import { readConfig } from '../src/config.js';
import { createApp } from '../src/create-app.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // What an API answers is for the test to say.
  readonly body: ReturnType<typeof JSON.parse>;
}

export interface CallOptions {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The real app on a free port, with a tenant, its admin key and a platform key; `db` sees everything. */
export async function commandApi(env: NodeJS.ProcessEnv = {}) {
  const stores = await testDatabase();
  const tenantId = newId();
  const [admin, platform] = [`admin-${randomBytes(16).toString('hex')}`, `platform-${randomBytes(16).toString('hex')}`];
  const services = readConfig({
    ...unsafeTestServers,
    REDIS_URL: 'redis://localhost:6379',
    COMMAND_DATABASE_URL: stores.commandUrl,
    DATABASE_POOL_SIZE: '5',
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    SLUICE_BOOTSTRAP_TENANT_ID: tenantId,
    SLUICE_BOOTSTRAP_API_KEY: admin,
    SLUICE_BOOTSTRAP_PLATFORM_KEY: platform,
    PUBLIC_URL: 'https://hooks.example.com',
    ...env,
  });
  // Tickets and notifications stay in process, as in standalone: no handler knows.
  const config = { ...services, redis: { redisUrl: undefined } };
  const app = await createApp(config, createLogger('command-api', 'silent'));
  await app.listen(0, '127.0.0.1');
  const base = await app.getUrl();
  await eventually(() => answers(`${base}/healthz`));
  const db = new pg.Client({ connectionString: stores.commandUrl });
  await db.connect();

  async function call(method: string, path: string, { key, body, headers }: CallOptions = {}): Promise<Answer> {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const answer: Answer = { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
    expect(undocumented('command-api', method, path, answer.status, answer.body?.type)).toBeUndefined();
    return answer;
  }

  return {
    app,
    config,
    tenantId,
    admin,
    platform,
    db,
    call,
    async keyFor(role: string, by = admin): Promise<string> {
      return (await call('POST', '/api/api-keys', { key: by, body: { name: role, role } })).body.key;
    },
    /** The types of an aggregate's events, in order; fails when its versions have a hole. */
    async eventTypes(aggregateId: string): Promise<string[]> {
      const { rows } = await db.query<{ type: string; aggregate_version: string }>(
        'SELECT type, aggregate_version FROM domain_events WHERE aggregate_id = $1 ORDER BY commit_id, ord',
        [aggregateId],
      );
      expect(rows.map((row) => Number(row.aggregate_version))).toEqual(rows.map((_, index) => index + 1));
      return rows.map(({ type }) => type);
    },
    async close(): Promise<void> {
      await db.end();
      await app.close();
      await stores.drop();
    },
  };
}

export type CommandApi = Awaited<ReturnType<typeof commandApi>>;
