import { randomBytes } from 'node:crypto';
import { newId } from '@sluice/kernel';
import { createHttpApp } from '@sluice/platform-http';
import { startApp } from '@sluice/platform-runtime';
import { createLogger } from '@sluice/platform-telemetry';
import { CommandAuthenticator } from '@sluice/tenancy-write';
import { answers, eventually, metaJson, signInstagram, type TestDatabase, testDatabase, unsafeTestServers } from '@sluice/testing';
import pg from 'pg';
import { StandaloneModule } from '../src/app.module.js';
import { readConfig } from '../src/config.js';

export const signingSecret = '3f1c9a7be2d84056a1b0c9d8e7f60514';

interface Answer {
  readonly status: number;
  // What an API answers is for the test to say.
  readonly body: ReturnType<typeof JSON.parse>;
}

/** All of Sluice in the test's own process, on a database of its own unless one is given; `db` sees everything. */
export async function inProcess(env: NodeJS.ProcessEnv = {}, given?: TestDatabase) {
  const stores = given ?? (await testDatabase());
  const apiKey = `admin-${randomBytes(16).toString('hex')}`;
  const platformKey = `platform-${randomBytes(16).toString('hex')}`;
  const tenantId = newId();
  const config = readConfig({
    ...unsafeTestServers,
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    SLUICE_BOOTSTRAP_TENANT_ID: tenantId,
    SLUICE_BOOTSTRAP_API_KEY: apiKey,
    SLUICE_BOOTSTRAP_PLATFORM_KEY: platformKey,
    ...env,
  });
  const logger = createLogger('standalone', 'silent');
  const app = await createHttpApp(StandaloneModule.forRoot(config, stores, logger), {
    logger,
    authenticator: CommandAuthenticator,
    jwt: config.jwt,
    http: config.http,
  });
  const running = await startApp(app, { ...config, http: { ...config.http, host: '127.0.0.1', port: 0 } }, logger);
  const base = running.url;
  await eventually(() => answers(`${base}/healthz`));
  const db = new pg.Pool({ connectionString: stores.commandUrl, max: 3 });
  db.on('error', () => {});

  async function call(method: string, path: string, body?: unknown, key = apiKey): Promise<Answer> {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  let sent = 0;
  function deliver(
    endpointId: string,
    text: string,
    account: string,
    secret = signingSecret,
    customer = 'customer',
    timestamp = Date.now(),
  ): Promise<Response> {
    sent += 1;
    const item = { sender: { id: customer }, recipient: { id: account }, timestamp, message: { mid: `m${sent}-${timestamp}`, text } };
    const body = metaJson({ object: 'instagram', entry: [{ id: account, time: timestamp, messaging: [item] }] });
    return fetch(`${base}/webhooks/${endpointId}/instagram/all`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(secret, body) },
      body,
    });
  }

  return {
    base,
    tenantId,
    stores,
    apiKey,
    platformKey,
    db,
    call,
    /** The id of what was made; throws with the answer when it was not. */
    async made(path: string, body: unknown): Promise<string> {
      const answer = await call('POST', path, body);
      if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body.id;
    },
    async published(definition: object): Promise<string> {
      const { body } = await call('POST', '/api/workflows', definition);
      const answer = await call('POST', `/api/workflows/${body.id}/publish`);
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      return body.id;
    },
    /** A signed message to an account, sent to the endpoint of a channel or provider app. */
    deliver,
    /** As `deliver`; the status of the answer. */
    async message(...delivery: Parameters<typeof deliver>): Promise<number> {
      return (await deliver(...delivery)).status;
    },
    /** How many events of a channel have which status. */
    async eventStatuses(channelId: string): Promise<Record<string, number>> {
      const { rows } = await db.query<{ status: string; events: number }>(
        'SELECT status, count(*)::int AS events FROM webhook_events WHERE channel_id = $1 GROUP BY 1',
        [channelId],
      );
      return Object.fromEntries(rows.map(({ status, events }) => [status, events]));
    },
    /** What the query API says of a thing, once it says what is expected. */
    async shows(path: string, expected: object): Promise<void> {
      await eventually(async () => expect((await call('GET', path)).body).toMatchObject(expected));
    },
    async close(): Promise<void> {
      await db.end();
      await running.close();
      await stores.drop();
    },
  };
}

export type InProcess = Awaited<ReturnType<typeof inProcess>>;
