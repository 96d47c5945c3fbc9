import { randomBytes } from 'node:crypto';
import { newId } from '@sluice/kernel';
// Has bigint columns read as numbers.
import '@sluice/platform-database';
import { seeded, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { appendEvents } from './append.js';
import { type LoggedEvent, type ReadBounds, readLog } from './read-log.js';

const writers = 8;
const sequencers = 3;
const commitsPerWriter = 120;
const aggregates = 4;
const tenantId = newId();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let stores: TestDatabase;
let pool: pg.Pool;

beforeEach(async () => {
  stores = await testDatabase();
  pool = new pg.Pool({ connectionString: stores.commandUrl, max: writers + sequencers + 2 });
  // `drop` may cut one that is still saying goodbye; a query that is cut fails by itself.
  pool.on('connect', (client) => client.on('error', () => {}));
  pool.on('error', () => {});
  await pool.query('CREATE TABLE aggregates (id uuid PRIMARY KEY, version bigint NOT NULL DEFAULT 0)');
});

afterEach(async () => {
  await pool.end();
  await stores.drop();
});

async function lock(client: pg.PoolClient, aggregateIds: readonly string[]): Promise<{ id: string; version: number }[]> {
  const { rows } = await client.query('SELECT id, version FROM aggregates WHERE id = ANY ($1) ORDER BY id FOR UPDATE', [aggregateIds]);
  return rows;
}

const entriesOf = (rows: readonly { id: string; version: number }[]) =>
  rows.map(({ id, version }) => ({
    event: { type: 'raced', aggregateId: id, payload: {} },
    tenantId,
    aggregateVersion: version + 1,
    correlationId: 'race',
  }));

const raise = (client: pg.PoolClient, aggregateIds: readonly string[]) =>
  client.query('UPDATE aggregates SET version = version + 1 WHERE id = ANY ($1)', [aggregateIds]);

/** As the product writes: every lock first, then the commit's row. */
const write = async (client: pg.PoolClient, aggregateIds: readonly string[]): Promise<void> => {
  const rows = await lock(client, aggregateIds);
  await raise(client, aggregateIds);
  await appendEvents(client, entriesOf(rows));
};

const calmly = () => pool.query('SELECT sequence_commits()');

/** Eight writers, three sequencers and a reader at once, until everything written has been read. */
async function race(sequence: () => Promise<unknown> = calmly): Promise<{ written: number; events: LoggedEvent[] }> {
  const ids = Array.from({ length: aggregates }, newId);
  for (const id of ids) await pool.query('INSERT INTO aggregates (id) VALUES ($1)', [id]);
  let written = 0;
  let writing = true;

  const writer = async () => {
    for (let n = 0; n < commitsPerWriter; n += 1) {
      const touched = ids.filter(() => Math.random() < 0.3);
      if (touched.length === 0) continue;
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await write(client, touched);
        if (Math.random() < 0.1) await pause(10 * Math.random());
        const rollBack = Math.random() < 0.1;
        await client.query(rollBack ? 'ROLLBACK' : 'COMMIT');
        if (!rollBack) written += touched.length;
      } finally {
        client.release();
      }
    }
  };
  const sequencer = async () => {
    while (writing) {
      await sequence();
      await pause(2 * Math.random());
    }
  };
  const events: LoggedEvent[] = [];
  const reader = async () => {
    for (let last = false; ;) {
      const batch = await readLog(pool, events.at(-1)?.position ?? 0, { eventsMax: 20 });
      events.push(...batch);
      if (batch.length > 0) continue;
      if (last) return;
      last = !writing;
    }
  };

  const others = [reader(), ...Array.from({ length: sequencers }, sequencer)];
  await Promise.all(Array.from({ length: writers }, writer));
  writing = false;
  await Promise.all(others);
  return { written, events };
}

/** Events that do not follow the one before of their aggregate. */
function reordered(events: readonly LoggedEvent[]): LoggedEvent[] {
  const versions = new Map<string, number>();
  return events.filter(({ aggregateId, aggregateVersion }) => {
    const before = versions.get(aggregateId) ?? 0;
    versions.set(aggregateId, aggregateVersion);
    return aggregateVersion !== before + 1;
  });
}

it('gives every event one position, without a hole, a repeat, or a change in an aggregate’s order', async () => {
  const { written, events } = await race();
  expect(events.map(({ position }) => position)).toEqual(Array.from({ length: written }, (_, n) => n + 1));
  expect(new Set(events.map(({ id }) => id)).size).toBe(written);
  expect(reordered(events)).toEqual([]);
}, 60_000);

/** Returns when the server has ended the session of this client. */
async function ended(client: pg.PoolClient): Promise<void> {
  await pool.query('SELECT pg_terminate_backend($1, 5000)', [Reflect.get(client, 'processID')]);
}

