import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { newId } from '@sluice/kernel';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import type { Notifications } from '@sluice/platform-notifications';
import type { Logger } from '@sluice/platform-telemetry';
import { eventually, startPostgrest, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { channelTable } from '../channel.table.js';
import { ChannelEncryption } from '../channel-encryption.js';
import { ConnectChannel, ConnectChannelHandler } from '../connect-channel.js';
import { type ChannelDependants, DeleteChannel, DeleteChannelHandler } from '../delete-channel.js';
import { readChannel } from '../read-channel.js';
import { RotateCredentials, RotateCredentialsHandler } from '../rotate-credentials.js';
import { TestChannel, TestChannelHandler } from '../test-channel.js';
import { ChannelChanges } from './channel-changes.js';
import { ChannelUpkeep, type UpkeepOptions } from './channel-upkeep.js';
import { ReportDeadCredentials, ReportDeadCredentialsHandler } from './report-dead-credentials.js';
import { ReportRefusedSend, ReportRefusedSendHandler } from './report-refused-send.js';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
const tenantId = newId();
const account = '17841465550001234';
const keys = [{ id: 'k1', key: Buffer.alloc(32, 7) }];
const encryption = new ChannelEncryption({ keys, supabase: undefined });
const notifications = { emit: () => {} } as unknown as Notifications;
const logged: unknown[] = [];
const logger = { info: (...line: unknown[]) => logged.push(line), warn: (...line: unknown[]) => logged.push(line) } as unknown as Logger;

/** The next so many changes find the store away. */
let away = 0;
class Changes extends ChannelChanges {
  override change(...change: Parameters<ChannelChanges['change']>): ReturnType<ChannelChanges['change']> {
    if (away === 0) return super.change(...change);
    away -= 1;
    return Promise.reject(new Error('the store is away'));
  }
}

let stores: TestDatabase;
let service: Database;
let api: Database;
let admin: pg.Pool;
let apiUrl: string;
let upkeeps: ChannelUpkeep[];
let oneMore: () => ChannelUpkeep;
let deaths: ReportDeadCredentialsHandler;
let changes: Changes;
let options: UpkeepOptions;

/** What the provider answers; each call is noted with the token that it came with. */
type Answer = { readonly status?: number; readonly body: object };
let answer: (call: string, token: string) => Answer | Promise<Answer>;
let calls: string[] = [];
const stub = createServer(
  (request, response) => void respond(request).then(({ status = 200, body }) => response.writeHead(status).end(JSON.stringify(body))),
);

async function respond(request: IncomingMessage): Promise<Answer> {
  const { method, url = '', headers } = request;
  const { pathname, searchParams } = new URL(url, 'http://stub');
  const form = new URLSearchParams(await text(request));
  const token = searchParams.get('access_token') ?? form.get('refresh_token') ?? (headers.authorization ?? '').replace('Bearer ', '');
  const call = `${method} ${pathname}`;
  calls.push(`${call} ${token}`);
  return answer(call, token);
}

beforeAll(async () => {
  stores = await testDatabase();
  const open = async (role: 'sluice_service' | 'sluice_api') => {
    const options: DatabaseOptions = {
      url: stores.commandUrl,
      poolSize: 6,
      role,
      app: 'test',
      schema: commandStoreSchema,
      entities: [channelTable],
    };
    return new Database(await dataSourceFor(options).initialize(), options);
  };
  [service, api] = await Promise.all([open('sluice_service'), open('sluice_api')]);
  admin = new pg.Pool({ connectionString: stores.commandUrl });
  await admin.query(`INSERT INTO tenants (id, name, effect_secret) VALUES ($1, 'Acme', 'secret')`, [tenantId]);
  await new Promise<void>((resolve) => void stub.listen(0, '127.0.0.1', resolve));
  apiUrl = `http://127.0.0.1:${(stub.address() as AddressInfo).port}`;
  changes = new Changes(service, notifications);
  deaths = new ReportDeadCredentialsHandler(changes);
  options = { outbound: { allow: ['127.0.0.1'] }, providerApis: { instagram: apiUrl, slack: apiUrl } };
  oneMore = () => new ChannelUpkeep(service, changes, deaths, encryption, logger, options);
  upkeeps = [oneMore(), oneMore()];
});

beforeEach(() => {
  calls = [];
  answer = () => ({ status: 500, body: {} });
});

/** Nothing of one test is due in the next. */
afterEach(() => admin.query('UPDATE channels SET care_at = NULL'));

afterAll(async () => {
  await Promise.all(upkeeps.map((upkeep) => upkeep.beforeApplicationShutdown()));
  stub.close().closeAllConnections();
  await Promise.all([service, api].map((database) => database.onApplicationShutdown()));
  await admin.end();
  await stores.drop();
});

const settings = (expiresAt: Date | null) => ({ provider: 'instagram', name: 'Shop', externalAccountId: account, config: {}, expiresAt });
const secrets = (accessToken?: string) => ({ signingSecrets: ['app-secret'], ...(accessToken === undefined ? {} : { accessToken }) });
const later = (ms: number) => new Date(Date.now() + ms);
const store = () => new CommandStore(api, notifications);

const connected = async (expiresAt: Date | null, accessToken?: string): Promise<string> =>
  (
    await new ConnectChannelHandler(store(), encryption).execute(
      new ConnectChannel(tenantId, settings(expiresAt), secrets(accessToken), 'ada'),
    )
  ).id;
const rotate = (id: string, accessToken: string, expiresAt: Date | null = null) =>
  new RotateCredentialsHandler(store(), encryption).execute(new RotateCredentials(tenantId, id, secrets(accessToken), expiresAt, 'ada'));
const opened = (id: string) => readChannel(service.pool, id, encryption, tenantId);

/** Two workers look at once, as long as there is anything to do at that time. */
async function lookAt(now: Date): Promise<void> {
  for (;;) {
    const taken = await Promise.all(upkeeps.map((upkeep) => upkeep.careForDue(now)));
    if (taken.every((count) => count === 0)) return;
  }
}

const eventsOf = async (id: string): Promise<{ type: string; payload: Record<string, unknown> }[]> =>
  (await admin.query('SELECT type, payload FROM domain_events WHERE aggregate_id = $1 ORDER BY aggregate_version', [id])).rows;
const typesOf = async (id: string) => (await eventsOf(id)).map(({ type }) => type);

it('what Supabase kept of a channel that was deleted while it was away is taken away when it is back, and nothing else', async () => {
  const postgrest = await startPostgrest(stores.queryUrl, ['channels.sql']);
  const query = new pg.Pool({ connectionString: stores.queryUrl });
  const kept = async () => (await query.query('SELECT id FROM channels ORDER BY id')).rows.map(({ id }) => id);
  const outside = new ChannelEncryption({ keys, supabase: { url: postgrest.url, serviceKey: postgrest.serviceKey } });
  const connect = new ConnectChannelHandler(store(), outside);
  const [gone, living] = [
    await connect.execute(new ConnectChannel(tenantId, settings(null), secrets(), 'ada')),
    await connect.execute(new ConnectChannel(tenantId, settings(null), secrets(), 'ada')),
  ];
  const dependants = { countHeldEvents: () => Promise.resolve(0), releaseChannel: () => Promise.resolve() } as unknown as ChannelDependants;
  postgrest.trouble('down');
  const before = postgrest.requests;
  await new DeleteChannelHandler(store(), outside, dependants).execute(new DeleteChannel(tenantId, gone.id, 'ada'));
  await eventually(() => expect(postgrest.requests).toBeGreaterThan(before));
  expect(await kept()).toEqual([gone.id, living.id]);

  const upkeep = new ChannelUpkeep(service, changes, deaths, outside, logger, options);
  upkeep.onApplicationBootstrap();
  await eventually(() => expect(logged).toContainEqual([{ reason: expect.stringContaining('cannot be reached') }, expect.any(String)]));
  expect(await kept()).toEqual([gone.id, living.id]);
  await upkeep.beforeApplicationShutdown();
  postgrest.trouble('none');
  const next = new ChannelUpkeep(service, changes, deaths, outside, logger, options);
  next.onApplicationBootstrap();
  await eventually(async () => expect(await kept()).toEqual([living.id]));
  await next.beforeApplicationShutdown();

  const asked = postgrest.requests;
  await outside.store.removeLeft(service.pool);
  expect(postgrest.requests).toBe(asked);
  await query.end();
  await postgrest.stop();
});

describe('warnings', () => {
  it('come once each, whichever workers look, and the channel says how it is', async () => {
    const expiresAt = later(20 * dayMs);
    const id = await connected(expiresAt);
    for (let days = 0; days <= 21; days += 1) {
      await lookAt(later(days * dayMs));
      await lookAt(later(days * dayMs));
    }
    expect((await eventsOf(id)).map(({ type, payload }) => `${type} ${payload['daysLeft'] ?? ''}`)).toEqual([
      'channel.connected ',
      'channel.credentials.expiring 14',
      'channel.credentials.expiring 7',
      'channel.credentials.expiring 3',
      'channel.credentials.expiring 1',
      'channel.credentials.expired ',
    ]);
    expect(await opened(id)).toMatchObject({ health: 'expired', healthReason: { code: 'credentials_expired' } });
    await rotate(id, 'token-after', later(60 * dayMs));
    expect(await opened(id)).toMatchObject({ health: 'ok', healthReason: null, credentialsVersion: 2 });
  });

  it('are due at a time, and nothing is looked at before it', async () => {
    const id = await connected(later(20 * dayMs));
    await lookAt(later(0));
    const { rows } = await admin.query('SELECT care_at, care_until FROM channels WHERE id = $1', [id]);
    expect(Math.abs(rows[0].care_at.getTime() - later(6 * dayMs).getTime())).toBeLessThan(60_000);
    expect(rows[0].care_until).toBeNull();
    expect(await upkeeps[0]?.careForDue(later(5 * dayMs))).toBe(0);
  });
});

describe("Instagram's tokens", () => {
  it('are refreshed from the seventh day on, by one worker, and what is not theirs stays', async () => {
    const id = await connected(later(60 * dayMs), 'token-1');
    answer = async (call) => {
      // Long enough for the other worker to look.
      await new Promise((resolve) => setTimeout(resolve, 50));
      return call.endsWith('subscribed_apps')
        ? { body: { data: [{ id: '1' }] } }
        : { body: { access_token: 'token-2', token_type: 'bearer', expires_in: 60 * 24 * 3600 } };
    };
    await lookAt(later(6 * dayMs + 23 * hourMs));
    expect(calls.filter((call) => call.includes('refresh'))).toEqual([]);

    const now = later(7 * dayMs + hourMs);
    await lookAt(now);
    await lookAt(now);
    expect(calls.filter((call) => call.includes('refresh'))).toEqual(['GET /refresh_access_token token-1']);
    const channel = await opened(id);
    expect(channel).toMatchObject({ credentialsVersion: 2, secrets: { signingSecrets: ['app-secret'], accessToken: 'token-2' } });
    expect(channel?.expiresAt).toEqual(new Date(now.getTime() + 60 * dayMs));
    expect((await eventsOf(id)).at(-1)).toMatchObject({
      type: 'channel.credentials.rotated',
      payload: { version: 2, by: 'system:refresh' },
    });
    expect((await admin.query('SELECT version FROM credentials WHERE channel_id = $1', [id])).rows).toEqual([{ version: 2 }]);
  });

  it('are not asked for before they are a day here, nor after their end', async () => {
    const id = await connected(later(30 * dayMs), 'token-old');
    await lookAt(later(23 * hourMs));
    expect(calls).toEqual([]);
    await admin.query('UPDATE channels SET care_at = $2 WHERE id = $1', [id, later(31 * dayMs)]);
    await lookAt(later(31 * dayMs));
    expect(calls).toEqual([]);
    expect(await typesOf(id)).toEqual(['channel.connected', 'channel.credentials.expired']);
  });

  it('that are not to be had now are asked for again, later and later, and it is told why', async () => {
    const id = await connected(later(60 * dayMs), 'token-slow');
    answer = (call) =>
      call.includes('refresh')
        ? { status: 500, body: { error: { code: 2, message: 'Try later, token-slow' } } }
        : { body: { data: [{ id: '1' }] } };
    const due = 7 * dayMs + hourMs;
    const asked = () => calls.filter((call) => call.includes('refresh')).length;
    for (const [ms, times] of [
      [due, 1],
      [due + hourMs / 2, 1],
      [due + hourMs, 2],
      [due + 2 * hourMs, 2],
      [due + 3 * hourMs, 3],
    ] as const) {
      await lookAt(later(ms));
      expect([ms, asked()]).toEqual([ms, times]);
    }
    const failures = (await eventsOf(id)).filter(({ type }) => type === 'channel.credentials.refresh_failed');
    expect(failures).toMatchObject(
      [1, 2, 3].map(() => ({ payload: { code: '2', message: 'Try later, ***', againAt: expect.any(String) } })),
    );
    expect(await opened(id)).toMatchObject({ health: 'ok', credentialsVersion: 1 });
  });

  it('that are dead disconnect their channel once; new ones connect it', async () => {
    const id = await connected(later(60 * dayMs), 'token-dead');
    answer = () => ({ status: 400, body: { error: { code: 190, error_subcode: 463, message: 'Session has expired' } } });
    await lookAt(later(8 * dayMs));
    await lookAt(later(9 * dayMs));
    expect(calls.filter((call) => call.includes('refresh'))).toHaveLength(1);
    expect((await eventsOf(id)).filter(({ type }) => type === 'channel.disconnected')).toMatchObject([
      { payload: { reason: 'credentials_dead', code: '190/463' } },
    ]);
    expect(await opened(id)).toMatchObject({ status: 'connected', health: 'disconnected' });
    await rotate(id, 'token-new');
    expect(await opened(id)).toMatchObject({ health: 'ok' });
    expect(await deaths.execute(new ReportDeadCredentials(tenantId, id, 1, '190', 'late news of the old token'))).toBe(false);
    expect(await opened(id)).toMatchObject({ health: 'ok' });
  });

  it('do not replace those that somebody gave meanwhile', async () => {
    const id = await connected(later(60 * dayMs), 'token-racing');
    answer = async () => {
      await rotate(id, 'token-of-ada', later(50 * dayMs));
      return { body: { access_token: 'token-refreshed', expires_in: 60 * 24 * 3600 } };
    };
    await upkeeps[0]?.careForDue(later(7 * dayMs + hourMs));
    expect(await opened(id)).toMatchObject({ credentialsVersion: 2, secrets: { accessToken: 'token-of-ada' } });
  });
});

describe("Slack's rotating tokens", () => {
  const rotating = async (expiresAt: Date | null, name: string): Promise<string> => {
    const slack = { ...settings(expiresAt), provider: 'slack', externalAccountId: 'T1' };
    const refresh = { refreshToken: `rtoken-${name}`, clientId: '1.2', clientSecret: 'csecret-1' };
    return (
      await new ConnectChannelHandler(store(), encryption).execute(
        new ConnectChannel(tenantId, slack, { ...secrets(`token-${name}`), ...refresh }, 'ada'),
      )
    ).id;
  };
  const pair = (name: string) => ({
    body: { ok: true, access_token: `token-${name}`, refresh_token: `rtoken-${name}`, expires_in: 12 * 3600, token_type: 'bot' },
  });
  const refusal = { body: { ok: false, error: 'invalid_refresh_token' } };
  const at = (hours: number) => later(hours * hourMs);

  it('are refreshed after half of their time, by one worker, and nobody is warned of their end', async () => {
    const id = await rotating(at(12), 's1');
    answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return pair('s2');
    };
    await lookAt(at(5.9));
    expect(calls).toEqual([]);
    const now = at(6.1);
    await lookAt(now);
    await lookAt(at(12));
    expect(calls).toEqual(['POST /oauth.v2.access rtoken-s1']);
    const channel = await opened(id);
    const others = { signingSecrets: ['app-secret'], clientId: '1.2', clientSecret: 'csecret-1' };
    expect(channel).toMatchObject({ health: 'ok', secrets: { ...others, accessToken: 'token-s2', refreshToken: 'rtoken-s2' } });
    expect(channel?.expiresAt).toEqual(new Date(now.getTime() + 12 * hourMs));
    expect(await typesOf(id)).toEqual(['channel.connected', 'channel.credentials.rotated']);

    answer = () => pair('s3');
    await lookAt(at(12.2));
    expect(calls.slice(1)).toEqual(['POST /oauth.v2.access rtoken-s2']);
  });

  it('are refreshed although they have ended, or are dead, while nobody looked', async () => {
    const [ended, dead] = [await rotating(at(12), 's4'), await rotating(at(12), 's5')];
    await deaths.execute(new ReportDeadCredentials(tenantId, dead, 1, 'credentials_expired', 'token_expired'));
    answer = (_, token) => pair(token === 'rtoken-s4' ? 's6' : 's7');
    await lookAt(at(0.1));
    expect(await opened(dead)).toMatchObject({ health: 'ok', secrets: { accessToken: 'token-s7' } });
    await lookAt(at(30));
    expect(await opened(ended)).toMatchObject({ health: 'ok', secrets: { accessToken: 'token-s6' } });
    expect(await typesOf(ended)).not.toContain('channel.credentials.expired');
  });

  it('that cannot be refreshed are used until they end; then the channel waits for new credentials', async () => {
    const id = await rotating(at(12), 's8');
    answer = () => refusal;
    for (const [hours, times, health] of [
      [6.1, 1, 'expiring'],
      [7.2, 2, 'expiring'],
      [9.3, 3, 'expiring'],
      [12.1, 3, 'expired'],
      [13.4, 4, 'disconnected'],
      [50, 4, 'disconnected'],
    ] as const) {
      await lookAt(at(hours));
      expect([hours, calls.length, (await opened(id))?.health]).toEqual([hours, times, health]);
    }
    const told = (await eventsOf(id)).map(({ type, payload }) => `${type.replace('channel.', '')} ${payload['code'] ?? ''}`.trim());
    expect(told).toEqual([
      'connected',
      'credentials.refresh_failed invalid_refresh_token',
      'credentials.expiring',
      'credentials.refresh_failed invalid_refresh_token',
      'credentials.refresh_failed invalid_refresh_token',
      'credentials.expired',
      'disconnected invalid_refresh_token',
      'credentials.refresh_failed invalid_refresh_token',
    ]);
    expect((await eventsOf(id)).at(-1)?.payload).toMatchObject({ againAt: null });
  });

  it('are kept although the store is away as they come: the old refresh token is good for nothing any more', async () => {
    const id = await rotating(at(12), 's9');
    answer = () => {
      away = 2;
      return pair('s10');
    };
    await upkeeps[0]?.careForDue(at(6.1));
    expect(away).toBe(0);
    expect(calls).toEqual(['POST /oauth.v2.access rtoken-s9']);
    expect(await opened(id)).toMatchObject({ secrets: { accessToken: 'token-s10', refreshToken: 'rtoken-s10' } });
  });

  it('are kept although their worker is told to end while they are asked for', async () => {
    const upkeep = oneMore();
    // Nobody knows when it ends, so it is due at once.
    const id = await rotating(null, 's11');
    const ended = new Promise<void>((resolve, reject) => {
      answer = async () => {
        upkeep.beforeApplicationShutdown().then(resolve, reject);
        await new Promise((answered) => setTimeout(answered, 50));
        return pair('s12');
      };
    });
    upkeep.onApplicationBootstrap();
    await ended;
    expect(calls).toEqual(['POST /oauth.v2.access rtoken-s11']);
    expect(await opened(id)).toMatchObject({ secrets: { accessToken: 'token-s12', refreshToken: 'rtoken-s12' } });
  });

  it('stay as they are without a refresh token', async () => {
    await new ConnectChannelHandler(store(), encryption).execute(
      new ConnectChannel(tenantId, { ...settings(null), provider: 'slack', externalAccountId: 'T1' }, secrets('token-s13'), 'ada'),
    );
    await lookAt(later(30 * dayMs));
    expect(calls).toEqual([]);
  });
});

