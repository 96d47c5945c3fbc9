import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ChannelEncryption, readChannel, rekey } from '@sluice/channels-write';
import { eventually, type Postgrest, startPostgrest, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

const account = '17841465550001234';
const newKey = (id: string) => ({ id, key: randomBytes(32) });
const [k1, k2] = [newKey('k1'), newKey('k2')];
type EncryptionKey = typeof k1;
const keysOf = (...keys: EncryptionKey[]) => ({ ENCRYPTION_KEYS: keys.map(({ id, key }) => `${id}:${key.toString('base64')}`).join(',') });

let postgrest: Postgrest;
let project: TestDatabase;
let target: Server;
/** Messages that arrived at the provider */
const sent: string[] = [];
beforeAll(async () => {
  project = await testDatabase();
  postgrest = await startPostgrest(project.queryUrl, ['channels.sql', 'webhooks.sql']);
  target = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      sent.push(body);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"recipient_id":"customer","message_id":"m"}');
    });
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
}, 120_000);
afterAll(async () => {
  target.close();
  await postgrest.stop();
  await project.drop();
});
afterEach(() => postgrest.trouble('none'));

const supabase = () => ({ CREDENTIAL_STORE: 'supabase', SUPABASE_URL: postgrest.url, SUPABASE_SERVICE_KEY: postgrest.serviceKey });
const configOf = (isOutside: boolean, ...keys: EncryptionKey[]) =>
  new ChannelEncryption({ keys, supabase: isOutside ? { url: postgrest.url, serviceKey: postgrest.serviceKey } : undefined });
/** A store that outlasts the Sluice on it. */
const lasting = async () => {
  const stores = await testDatabase();
  return { ...stores, given: { ...stores, drop: () => Promise.resolve() } };
};
/** On a busy machine a call to the project may take longer than it may. */
const connected = (sluice: InProcess, more: object = {}, name = 'Shop') => {
  const credentials = { signingSecrets: [signingSecret], ...more };
  const channel = { provider: 'instagram', name, externalAccountId: account, credentials };
  return eventually(() => sluice.made('/api/channels', channel), { timeoutMs: 20_000 });
};
const rotate = (sluice: InProcess, key: string, id: string, signingSecrets: readonly string[]) =>
  sluice.call('PUT', `/api/channels/${id}/credentials`, { credentials: { signingSecrets } }, key);