it('F-25: a sequencer that ends between numbering and commit has numbered nothing; the next one numbers all of it', async () => {
  const aggregateId = newId();
  await pool.query('INSERT INTO aggregates (id) VALUES ($1)', [aggregateId]);
  for (let n = 0; n < 3; n += 1) {
    const writer = await pool.connect();
    await writer.query('BEGIN');
    await write(writer, [aggregateId]);
    await writer.query('COMMIT');
    writer.release();
  }
  const numbered = async (client: Pick<pg.Pool, 'query'>) =>
    (await client.query('SELECT (SELECT count(position)::int FROM event_commits) AS commits, last FROM event_head')).rows;
  const dying = await pool.connect();
  await dying.query('BEGIN');
  await dying.query('SELECT sequence_commits()');
  expect(await numbered(dying)).toEqual([{ commits: 3, last: 3 }]);
  await ended(dying);
  dying.release(true);

  const events = await readLog(pool, 0);
  expect(events.map(({ position, aggregateVersion }) => [position, aggregateVersion])).toEqual([1, 2, 3].map((n) => [n, n]));
  expect(await numbered(pool)).toEqual([{ commits: 3, last: 3 }]);
});

it('F-26: several sequencers at once, ended at random places: no hole, no repeat, every aggregate in order', async () => {
  const random = seeded(26);
  let deaths = 0;
  const dangerously = async () => {
    const client = await pool.connect();
    const dies = random() < 0.3;
    try {
      await client.query('BEGIN');
      // Either in the statement, at whatever place, or when all is numbered and nothing is committed.
      const numbering = client.query('SELECT sequence_commits()');
      if (dies && random() < 0.5) await ended(client);
      await numbering;
      if (dies) await ended(client);
      await client.query('COMMIT');
    } catch {
      deaths += 1;
    } finally {
      client.release(dies);
    }
  };
  const { written, events } = await race(dangerously);
  expect(deaths).toBeGreaterThan(10);
  expect(events.map(({ position }) => position)).toEqual(Array.from({ length: written }, (_, n) => n + 1));
  expect(new Set(events.map(({ id }) => id)).size).toBe(written);
  expect(reordered(events)).toEqual([]);
}, 60_000);

describe('reads whole commits', () => {
  const append = async (...payloads: object[]) => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await appendEvents(
      client,
      payloads.map((payload) => ({
        event: { type: 'read', aggregateId: newId(), payload },
        tenantId,
        aggregateVersion: 1,
        correlationId: 'read',
      })),
    );
    await client.query('COMMIT');
    client.release();
  };
  const small = (events: number) => append(...Array.from({ length: events }, () => ({})));
  /** Of so many bytes in the store, where they do not shrink */
  const large = (bytes: number) => ({ bytes: randomBytes(bytes / 2).toString('hex') });
  const batches = async (bounds: ReadBounds) => {
    const found: number[] = [];
    for (let cursor = 0; ;) {
      const { length } = await readLog(pool, cursor, bounds);
      if (length === 0) return found;
      found.push(length);
      cursor += length;
    }
  };

  it('as long as they have so many events, and a larger one alone', async () => {
    for (const events of [4, 4, 3, 11, 1, 10, 2]) await small(events);
    expect(await batches({ eventsMax: 10 })).toEqual([8, 3, 11, 1, 10, 2]);
    expect(await batches({ eventsMax: 1 })).toEqual([4, 4, 3, 11, 1, 10, 2]);
    expect(await batches({})).toEqual([35]);
  });

  it('as long as they have so many bytes, and a larger one alone', async () => {
    await append(large(20_000), {});
    await append(large(20_000));
    await append(large(30_000), large(30_000), {});
    await small(5);
    await append(large(10_000));
    expect(await batches({ bytesMax: 50_000 })).toEqual([3, 3, 6]);
    expect(await batches({ bytesMax: 50_000, eventsMax: 2 })).toEqual([2, 1, 3, 5, 1]);
    expect(await batches({})).toEqual([12]);
  });
});

it('would reorder if the commit were drawn before the locks are held: the harness can tell', async () => {
  const id = newId();
  await pool.query('INSERT INTO aggregates (id) VALUES ($1)', [id]);
  const draw = async (client: pg.PoolClient) => {
    await client.query('BEGIN');
    return (await client.query('INSERT INTO event_commits (events) VALUES (1) RETURNING id')).rows[0].id;
  };
  const finish = async (client: pg.PoolClient, commitId: number) => {
    const [row] = await lock(client, [id]);
    await raise(client, [id]);
    await client.query(
      `INSERT INTO domain_events (commit_id, ord, id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, timestamp)
       VALUES ($1, 0, $2, $3, 'raced', $4, $5, '{}', 'race', now())`,
      [commitId, newId(), tenantId, id, (row?.version ?? 0) + 1],
    );
    await client.query('COMMIT');
  };
  const [early, late] = [await pool.connect(), await pool.connect()];
  try {
    const earlyId = await draw(early);
    await finish(late, await draw(late));
    await finish(early, earlyId);
  } finally {
    early.release();
    late.release();
  }
  const events = await readLog(pool, 0);
  expect(events.map(({ aggregateVersion }) => aggregateVersion)).toEqual([2, 1]);
  expect(reordered(events)).not.toEqual([]);
});