describe('refusals of what is sent', () => {
  const worker = () => new ReportRefusedSendHandler(new ChannelChanges(service, notifications));
  const refusal = (id: string, code = 'permission_missing') => new ReportRefusedSend(tenantId, id, code, 'The app may not do this');

  it('are told once a minute, however many there are and whoever meets them', async () => {
    const [id, busy] = [await connected(null), await connected(null)];
    const workers = [worker(), worker()];
    const told = await Promise.all(workers.flatMap((one) => Array.from({ length: 20 }, () => one.execute(refusal(id)))));
    expect(told.filter(Boolean)).toHaveLength(1);
    expect(await workers[0]?.execute(refusal(busy))).toBe(true);
    expect(await typesOf(id)).toEqual(['channel.connected', 'channel.send.refused']);

    // A minute later, by the store's clock
    await admin.query(`UPDATE channels SET refusal_told_at = now() - interval '61 seconds' WHERE id = $1`, [id]);
    expect(await worker().execute(refusal(id, 'rate_limited'))).toBe(true);
    expect((await eventsOf(id)).at(-1)?.payload).toEqual({ code: 'rate_limited', message: 'The app may not do this', by: 'system' });
    expect(await opened(id)).toMatchObject({ health: 'ok' });
    // What comes next has its place behind them.
    await rotate(id, 'token-2');
    expect(await typesOf(id)).toHaveLength(4);
  });

  it('of a channel that was deleted meanwhile are told nobody', async () => {
    const id = await connected(null);
    await admin.query(`UPDATE channels SET status = 'deleted' WHERE id = $1`, [id]);
    expect(await worker().execute(refusal(id))).toBe(false);
  });

  it('do not ask the store again within the minute', async () => {
    const id = await connected(null);
    const one = worker();
    expect(await one.execute(refusal(id))).toBe(true);
    await admin.query('UPDATE channels SET refusal_told_at = NULL WHERE id = $1', [id]);
    expect(await one.execute(refusal(id))).toBe(false);
    expect(await worker().execute(refusal(id))).toBe(true);
  });
});

