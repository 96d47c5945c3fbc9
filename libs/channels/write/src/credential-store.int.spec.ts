import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type ChannelCredentials, evolve, connect, unconnected, type Channel } from '@sluice/channels-domain';
import { newId } from '@sluice/kernel';
import type { SupabaseConfig } from '@sluice/platform-config';
import { DatabaseModule, ServiceDatabase } from '@sluice/platform-database';
import { type Postgrest, startPostgrest, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { ChannelEncryption } from './channel-encryption.js';
import { type CredentialStore, CredentialsAreMissing, CredentialStoreUnavailable } from './credential-store.js';
import { keyProblems } from './key-problems.js';
import { readChannel } from './read-channel.js';
import { keysInUse, rekey } from './rekey.js';
import { saveCredentials } from './save-credentials.js';

let stores: TestDatabase;
let app: INestApplicationContext;
let database: ServiceDatabase;
let admin: pg.Pool;
let postgrest: Postgrest;
beforeAll(async () => {
  stores = await testDatabase();
  const service = DatabaseModule.forRoot(ServiceDatabase, { app: 'test', config: { url: stores.commandUrl, poolSize: 8 } });
  app = await NestFactory.createApplicationContext(service, { logger: false });
  database = app.get(ServiceDatabase);
  admin = new pg.Pool({ connectionString: stores.commandUrl, max: 2 });
  postgrest = await startPostgrest(stores.queryUrl, ['channels.sql']);
}, 120_000);
afterAll(async () => {
  await postgrest.stop();
  await admin.end();
  await app.close();
  await stores.drop();
});
afterEach(() => postgrest.trouble('none'));

const newKey = (id: string) => ({ id, key: randomBytes(32) });
const [k1, k2] = [newKey('k1'), newKey('k2')];
const marker = 'a-marker-that-no-store-shows';
const secrets = (n: number): ChannelCredentials => ({ signingSecrets: [`${marker}-${n}`], accessToken: `token-${n}` });
const tenants = [newId(), newId()] as const;

/** A channel as the command API leaves it before its credentials are saved. */
async function made(tenantId: string = tenants[0]): Promise<Channel> {
  const blank = unconnected(tenantId, newId());
  const settings = { provider: 'instagram', name: 'Shop', externalAccountId: '17841465550001234', config: {}, expiresAt: null };
  const channel = connect(blank, settings, 'ada').reduce(evolve, blank);
  await admin.query(
    `INSERT INTO channels (tenant_id, id, provider, name, external_account_id, status, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [tenantId, channel.id, channel.provider, channel.name, channel.externalAccountId, channel.status, channel.createdBy],
  );
  return channel;
}

type Encryption = Pick<ChannelEncryption, 'keys' | 'store'>;

/** As commands do it: with the channel locked, in one transaction, hints after its commit. `before`: runs before the commit. */
async function change(
  work: (tx: Parameters<CredentialStore['save']>[0]) => Promise<void>,
  before: () => void | Promise<void> = () => {},
): Promise<void> {
  const hints: (() => void | Promise<void>)[] = [];
  await database.transaction(async (manager) => {
    await work({ manager, afterCommit: (hint) => hints.push(hint) });
    await before();
  });
  for (const hint of hints) await Promise.resolve(hint()).catch(() => {});
}
const saved = (encryption: Encryption, channel: Channel, version: number, before?: () => void | Promise<void>, n = version) =>
  change(async (tx) => {
    await tx.manager.query('SELECT FROM channels WHERE id = $1 FOR UPDATE', [channel.id]);
    await saveCredentials(tx, encryption, channel, version, secrets(n));
  }, before);
const read = async (encryption: Encryption, { id }: Channel, tenantId?: string) =>
  (await readChannel(database.pool, id, encryption, tenantId))?.secrets;
const failing = () => {
  throw new Error('before the commit');
};
const quiet = { dryRun: false, onProgress: () => {} };

interface Backend {
  /** undefined: Postgres */
  readonly supabase: () => SupabaseConfig | undefined;
  /** What is stored of a channel, as text */
  readonly stored: (channel: Channel) => Promise<readonly string[]>;
}

const inPostgres: Backend = {
  supabase: () => undefined,
  stored: async ({ id }) =>
    (await admin.query('SELECT c::text AS row FROM credentials c WHERE channel_id = $1', [id])).rows.map(({ row }) => String(row)),
};
const rest =
  ({ url, serviceKey }: SupabaseConfig) =>
  async (path: string, method = 'GET') => {
    const response = await fetch(`${url}/rest/v1/${path}`, {
      method,
      headers: { apikey: serviceKey, authorization: `Bearer ${serviceKey}` },
    });
    return response.status === 204 ? [] : ((await response.json()) as { envelopes: object }[]);
  };
const inSupabase = (config: () => SupabaseConfig): Backend => ({
  supabase: config,
  stored: async ({ id }) =>
    (await rest(config())(`channels?id=eq.${id}`)).flatMap(({ envelopes }) =>
      Object.entries(envelopes).map((kept) => JSON.stringify(kept)),
    ),
});
const stub = () => ({ url: postgrest.url, serviceKey: postgrest.serviceKey });

const given = process.env;
const real =
  given['SUPABASE_URL'] !== undefined && given['SUPABASE_SERVICE_KEY'] !== undefined
    ? { url: given['SUPABASE_URL'], serviceKey: given['SUPABASE_SERVICE_KEY'] }
    : undefined;

function suite({ supabase, stored }: Backend): void {
  const opening = (...keys: (typeof k1)[]) => new ChannelEncryption({ keys, supabase: supabase() });
  let by: ChannelEncryption;
  const channels: Channel[] = [];
  const fresh = async (tenantId?: string) => {
    const channel = await made(tenantId);
    channels.push(channel);
    return channel;
  };
  beforeEach(() => (by = opening(k1)));
  afterEach(async () => {
    for (const channel of channels.splice(0)) await change((tx) => by.store.remove(tx, channel));
    await admin.query('DELETE FROM channels');
  });

  it('finds what was kept, in every process, and for its own tenant alone', async () => {
    const channel = await fresh();
    await saved(by, channel, 1);
    expect(await read(by, channel)).toEqual(secrets(1));
    expect(await read(opening(k2, k1), channel, tenants[0])).toEqual(secrets(1));
    expect(await read(by, channel, tenants[1])).toBeUndefined();
    expect(await readChannel(database.pool, newId(), by)).toBeUndefined();
  });

  it('I12 nothing of it can be read where it is stored', async () => {
    const channel = await fresh();
    await saved(by, channel, 1);
    const [row, ...others] = await stored(channel);
    expect(others).toEqual([]);
    const bytes = [...(row ?? '').matchAll(/[A-Za-z0-9+/=]{40,}/g)].map(([text]) => Buffer.from(text, 'base64').toString('latin1'));
    for (const text of [row, ...bytes]) expect(text).not.toContain(marker);
  });

  it('the new version counts from the commit on, not before, and then the old one is gone', async () => {
    const channel = await fresh();
    const elsewhere = opening(k1);
    await saved(by, channel, 1);
    await saved(by, channel, 2, async () => {
      for (const reader of [by, elsewhere, opening(k1)]) expect(await read(reader, channel)).toEqual(secrets(1));
    });
    for (const reader of [by, elsewhere, opening(k1)]) expect(await read(reader, channel)).toEqual(secrets(2));
    expect(await stored(channel)).toHaveLength(1);
  });

  it('a change that is not committed changes nothing, and the next one is not in its way', async () => {
    const channel = await fresh();
    await saved(by, channel, 1);
    await expect(saved(by, channel, 2, failing, 666)).rejects.toThrow('before the commit');
    expect(await read(opening(k1), channel)).toEqual(secrets(1));
    await saved(by, channel, 2);
    expect(await read(opening(k1), channel)).toEqual(secrets(2));
    expect(await stored(channel)).toHaveLength(1);
  });

  it('many changes at once come one after the other, and every reader finds one of them whole', async () => {
    const channel = await fresh();
    await saved(by, channel, 1);
    let last = 1;
    let done = false;
    const seen = new Set<string>();
    const reading = (async () => {
      while (!done) seen.add(String((await read(opening(k1), channel))?.accessToken));
    })();
    await Promise.all(
      Array.from({ length: 12 }, () =>
        change(async (tx) => {
          await tx.manager.query('SELECT FROM channels WHERE id = $1 FOR UPDATE', [channel.id]);
          last += 1;
          await saveCredentials(tx, by, channel, last, secrets(last));
        }),
      ),
    );
    done = true;
    await reading;
    expect(await read(opening(k1), channel)).toEqual(secrets(13));
    expect([...seen].every((token) => /^token-([1-9]|1[0-3])$/.test(token))).toBe(true);
    expect(await stored(channel)).toHaveLength(1);
  });

  it('nothing is kept of a channel that is deleted', async () => {
    const channel = await fresh();
    await saved(by, channel, 1);
    await change(async (tx) => {
      await by.store.remove(tx, channel);
      await tx.manager.query(`UPDATE channels SET status = 'deleted' WHERE id = $1`, [channel.id]);
    });
    expect(await read(by, channel)).toBeUndefined();
    expect(await stored(channel)).toEqual([]);
  });

  it('is sealed anew with the first key while everything goes on, so that the old key may go', async () => {
    const many = await Promise.all(Array.from({ length: 12 }, (_, n) => fresh(tenants[n % 2])));
    for (const channel of many) await saved(by, channel, 1);
    const both = opening(k2, k1);
    expect((await rekey(database.pool, both, { ...quiet, dryRun: true })).secretsByKey).toEqual(new Map([['k1', 12]]));
    expect(keyProblems(await keysInUse(database.pool, opening(k2)), [k2])).toEqual([
      expect.stringMatching(/"k1", which sealed 12 stored credentials/),
    ]);

    const [first, second] = many as [Channel, Channel];
    const [result] = await Promise.all([rekey(database.pool, both, quiet), saved(by, first, 2), saved(both, second, 2)]);
    expect(result.failed).toEqual([]);
    expect((await rekey(database.pool, both, quiet)).secretsByKey).toEqual(new Map([['k2', 12]]));
    const alone = opening(k2);
    expect(keyProblems(await keysInUse(database.pool, alone), alone.keys)).toEqual([]);
    for (const channel of many) expect(await read(alone, channel)).toEqual(secrets(channel === first || channel === second ? 2 : 1));
    expect((await rekey(database.pool, alone, quiet)).resealed).toBe(0);
  });

  it('what does not open is left as it is, and named', async () => {
    const channel = await fresh();
    await saved(by, channel, 1);
    const other = { id: 'k1', key: randomBytes(32) };
    expect(keyProblems(await keysInUse(database.pool, opening(other)), [other])).toEqual([
      expect.stringContaining('is not the one that sealed 1'),
    ]);
    const result = await rekey(database.pool, opening(k2, other), quiet);
    expect(result).toMatchObject({
      resealed: 0,
      failed: [{ reason: 'does not open with the key "k1"' }],
      secretsByKey: new Map([['k1', 1]]),
    });
    expect(await read(opening(k1), channel)).toEqual(secrets(1));
  });
}

const backends: [string, Backend][] = [
  ['Postgres', inPostgres],
  ['Supabase', inSupabase(stub)],
];
if (real !== undefined) backends.push(['the project of SUPABASE_URL', inSupabase(() => real)]);
describe.each(backends)('credentials in %s', (_name, backend) => {
  suite(backend);
});

if (real === undefined) {
  // oxlint-disable-next-line jest/no-disabled-tests -- says that a part was left out, and what for
  it.skip('credentials in a real project: neither SUPABASE_URL nor SUPABASE_SERVICE_KEY is set (docs/supabase.md)', () => {});
}

describe('Postgres', () => {
  it('T-19 copied to another channel they do not open', async () => {
    const by = new ChannelEncryption({ keys: [k1] });
    const [mine, theirs] = [await made(tenants[0]), await made(tenants[1])];
    for (const channel of [mine, theirs]) await saved(by, channel, 1);
    await admin.query('UPDATE credentials SET sealed = (SELECT sealed FROM credentials WHERE channel_id = $2) WHERE channel_id = $1', [
      mine.id,
      theirs.id,
    ]);
    await expect(read(by, mine)).rejects.toThrow();
    await admin.query('DELETE FROM credentials');
  });
});

describe('Supabase', () => {
  const opening = (...keys: (typeof k1)[]) => new ChannelEncryption({ keys, supabase: stub() });

  it('T-19 copied to another channel they do not open', async () => {
    const by = opening(k1);
    const [mine, theirs] = [await made(tenants[0]), await made(tenants[1])];
    for (const channel of [mine, theirs]) await saved(by, channel, 1);
    const query = new pg.Client(stores.queryUrl);
    await query.connect();
    await query.query('UPDATE channels SET envelopes = (SELECT envelopes FROM channels WHERE id = $2) WHERE id = $1', [mine.id, theirs.id]);
    await query.end();
    await expect(read(opening(k1), mine)).rejects.toThrow();
    for (const channel of [mine, theirs]) await change((tx) => by.store.remove(tx, channel));
  });

  it('what is known goes on while it is away; what is not is neither there nor missing', async () => {
    const [warm, cold] = [await made(), await made()];
    const by = opening(k1);
    for (const channel of [warm, cold]) await saved(by, channel, 1);
    const gateway = opening(k1);
    expect(await read(gateway, warm)).toEqual(secrets(1));
    const before = postgrest.requests;
    expect(await read(gateway, warm)).toEqual(secrets(1));
    expect(postgrest.requests).toBe(before);

    for (const trouble of ['down', 'silent'] as const) {
      postgrest.trouble(trouble);
      expect(await read(gateway, warm)).toEqual(secrets(1));
      await expect(read(gateway, cold)).rejects.toThrow(CredentialStoreUnavailable);
      await expect(saved(by, warm, 2)).rejects.toThrow(CredentialStoreUnavailable);
      expect(await gateway.store.trouble()).toMatch(/^Supabase (answered 503|does not answer).*channels that are known here go on$/);
    }
    postgrest.trouble('none');
    expect(await gateway.store.trouble()).toBeUndefined();
    expect(await read(gateway, cold)).toEqual(secrets(1));
    for (const channel of [warm, cold]) await change((tx) => by.store.remove(tx, channel));
  }, 20_000);

  it('a write whose answer is lost fails its command and does no harm', async () => {
    const channel = await made();
    const by = opening(k1);
    await saved(by, channel, 1);
    postgrest.loseNextAnswer();
    await expect(saved(by, channel, 2, undefined, 666)).rejects.toThrow(CredentialStoreUnavailable);
    expect(await read(opening(k1), channel)).toEqual(secrets(1));
    await saved(by, channel, 2);
    expect(await read(opening(k1), channel)).toEqual(secrets(2));
    await change((tx) => by.store.remove(tx, channel));
  }, 20_000);

  it('channels from before stay in Postgres until their credentials are changed; with Postgres alone, those in Supabase are missing, not gone', async () => {
    const channel = await made();
    const [postgres, supabase] = [new ChannelEncryption({ keys: [k1] }), opening(k1)];
    await saved(postgres, channel, 1);
    expect(await read(supabase, channel)).toEqual(secrets(1));
    await saved(supabase, channel, 2);
    expect(await read(supabase, channel)).toEqual(secrets(2));
    expect(await inPostgres.stored(channel)).toEqual([]);
    await expect(read(postgres, channel)).rejects.toThrow(CredentialsAreMissing);
    await saved(postgres, channel, 3);
    expect(await read(supabase, channel)).toEqual(secrets(3));
    await change((tx) => supabase.store.remove(tx, channel));
  });

  it('what a failed command left behind is taken away by the next re-keying, not by one that is under way', async () => {
    const by = opening(k1);
    const channel = await made();
    await saved(by, channel, 1);
    await admin.query('DELETE FROM channels WHERE id = $1', [channel.id]);
    const query = new pg.Client(stores.queryUrl);
    await query.connect();
    const left = async () => (await query.query('SELECT FROM channels WHERE id = $1', [channel.id])).rowCount;
    await rekey(database.pool, opening(k2, k1), quiet);
    expect(await left()).toBe(1);
    await query.query(`UPDATE channels SET created_at = now() - interval '2 hours' WHERE id = $1`, [channel.id]);
    await rekey(database.pool, opening(k1, k2), quiet);
    expect(await left()).toBe(0);
    await query.end();
  });

  it('security 7: a tenant’s people see their own channels without what is sealed; nobody but the service key sees or changes that', async () => {
    const by = opening(k1);
    const [mine, theirs] = [await made(tenants[0]), await made(tenants[1])];
    for (const channel of [mine, theirs]) await saved(by, channel, 1);
    const ask = async (path: string, claims?: object, change: { method?: string; body?: string } = {}) => {
      const token = claims === undefined ? postgrest.anonKey : postgrest.tokenOf({ role: 'authenticated', ...claims });
      const headers = {
        apikey: postgrest.anonKey,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        prefer: 'return=representation',
      };
      const response = await fetch(`${postgrest.url}/rest/v1/${path}`, { headers, ...change });
      return { status: response.status, body: await response.json() };
    };
    const ada = { app_metadata: { tenant_id: tenants[0] } };
    expect(await ask('channels?select=id,name', ada)).toEqual({ status: 200, body: [{ id: mine.id, name: 'Shop' }] });
    for (const claims of [{}, { app_metadata: {} }, { user_metadata: { tenant_id: tenants[0] } }])
      expect((await ask('channels?select=id', claims)).body).toEqual([]);
    for (const path of ['channels', 'channels?select=envelopes', 'channels?select=id&key_ids=cs.{k1}'])
      expect(await ask(path, ada)).toMatchObject({ status: 403, body: { code: '42501' } });
    expect(await ask('channels?select=id')).toMatchObject({ status: 401, body: { code: '42501' } });
    const own = `channels?select=id&id=eq.${mine.id}`;
    expect((await ask(own, ada, { method: 'PATCH', body: JSON.stringify({ name: 'x' }) })).status).toBe(403);
    expect((await ask(own, ada, { method: 'DELETE' })).status).toBe(403);
    const fresh = { method: 'POST', body: JSON.stringify({ id: newId(), tenant_id: tenants[0] }) };
    expect((await ask('channels?select=id', ada, fresh)).status).toBe(403);
    const wrong = new ChannelEncryption({ keys: [k1], supabase: { url: postgrest.url, serviceKey: 'sb_secret_of-another-project' } });
    await expect(read(wrong, mine)).rejects.toThrow(CredentialStoreUnavailable);
    expect(await wrong.store.trouble()).toContain('refuses the key (401');
    for (const channel of [mine, theirs]) await change((tx) => by.store.remove(tx, channel));
  });
});
