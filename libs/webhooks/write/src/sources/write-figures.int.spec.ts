import { newId } from '@sluice/kernel';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions } from '@sluice/platform-database';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import type { Counted } from '@sluice/webhooks-domain';
import pg from 'pg';
import { lookAtSources, writeFigures } from './write-figures.js';

const tenantId = newId();
let stores: TestDatabase;
let admin: pg.Pool;
let gateways: Database[];

beforeAll(async () => {
  stores = await testDatabase();
  admin = new pg.Pool({ connectionString: stores.commandUrl });
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 2, role: 'sluice_service', app: 'test', schema: commandStoreSchema };
  gateways = await Promise.all([1, 2, 3].map(async () => new Database(await dataSourceFor(options).initialize(), options)));
});

afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.onApplicationShutdown()));
  await admin.end();
  await stores.drop();
});

const gateway = (): Database => {
  const [first] = gateways;
  if (first === undefined) throw new Error('there are three');
  return first;
};
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
const counted = (changes: Partial<Counted> = {}): Counted => ({
  acceptedCalls: 0,
  firstAcceptedAt: null,
  lastAcceptedAt: null,
  events: { accepted: 0, ignored: 0, duplicate: 0, conflicting: 0 },
  rejected: {},
  lastRejectedAt: null,
  lastRejection: null,
  ...changes,
});
const accepted = (calls: number, fromMs: number, toMs: number): Counted =>
  counted({
    acceptedCalls: calls,
    firstAcceptedAt: ago(fromMs),
    lastAcceptedAt: ago(toMs),
    events: { accepted: calls, ignored: 0, duplicate: 0, conflicting: 0 },
  });
const write = (sourceId: string, one: Counted, by = gateway()) => writeFigures(by, [{ tenantId, sourceId, counted: one }], []);
const toldOf = async (sourceId: string) =>
  (
    await admin.query(
      `SELECT e.type, e.aggregate_version::int AS version, e.payload FROM domain_events e
       WHERE e.tenant_id = $1 AND e.payload ->> 'sourceId' = $2 ORDER BY e.commit_id, e.ord`,
      [tenantId, sourceId],
    )
  ).rows;
const typesOf = async (sourceId: string): Promise<string[]> =>
  (await toldOf(sourceId)).map(({ type }) => type).filter((type) => type !== 'webhook.source.figures');
const sweepTogether = () => Promise.all([...gateways, ...gateways].map((one) => lookAtSources(one)));

it('what several gateways count at the same time is added up, and told at most once a minute', async () => {
  const sourceId = newId();
  await Promise.all(
    gateways.map(async (one) => {
      for (let n = 0; n < 4; n += 1) await write(sourceId, accepted(5, 1_000, 0), one);
    }),
  );
  await sweepTogether();
  const told = await toldOf(sourceId);
  expect(told.map(({ type, version }) => [type, version])).toEqual([['webhook.source.figures', 1]]);

  await admin.query(
    `UPDATE source_figures SET look_at = now(), figures = jsonb_set(figures, '{toldAt}', to_jsonb((now() - interval '61 s')::text)) WHERE source_id = $1`,
    [sourceId],
  );
  await sweepTogether();
  const [, rest, ...more] = await toldOf(sourceId);
  expect(more).toEqual([]);
  expect(rest).toMatchObject({ version: 2, payload: { acceptedCalls: 60, events: { accepted: 60 } } });
});

it('a busy source that goes silent is told of once, however many workers look, and once when it is heard again', async () => {
  const sourceId = newId();
  await write(sourceId, accepted(100, 3 * 3_600_000, 2 * 3_600_000));
  await sweepTogether();
  await sweepTogether();
  expect(await typesOf(sourceId)).toEqual(['webhook.source.silent']);
  await write(sourceId, accepted(1, 0, 0));
  await sweepTogether();
  expect(await typesOf(sourceId)).toEqual(['webhook.source.silent', 'webhook.source.recovered']);
  const versions = (await toldOf(sourceId)).map(({ version }) => version);
  expect(versions).toEqual(versions.map((_, index) => index + 1));
});