it('a subscription that Instagram has taken away is asked for again, once a day', async () => {
  const id = await connected(later(60 * dayMs), 'token-sub');
  answer = (call) => (call.startsWith('POST') ? { body: { success: true } } : { body: { data: [] } });
  await lookAt(later(25 * hourMs));
  await lookAt(later(26 * hourMs));
  expect(calls).toEqual(['GET /v23.0/me/subscribed_apps token-sub', 'POST /v23.0/me/subscribed_apps token-sub']);
  expect((await eventsOf(id)).at(-1)).toMatchObject({ type: 'channel.subscription.lost', payload: { restored: true, code: null } });
});

it('new credentials wake the sends that wait for them, and no others', async () => {
  const id = await connected(null, 'token-1');
  const held = async (channelId: string) =>
    (
      await admin.query(
        `INSERT INTO tasks (tenant_id, kind, execution_id, node_id, status, run_after, held_for)
         VALUES ($1, 'effect', $2, 'send', 'ready', now() + interval '1 day', $3) RETURNING id`,
        [tenantId, newId(), channelId],
      )
    ).rows[0].id;
  const [woken, asleep] = [await held(id), await held(newId())];
  await rotate(id, 'token-2');
  const { rows } = await admin.query(
    'SELECT id, held_for IS NULL AND run_after <= now() AS is_due FROM tasks WHERE id = ANY ($1) ORDER BY id',
    [[woken, asleep]],
  );
  expect(rows).toEqual([
    { id: woken, is_due: true },
    { id: asleep, is_due: false },
  ]);
});