describe.each([
  ['Postgres', false],
  ['Supabase', true],
])('credentials in %s', (_name, isOutside) => {
  const env = () => (isOutside ? supabase() : {});

  it('under load a signing secret and an encryption key are replaced: no good delivery is rejected, no channel is lost, and the old key may go', async () => {
    const stores = await lasting();
    const before = await inProcess({ ...env(), ...keysOf(k1) }, stores.given);
    const channels: string[] = [];
    try {
      for (const name of ['a', 'b', 'c', 'd']) channels.push(await connected(before, {}, name));
    } finally {
      await before.close();
    }
    await expect(inProcess({ ...env(), ...keysOf(k2) }, stores.given)).rejects.toThrow(
      /ENCRYPTION_KEYS: lacks the key "k1", which sealed \d+ stored credentials/,
    );

    const sluice = await inProcess({ ...env(), ...keysOf(k2, k1) }, stores.given);
    const db = new pg.Pool({ connectionString: stores.commandUrl, max: 2, options: '-c role=sluice_service' });
    try {
      // What each provider signs with now.
      const signedBy = new Map(channels.map((id) => [id, signingSecret]));
      const statuses = new Map<number, number>();
      let ended = false;
      const load = channels.map(async (id) => {
        while (!ended) {
          const status = await sluice.message(id, 'x', account, signedBy.get(id));
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      });
      const rekeying = rekey(db, configOf(isOutside, k2, k1), { dryRun: false, onProgress: () => {} });
      for (let round = 1; round <= 2; round += 1) {
        for (const id of channels) {
          const [old = '', next] = [signedBy.get(id), randomBytes(16).toString('hex')];
          await eventually(async () => expect((await rotate(sluice, before.apiKey, id, [old, next])).status).toBe(200), {
            timeoutMs: 20_000,
          });
          // Only once it works everywhere is the provider told.
          await eventually(async () => expect(await sluice.message(id, 'x', account, next)).toBe(200), { timeoutMs: 10_000 });
          signedBy.set(id, next);
        }
      }
      await rekeying;
      ended = true;
      await Promise.all(load);
      expect([...statuses.keys()]).toEqual([200]);
      expect(statuses.get(200)).toBeGreaterThan(channels.length * 3);

      const rest = await rekey(db, configOf(isOutside, k2, k1), { dryRun: false, onProgress: () => {} });
      expect(rest.failed).toEqual([]);
      expect([...rest.secretsByKey.keys()]).toEqual(['k2']);
      for (const id of channels)
        expect((await readChannel(db, id, configOf(isOutside, k2)))?.secrets.signingSecrets).toContain(signedBy.get(id));
    } finally {
      await db.end();
      await sluice.close();
    }
    const after = await inProcess({ ...env(), ...keysOf(k2) }, stores.given);
    await after.close();
    await stores.drop();
  }, 180_000);
});

it('while Supabase is away: what is known goes on, what is not is told to come again, sends wait', async () => {
  const { port } = target.address() as AddressInfo;
  const sluice = await inProcess({
    ...supabase(),
    ...keysOf(k2, k1),
    OUTBOUND_ALLOW: `127.0.0.1:${port}`,
    INSTAGRAM_API_URL: `http://127.0.0.1:${port}`,
  });
  const handshake = (id: string) =>
    fetch(`${sluice.base}/webhooks/${id}/instagram/all?hub.mode=subscribe&hub.challenge=1&hub.verify_token=verify-me-7Q2m`);
  try {
    const known = await connected(sluice);
    const unknown = await connected(sluice, { verifyToken: 'verify-me-7Q2m' });
    const sender = await connected(sluice, { accessToken: 'IGAA-token-of-the-shop' });
    expect(await sluice.message(known, 'warm', account)).toBe(200);
    const send = { channelId: sender, to: '{{ trigger.customerId }}', text: 'waited for' };
    const workflowId = await sluice.published({
      name: 'Answer',
      nodes: [
        { id: 'in', type: 'trigger.webhook', config: {} },
        { id: 'send', type: 'instagram.sendMessage', config: send },
      ],
      edges: [{ source: 'in', target: 'send' }],
    });
    await sluice.made('/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider: 'instagram', config: { channelId: known } });

    postgrest.trouble('down');
    expect(await sluice.message(known, 'while away', account)).toBe(200);
    const refused = await sluice.deliver(unknown, 'x', account);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    expect((await handshake(unknown)).status).toBe(503);
    expect((await sluice.deliver(unknown, 'x', account, 'a-wrong-secret-of-somebody-else')).status).toBe(503);
    expect((await rotate(sluice, sluice.apiKey, known, [signingSecret, 'another-secret-of-the-app'])).status).toBe(503);
    expect((await fetch(`${sluice.base}/readyz`).then((response) => response.json())) as object).toMatchObject({
      checks: { credentials: { status: 'degraded', message: expect.stringContaining('Supabase answered 503') } },
    });
    const failures = async () =>
      (await sluice.db.query(`SELECT e.state, e.response -> 'error' ->> 'code' AS code FROM effects e ORDER BY e.updated_at DESC LIMIT 1`))
        .rows;
    await eventually(async () => expect(await failures()).toEqual([{ state: 'failed', code: 'credentials_unavailable' }]), {
      timeoutMs: 20_000,
    });
    expect(sent).toEqual([]);

    postgrest.trouble('none');
    await eventually(() => expect(sent).toHaveLength(1), { timeoutMs: 30_000 });
    await eventually(async () => expect(await sluice.message(unknown, 'x', account)).toBe(200));
    expect(await (await handshake(unknown)).text()).toBe('1');
    const runs = async () => (await sluice.db.query('SELECT status FROM workflow_executions')).rows;
    await eventually(async () => expect(await runs()).toEqual([{ status: 'completed' }]));
    expect(sent).toHaveLength(1);
  } finally {
    await sluice.close();
  }
}, 120_000);

it('accepted events are mirrored once each, also after an outage and when they are read again, for their own tenant to see', async () => {
  const mirror = { ...supabase(), CREDENTIAL_STORE: 'postgres', SUPABASE_MIRROR_WEBHOOKS: 'on' };
  const sluice = await inProcess(mirror);
  const query = new pg.Pool({ connectionString: sluice.stores.queryUrl, max: 1 });
  const position = async () => (await query.query('SELECT position FROM webhook_mirror')).rows[0].position;
  const seenBy = async (tenantId: string) => {
    const token = postgrest.tokenOf({ role: 'authenticated', app_metadata: { tenant_id: tenantId } });
    const headers = { apikey: postgrest.anonKey, authorization: `Bearer ${token}` };
    const response = await fetch(`${postgrest.url}/rest/v1/webhooks?order=received_at`, { headers });
    const rows: { item: { text: string } }[] = JSON.parse(await response.text());
    return rows.map(({ item }) => item.text);
  };
  try {
    const id = await connected(sluice);
    await eventually(async () => expect(await position()).not.toBeNull());
    expect(await sluice.message(id, 'a', account)).toBe(200);
    await eventually(async () => expect(await seenBy(sluice.tenantId)).toEqual(['a']), { timeoutMs: 20_000 });

    postgrest.trouble('down');
    for (const text of ['b', 'c']) expect(await sluice.message(id, text, account)).toBe(200);
    await sluice.shows(`/api/channels/${id}/events`, { total: 3 });
    postgrest.trouble('none');
    await eventually(async () => expect(await seenBy(sluice.tenantId)).toEqual(['a', 'b', 'c']), { timeoutMs: 40_000 });

    // As after a crash between the rows and the position.
    const reached = Number(await position());
    await query.query('UPDATE webhook_mirror SET position = 0');
    await eventually(async () => expect(Number(await position())).toBeGreaterThanOrEqual(reached), { timeoutMs: 20_000 });
    expect(await seenBy(sluice.tenantId)).toEqual(['a', 'b', 'c']);
    expect(await seenBy(crypto.randomUUID())).toEqual([]);
  } finally {
    await query.end();
    await sluice.close();
  }
}, 120_000);
