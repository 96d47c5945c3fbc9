import { newId } from '@sluice/kernel';
import { readWindows, type TaskTicket, type Windows } from '@sluice/platform-queue';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { giveTickets } from './give-tickets.js';

let stores: TestDatabase;
let pool: pg.Pool;
const [flooding, neighbour] = [newId(), newId()];

beforeAll(async () => {
  stores = await testDatabase();
  pool = new pg.Pool({ connectionString: stores.commandUrl, max: 2 });
});

beforeEach(async () => {
  await pool.query('TRUNCATE tasks, workers');
  await pool.query('DELETE FROM tenants');
  for (const id of [flooding, neighbour])
    await pool.query(`INSERT INTO tenants (id, name, effect_secret) VALUES ($1, 'test', 'secret')`, [id]);
});

afterAll(async () => {
  await pool.end();
  await stores.drop();
});

/** So many of its tasks wait for a ticket. */
async function waiting(tenantId: string, count: number, { kind = 'step', queue = 'default' } = {}): Promise<void> {
  await pool.query(
    `INSERT INTO tasks (tenant_id, kind, queue, execution_id) SELECT $1, $2, $3, gen_random_uuid() FROM generate_series(1, $4)`,
    [tenantId, kind, queue, count],
  );
}

async function inTransaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } finally {
    client.release();
  }
}

/** Until the windows hold no more. */
async function givenAll(): Promise<TaskTicket[]> {
  const given: TaskTicket[] = [];
  for (;;) {
    const tickets = (await inTransaction((client) => giveTickets(client)))?.tickets ?? [];
    given.push(...tickets);
    if (tickets.length === 0) return given;
  }
}

const outOf = ({ tenants }: Windows, tenantId: string) => ({
  steps: tenants.get(tenantId)?.steps ?? 0,
  calls: tenants.get(tenantId)?.calls ?? 0,
});
const done = (tickets: readonly TaskTicket[]) =>
  pool.query('DELETE FROM tasks WHERE id = ANY ($1::bigint[])', [tickets.map(({ id }) => id)]);

it('T-15: of a backlog of 20 000 no more than a window is out, and a neighbour who comes finds room at once, on the express way', async () => {
  await waiting(flooding, 20_000);
  const first = await givenAll();
  expect(outOf(await readWindows(pool, 1), flooding)).toEqual({ steps: 800, calls: 0 });
  expect(first).toHaveLength(800);

  await waiting(neighbour, 5);
  const next = await givenAll();
  expect(outOf(await readWindows(pool, 1), neighbour)).toEqual({ steps: 5, calls: 0 });
  expect(next.map(({ isExpress }) => isExpress)).toEqual([true, true, true, true, true]);
});

it('T-15: what becomes free goes to whoever holds less', async () => {
  await waiting(flooding, 5_000);
  const first = await givenAll();
  await waiting(neighbour, 5_000);
  await done(first.slice(0, 300));
  await givenAll();
  const out = await readWindows(pool, 1);
  const [theirs, ours] = [outOf(out, flooding).steps, outOf(out, neighbour).steps];
  expect(theirs).toBe(500);
  expect(ours).toBeGreaterThan(350);
  expect(theirs + ours).toBeLessThanOrEqual(1_000);
});

it('T-15: calls to a slow target keep no step from its ticket', async () => {
  await waiting(flooding, 2_000, { kind: 'effect' });
  await givenAll();
  expect(outOf(await readWindows(pool, 1), flooding)).toEqual({ steps: 0, calls: 320 });
  await waiting(flooding, 10);
  expect(await givenAll()).toHaveLength(10);
});

it('more workers let more out; those that are silent count no more', async () => {
  await pool.query(`INSERT INTO workers (id) SELECT gen_random_uuid() FROM generate_series(1, 3)`);
  await pool.query(`INSERT INTO workers (id, beat_at) VALUES (gen_random_uuid(), now() - interval '1 minute')`);
  await waiting(flooding, 5_000);
  expect(await givenAll()).toHaveLength(2_400);
});

it('within a tenant critical goes before default before bulk, and none is stopped by those before it', async () => {
  await waiting(flooding, 3_000, { queue: 'bulk' });
  await waiting(flooding, 3_000, { queue: 'critical' });
  await inTransaction((client) => giveTickets(client));
  const { rows } = await pool.query<{ queue: string; n: number }>(
    'SELECT queue, count(*)::int AS n FROM tasks WHERE ticketed_at IS NOT NULL GROUP BY 1 ORDER BY 2 DESC',
  );
  expect(rows.map(({ queue }) => queue)).toEqual(['critical', 'bulk']);
  expect(rows[0]?.n).toBeGreaterThan((rows[1]?.n ?? 0) * 5);
});

it('one gives tickets at a time; another one does not wait for it', async () => {
  await waiting(flooding, 10);
  await inTransaction(async (client) => {
    expect((await giveTickets(client))?.tickets).toHaveLength(10);
    expect(await inTransaction((other) => giveTickets(other))).toBeUndefined();
  });
});