describe('a test of the connection', () => {
  const tested = async (id: string) => {
    let done = false;
    const result = new TestChannelHandler(store()).execute(new TestChannel(tenantId, id)).finally(() => (done = true));
    while (!done) {
      await upkeeps[0]?.tryConnections(later(0));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { ok, checks } = await result;
    return { ok, failed: checks.filter((check) => !check.ok).map(({ name }) => name), checks };
  };
  const saying = (userId: string) => (answer = (call) => ({ body: call.includes('/me/') ? { data: [{ id: '1' }] } : { user_id: userId } }));

  it('tells that all is well', async () => {
    const id = await connected(later(60 * dayMs), 'token-good');
    saying(account);
    const { ok, checks } = await tested(id);
    expect(ok).toBe(true);
    expect(checks.map(({ name }) => name).filter((name) => name !== 'twins')).toEqual([
      'settings',
      'token',
      'account',
      'subscription',
      'expiry',
    ]);
  });
  it("tells of a token of another account, and one that ends the channel's connection", async () => {
    const id = await connected(null, 'token-wrong');
    saying('999');
    expect(await tested(id)).toMatchObject({ ok: false, failed: ['account'] });
    answer = () => ({ status: 400, body: { error: { code: 190, message: 'Invalid OAuth access token token-wrong' } } });
    const { failed, checks } = await tested(id);
    expect(failed).toEqual(['token']);
    expect(checks).toContainEqual(
      expect.objectContaining({ message: 'The provider refused the token (190): Invalid OAuth access token ***' }),
    );
    expect(await opened(id)).toMatchObject({ health: 'disconnected' });
  });
  it('asks nobody for a channel that cannot send', async () => {
    expect(await tested(await connected(null))).toMatchObject({ ok: true });
    expect(calls).toEqual([]);
  });
  it('is not for a channel that is not there', () =>
    expect(new TestChannelHandler(store()).execute(new TestChannel(tenantId, newId()))).rejects.toMatchObject({
      code: 'channel_not_found',
    }));
});

it('I12: no token is in the log, the rows, the tests or the log lines', async () => {
  const { rows } = await admin.query(
    `SELECT c::text AS row FROM channels c UNION ALL SELECT e::text FROM domain_events e UNION ALL SELECT t::text FROM channel_tests t
     UNION ALL SELECT t::text FROM tasks t UNION ALL SELECT encode(sealed, 'escape') FROM credentials`,
  );
  expect(rows.length).toBeGreaterThan(20);
  const shown = JSON.stringify([rows, logged]);
  expect(logged.length).toBeGreaterThan(3);
  expect(shown.match(/csecret|token-(1|2|old|slow|dead|new|racing|of-ada|refreshed|sub|good|wrong|after|s\d)/g)).toBeNull();
});