it.each([
  [
    'channel',
    `INSERT INTO channels (tenant_id, id, provider, name, status, created_by) VALUES ($1, $2, 'instagram', 'Shop', 'connected', 'ada')`,
    `UPDATE channels SET status = 'deleted' WHERE tenant_id = $1 AND id = $2`,
  ],
  [
    'provider app',
    `INSERT INTO provider_apps (tenant_id, id, provider, name, status, key_id, sealed, created_by)
     VALUES ($1, $2, 'instagram', 'App', 'active', 'k1', '\\x00', 'ada')`,
    `UPDATE provider_apps SET status = 'deleted', key_id = NULL, sealed = NULL WHERE tenant_id = $1 AND id = $2`,
  ],
])('a deleted %s alarms nobody: neither by its silence, nor by what its gateways still counted', async (_what, insert, remove) => {
  const sourceId = newId();
  await admin.query(`INSERT INTO tenants (id, name, effect_secret) VALUES ($1, 'test', 'secret') ON CONFLICT DO NOTHING`, [tenantId]);
  await admin.query(insert, [tenantId, sourceId]);
  await write(sourceId, accepted(100, 3 * 3_600_000, 3_590_000));
  const told = await toldOf(sourceId);
  expect(told.map(({ type }) => type)).toEqual(['webhook.source.figures']);

  await admin.query(remove, [tenantId, sourceId]);
  await write(sourceId, counted({ rejected: { signature_mismatch: 500 }, lastRejectedAt: ago(0), lastRejection: 'signature_mismatch' }));
  await admin.query('UPDATE source_figures SET look_at = now() WHERE source_id = $1', [sourceId]);
  await sweepTogether();
  expect(await toldOf(sourceId)).toEqual(told);
  expect((await admin.query('SELECT look_at FROM source_figures WHERE source_id = $1', [sourceId])).rows).toEqual([{ look_at: null }]);
});

it('T-10: refused signatures that jump are told of once, and a flood of them is one row', async () => {
  const sourceId = newId();
  const refused = counted({ rejected: { signature_mismatch: 500 }, lastRejectedAt: ago(0), lastRejection: 'signature_mismatch' });
  for (let n = 0; n < 4; n += 1) await write(sourceId, refused);
  expect(await typesOf(sourceId)).toEqual(['webhook.source.signature_failures']);
  expect((await admin.query('SELECT count(*)::int AS rows FROM source_figures WHERE source_id = $1', [sourceId])).rows).toEqual([
    { rows: 1 },
  ]);
  expect(await toldOf(sourceId)).toHaveLength(2);
});

it('shows what came twice with other words, and only that', async () => {
  const [channelId, eventId, deliveryId] = [newId(), newId(), newId()];
  const item = { id: eventId, kind: 'message', text: 'yes', receivedAt: 'then', payload: { a: 1, b: 2 } };
  await admin.query(
    `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, item, status, correlation_id, occurred_at, received_at)
     VALUES ($1, $2::uuid, $2::uuid, $3, 'message', 'message', 'key', $4, 'processed', 'corr', now(), now())`,
    [tenantId, eventId, channelId, JSON.stringify(item)],
  );
  const duplicate = { tenantId, channelId, dedupeKey: 'key', deliveryId };
  const events = { accepted: 0, ignored: 0, duplicate: 3, conflicting: 0 };
  await writeFigures(
    gateway(),
    [{ tenantId, sourceId: channelId, counted: counted({ events }) }],
    [
      { ...duplicate, item: { ...item, id: newId(), receivedAt: 'now', payload: { b: 2, a: 1 } } },
      { ...duplicate, item: { ...item, text: 'no' } },
      { ...duplicate, dedupeKey: 'gone', item: { ...item, text: 'no' } },
    ],
  );
  const told = await toldOf(channelId);
  expect(told.map(({ type, version }) => [type, version])).toEqual([
    ['webhook.source.conflicted', 1],
    ['webhook.source.figures', 2],
  ]);
  expect(told[0]?.payload).toEqual({ sourceId: channelId, eventId, deliveryId, dedupeKey: 'key', differs: ['text'] });
  expect(told[1]?.payload).toMatchObject({ events: { duplicate: 3, conflicting: 1 } });
});
