import { randomBytes } from 'node:crypto';
import { newId } from '@sluice/kernel';
import { eventually, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { keepHouse } from './sweep-queries.js';

let stores: TestDatabase;
let db: pg.Pool;
let service: pg.Pool;
beforeEach(async () => {
  stores = await testDatabase();
  db = new pg.Pool({ connectionString: stores.commandUrl, max: 1 });
  service = new pg.Pool({ connectionString: stores.commandUrl, max: 1, options: '-c role=sluice_service' });
  for (const age of ['25 hours', '23 hours']) {
    await db.query(
      'INSERT INTO idempotency_keys (tenant_id, key_hash, request_hash, answer, created_at) VALUES ($1, $2, $2, $3, now() - $4::interval)',
      [newId(), randomBytes(32), { result: { age } }, age],
    );
  }
});
afterEach(async () => {
  await Promise.all([db.end(), service.end()]);
  await stores.drop();
});

const kept = async () => (await db.query(`SELECT answer -> 'result' ->> 'age' AS age FROM idempotency_keys`)).rows.map(({ age }) => age);
const partitions = async () =>
  (await db.query(`SELECT relname FROM pg_class WHERE relname ~ '^domain_events_r[0-9]+$' ORDER BY 1`)).rows.map(({ relname }) => relname);
const commitAt = async (id: number) => {
  await db.query(`SELECT setval(pg_get_serial_sequence('event_commits', 'id'), $1, false)`, [id]);
  await db.query('INSERT INTO event_commits (events) VALUES (1)');
};
const eventOf = (commit: number) =>
  db.query(
    `INSERT INTO domain_events (commit_id, ord, id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, timestamp)
     VALUES ($1, 0, $2, $2, 'webhook.received', $2, 1, '{}', 'c', now())`,
    [commit, newId()],
  );
const written = async (commit: number) => {
  await commitAt(commit);
  await eventOf(commit);
};

/** The parts that failed */
const failed: string[] = [];
const apart = (part: string, work: () => Promise<void>) => work().catch(() => void failed.push(part));
beforeEach(() => void (failed.length = 0));

it('keeps what commands answered for their retries, for a day', async () => {
  expect(await keepHouse(service, apart)).toBe(0);
  expect(await kept()).toEqual(['23 hours']);
  expect(failed).toEqual([]);
});

it('makes the next partition although one cannot be made any more, and tells how many events that are in none', async () => {
  expect(await partitions()).toEqual(['domain_events_r0', 'domain_events_r1']);
  await written(1_000_000);
  expect(await keepHouse(service, apart)).toBe(1);
  expect(await partitions()).toEqual(['domain_events_r0', 'domain_events_r1', 'domain_events_r3']);
  expect(await kept()).toEqual(['23 hours']);
  expect(failed).toEqual([]);

  await written(1_500_000);
  expect(await keepHouse(service, apart)).toBe(1);
  expect(await partitions()).toEqual(['domain_events_r0', 'domain_events_r1', 'domain_events_r3', 'domain_events_r4']);
});

it('makes the next partition although an event of one falls into none while that is made', async () => {
  await commitAt(1_000_000);
  await db.query('BEGIN');
  await eventOf(1_000_000);
  const keeping = keepHouse(service, apart);
  await eventually(async () =>
    expect((await db.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'domain_events'::regclass`)).rowCount).toBe(1),
  );
  await db.query('COMMIT');
  expect(await keeping).toBe(1);
  expect(await partitions()).toEqual(['domain_events_r0', 'domain_events_r1', 'domain_events_r3']);
  expect(failed).toEqual([]);
});

it('a part that fails is told, and keeps none of the others from running', async () => {
  await written(1_000_000);
  await db.query('REVOKE DELETE ON workers FROM sluice_service');
  expect(await keepHouse(service, apart)).toBe(1);
  expect(failed).toEqual(['workers']);
  expect(await kept()).toEqual(['23 hours']);

  await db.query('REVOKE EXECUTE ON FUNCTION ensure_event_partitions() FROM sluice_service');
  await db.query(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours'`);
  expect(await keepHouse(service, apart)).toBe(0);
  expect(failed).toEqual(['workers', 'partitions', 'workers']);
  expect(await kept()).toEqual([]);
});
