import { randomUUID } from 'node:crypto';
import { newId } from '@sluice/kernel';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import type { AcceptedDelivery } from './accept-delivery.js';
import { writeDeliveries } from './write-deliveries.js';

let stores: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  stores = await testDatabase();
  pool = new pg.Pool({ connectionString: stores.commandUrl, max: 1, options: '-c role=sluice_service' });
});
afterAll(async () => {
  await pool.end();
  await stores.drop();
});

const [tenantId, channelId] = [newId(), newId()];
const receivedAt = new Date();

function delivery(dedupeKey: string, ignoredBecause?: 'other_path'): AcceptedDelivery {
  const id = newId();
  const item = { id, receivedAt: receivedAt.toISOString(), occurredAt: receivedAt.toISOString() };
  const event = {
    id,
    logId: newId(),
    channelId,
    canonical: { kind: 'message', action: 'message', dedupeKey, customerId: dedupeKey },
    item,
    payload: { event: item },
    blobs: [],
    queue: 'default',
    ignoredBecause,
  };
  const request = { body: Buffer.from('{}'), headers: {}, receivedAt };
  return { id: newId(), tenantId, channelOrAppId: channelId, request, correlationId: 'c', events: [event] } as unknown as AcceptedDelivery;
}

const admission = { admit: () => true, isLight: () => false };
const keysOf = (count: number) => Array.from({ length: count }, () => randomUUID());

it('of one event that comes by two paths in one group, what came first is kept, and the log has its versions in order', async () => {
  const rightFirst = keysOf(100);
  const wrongFirst = keysOf(100);
  const { commitId } = await writeDeliveries(
    pool,
    [
      ...rightFirst.map((key) => delivery(key)),
      ...wrongFirst.map((key) => delivery(key, 'other_path')),
      ...rightFirst.map((key) => delivery(key, 'other_path')),
      ...wrongFirst.map((key) => delivery(key)),
    ],
    admission,
  );
  const { rows } = await pool.query<{ key: string; log: string[] }>(
    `SELECT w.dedupe_key AS key, array_agg(d.aggregate_version || ' ' || d.type ORDER BY d.ord) AS log
     FROM domain_events d JOIN webhook_events w ON w.tenant_id = d.tenant_id AND w.id = d.aggregate_id
     WHERE d.commit_id = $1 GROUP BY 1`,
    [commitId],
  );
  expect(Object.fromEntries(rows.map(({ key, log }) => [key, log]))).toEqual({
    ...Object.fromEntries(rightFirst.map((key) => [key, ['1 webhook.received']])),
    ...Object.fromEntries(wrongFirst.map((key) => [key, ['1 webhook.ignored', '2 webhook.received']])),
  });
});
