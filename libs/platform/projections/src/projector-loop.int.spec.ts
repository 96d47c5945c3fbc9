import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type DomainEvent, newId } from '@sluice/kernel';
import { DatabaseModule, LogDatabase, ProjectionDatabase } from '@sluice/platform-database';
import { appendEvents, readLog } from '@sluice/platform-event-log';
import { NotificationsModule } from '@sluice/platform-notifications';
import { createLogger } from '@sluice/platform-telemetry';
import { eventually, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { register } from 'prom-client';
import { projectBatch } from './project-batch.js';
import type { AnyProjection, Projection, TenantRow } from './projection.js';
import { ProjectorLoop } from './projector-loop.js';
import { ProjectorModule } from './projector.module.js';

type Counted = DomainEvent<'counted', { readonly label: string }>;
/** Of a newer version, which also has a column for it */
type Coloured = DomainEvent<'coloured', Record<string, never>>;
type Poison = DomainEvent<'poison', Record<string, never>>;

interface Tally extends TenantRow {
  readonly id: string;
  readonly count: number;
  readonly lastVersion: number;
  readonly label: string;
}

interface ColouredTally extends Tally {
  readonly colour: string | null;
}

/** Throws where events are repeated, missing or out of order. */
const next = (version: number, row: Tally | undefined): { count: number; lastVersion: number } => {
  if (version !== (row?.lastVersion ?? 0) + 1) throw new Error(`version ${version} came after ${row?.lastVersion}`);
  return { count: (row?.count ?? 0) + 1, lastVersion: version };
};

const columns = { tenantId: 'uuid', id: 'uuid', count: 'bigint', lastVersion: 'bigint', label: 'text' } as const;

const tally: Projection<Counted | Poison, Tally> = {
  table: 'tally',
  key: ['id'],
  columns,
  keys: ({ aggregateId: id }) => [{ id }],
  on: {
    counted: ({ aggregateVersion, payload: { label } }, row) => ({ ...next(aggregateVersion, row), label }),
    poison: () => {
      throw new Error('cannot take this');
    },
  },
};

const tolerant: Projection<Counted | Poison, Tally> = {
  ...tally,
  table: 'tolerant_tally',
  on: { ...tally.on, poison: ({ aggregateVersion }, row) => next(aggregateVersion, row) },
};

const tenantId = newId();
let stores: TestDatabase;
let command: pg.Pool;
let query: pg.Pool;
let running: INestApplicationContext[] = [];

beforeAll(async () => {
  stores = await testDatabase();
  command = new pg.Pool({ connectionString: stores.commandUrl });
  query = new pg.Pool({ connectionString: stores.queryUrl });
  for (const { table } of [tally, tolerant]) {
    await query.query(`
      CREATE TABLE ${table} (
        tenant_id uuid, id uuid, count bigint, last_version bigint, label text CHECK (label <> 'refused'), PRIMARY KEY (tenant_id, id)
      );
      GRANT SELECT, INSERT, UPDATE ON ${table} TO sluice_projector`);
  }
});

afterEach(async () => {
  await Promise.all(running.map((projector) => projector.close()));
  running = [];
});

afterAll(async () => {
  await command.end();
  await query.end();
  await stores.drop();
});

async function startProjector(version: { projections?: AnyProjection[]; schemaVersion?: number } = {}): Promise<ProjectorLoop> {
  const config = (url: string) => ({ app: 'projector', config: { url, poolSize: 2 } });
  @Module({
    imports: [
      DatabaseModule.forRoot(LogDatabase, config(stores.commandUrl)),
      DatabaseModule.forRoot(ProjectionDatabase, config(stores.queryUrl)),
      NotificationsModule.forRoot({ redisUrl: undefined }),
      ProjectorModule.forRoot({ projections: [tally, tolerant], ...version, logger: createLogger('projector', 'silent') }),
    ],
  })
  class Projector {}
  const projector = await NestFactory.createApplicationContext(Projector, { logger: false });
  running.push(projector);
  return projector.get(ProjectorLoop);
}

const versions = new Map<string, number>();

/** Each in a commit of its own. */
async function append(aggregateId: string, ...events: (string | { type: string; schemaVersion?: number })[]): Promise<void> {
  for (const event of events) {
    const aggregateVersion = (versions.get(aggregateId) ?? 0) + 1;
    versions.set(aggregateId, aggregateVersion);
    const [type, payload] = typeof event === 'string' ? ['counted', { label: event }] : [event.type, {}];
    const client = await command.connect();
    await client.query('BEGIN');
    await appendEvents(client, [{ event: { type, aggregateId, payload }, tenantId, aggregateVersion, correlationId: 'test' }]);
    if (typeof event === 'object' && event.schemaVersion !== undefined) {
      await client.query('UPDATE domain_events SET schema_version = $2 WHERE aggregate_id = $1 AND aggregate_version = $3', [
        aggregateId,
        event.schemaVersion,
        aggregateVersion,
      ]);
    }
    await client.query('COMMIT');
    client.release();
  }
}

/** Commits of so many events each, all visible at once. */
async function appendCommits(sizes: readonly number[], { aggregates = 1 } = {}): Promise<void> {
  const client = await command.connect();
  await client.query('BEGIN');
  for (const size of sizes) {
    const ids = Array.from({ length: aggregates }, newId);
    await appendEvents(
      client,
      Array.from({ length: size }, (_, n) => ({
        event: { type: 'counted', aggregateId: ids[n % aggregates] ?? '', payload: { label: 'x' } },
        tenantId,
        aggregateVersion: Math.floor(n / aggregates) + 1,
        correlationId: 'test',
      })),
    );
  }
  await client.query('COMMIT');
  client.release();
}

/** From now on, of how many events each batch was. */
async function watchBatches(): Promise<() => Promise<number[]>> {
  await query.query(`
    CREATE TABLE batches (n int GENERATED ALWAYS AS IDENTITY, events int);
    CREATE FUNCTION note_batch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN INSERT INTO public.batches (events) VALUES (NEW.position - OLD.position); RETURN NULL; END $$;
    CREATE TRIGGER batches AFTER UPDATE ON projection_checkpoints FOR EACH ROW EXECUTE FUNCTION note_batch()`);
  return async () => {
    const { rows } = await query.query<{ events: number }>('SELECT events FROM batches ORDER BY n');
    await query.query('DROP TABLE batches; DROP FUNCTION note_batch CASCADE');
    return rows.map(({ events }) => events);
  };
}

async function tallies(table = 'tally'): Promise<Map<string, number>> {
  const { rows } = await query.query<{ id: string; count: number }>(`SELECT id, count::int FROM ${table}`);
  return new Map(rows.map(({ id, count }) => [id, count]));
}

const ours = `FROM pg_stat_activity WHERE application_name = 'sluice-projector' AND datname = current_database()`;

const checkpoint = async () => Number((await query.query('SELECT position FROM projection_checkpoints')).rows[0]?.position);

async function caughtUp(): Promise<void> {
  await command.query('SELECT sequence_commits()');
  const head = Number((await command.query('SELECT last FROM event_head')).rows[0]?.last);
  await eventually(async () => (await checkpoint()) === head, { timeoutMs: 20_000 });
}

it('counts every event once, though connections are killed all the time and two projectors run', async () => {
  const [first, second] = [await startProjector(), await startProjector()];
  const aggregates = Array.from({ length: 12 }, newId);
  let appending = true;
  const kill = async () => {
    for (let round = 0; appending || round < 30; round += 1) {
      for (const pool of [command, query]) {
        await pool.query(`SELECT pg_terminate_backend(pid) ${ours}`);
      }
      first.wake();
      second.wake();
      await new Promise((resolve) => setTimeout(resolve, 30 * Math.random()));
    }
  };
  const killing = kill();
  await Promise.all(aggregates.map((id) => append(id, ...Array.from({ length: 40 }, () => 'x'))));
  appending = false;
  await killing;

  await caughtUp();
  const counts = await tallies();
  expect(aggregates.map((id) => counts.get(id))).toEqual(aggregates.map(() => 40));
  expect((await query.query('SELECT * FROM projection_parked')).rows).toEqual([]);
}, 60_000);

it('writes nothing of a batch whose checkpoint has been moved meanwhile', async () => {
  await startProjector();
  await caughtUp();
  await Promise.all(running.map((projector) => projector.close()));
  running = [];

  const [database] = await withDatabases();
  const id = newId();
  await append(id, 'a', 'b');
  const from = await checkpoint();
  const events = await readLog(command, from);
  const batch = { projections: [tally], from, events };
  const results = await Promise.all([projectBatch(database, batch), projectBatch(database, batch)]);

  expect(results.map(({ changed }) => changed.length).toSorted()).toEqual([0, 1]);
  expect(results.map(({ position }) => position)).toEqual([from + 2, from + 2]);
  expect((await tallies()).get(id)).toBe(2);
});

it('takes as many commits as have 4 000 events together, from its start on, and a larger one alone', async () => {
  const batches = await watchBatches();
  const many = (commits: number, events: number) => Array.from({ length: commits }, () => events);
  await appendCommits([...many(10, 1_000), 5_000, ...many(3, 1_000), ...many(100, 1)]);
  await startProjector();
  await caughtUp();
  expect(await batches()).toEqual([4_000, 4_000, 2_000, 5_000, 3_100]);
}, 60_000);

it('reads less when a batch fails, down to one commit, and more again when it does not', async () => {
  const batches = await watchBatches();
  // As a statement that takes too long, or a string that is too long, would.
  await query.query(`
    CREATE FUNCTION refuse_many() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF (SELECT count(*) FROM made) > 700 THEN RAISE 'too many' USING ERRCODE = '57014'; END IF; RETURN NULL; END $$;
    CREATE TRIGGER many AFTER INSERT ON tally REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION refuse_many()`);
  await appendCommits([600, 600, 600, 600], { aggregates: 600 });
  await startProjector();
  await caughtUp();
  await query.query('DROP FUNCTION refuse_many CASCADE');
  await appendCommits([600, 600, 600, 600, 600, 600, 600, 600]);
  await caughtUp();
  const [first, ...others] = await batches();
  expect(first).toBe(600);
  expect(Math.max(...others)).toBeGreaterThan(600);
}, 60_000);

async function withDatabases(): Promise<[ProjectionDatabase]> {
  @Module({ imports: [DatabaseModule.forRoot(ProjectionDatabase, { app: 'zombie', config: { url: stores.queryUrl, poolSize: 2 } })] })
  class Zombie {}
  const zombie = await NestFactory.createApplicationContext(Zombie, { logger: false });
  running.push(zombie);
  return [zombie.get(ProjectionDatabase)];
}

it('waits for another projector’s lock, then goes on from where that one stopped', async () => {
  await startProjector();
  await caughtUp();
  const other = await query.connect();
  await other.query('BEGIN');
  await other.query('SELECT FROM projection_checkpoints FOR UPDATE');

  const id = newId();
  await append(id, 'a');
  const before = await checkpoint();
  await eventually(async () => {
    const { rows } = await query.query(`SELECT ${ours} AND wait_event_type = 'Lock'`);
    return rows.length > 0;
  });
  expect(await checkpoint()).toBe(before);

  await other.query('ROLLBACK');
  other.release();
  await caughtUp();
  expect((await tallies()).get(id)).toBe(1);
});

it('parks the aggregate of an event that a projection cannot take, for that projection alone', async () => {
  const loop = await startProjector();
  const [poisoned, healthy] = [newId(), newId()];
  await append(poisoned, 'a', { type: 'poison' }, 'b');
  await append(healthy, 'a', 'b');
  await caughtUp();
  await append(poisoned, 'c');
  await append(healthy, 'c');
  await caughtUp();

  expect((await tallies()).get(poisoned)).toBe(1);
  expect((await tallies()).get(healthy)).toBe(3);
  const { rows } = await query.query('SELECT projection, event_type, error FROM projection_parked WHERE aggregate_id = $1', [poisoned]);
  expect(rows).toEqual([{ projection: 'tally', event_type: 'poison', error: 'Error: cannot take this' }]);
  expect((await tallies('tolerant_tally')).get(poisoned)).toBe(4);
  await loop.assertReady();
});

it('parks the aggregate of a value that the store refuses, and keeps the rows beside it', async () => {
  await startProjector();
  await caughtUp();
  const [refused, beside] = [newId(), newId()];
  await append(beside, 'a');
  await append(refused, 'refused');
  await append(beside, 'b');
  await caughtUp();

  expect((await tallies()).get(beside)).toBe(2);
  expect((await tallies()).get(refused)).toBeUndefined();
  const { rows } = await query.query('SELECT projection, error FROM projection_parked WHERE aggregate_id = $1 ORDER BY 1', [refused]);
  expect(rows).toEqual([
    { projection: 'tally', error: expect.stringContaining('check constraint') },
    { projection: 'tolerant_tally', error: expect.stringContaining('check constraint') },
  ]);
});

it('P-17: old and new side by side on a store that is expanded under them; an event of the new version is left to the new one', async () => {
  const colours: Projection<Counted | Coloured, ColouredTally> = {
    ...tally,
    columns: { ...columns, colour: 'text' },
    keys: ({ aggregateId }) => [{ id: aggregateId }],
    on: {
      counted: ({ aggregateVersion, payload: { label } }, row) => ({ ...next(aggregateVersion, row), label, colour: row?.colour ?? null }),
      coloured: ({ aggregateVersion }, row) => ({ ...next(aggregateVersion, row), label: 'x', colour: 'red' }),
    },
  };
  const old = await startProjector();
  const id = newId();
  await append(id, 'a');
  await caughtUp();
  await query.query('ALTER TABLE tally ADD COLUMN colour text');
  const upgraded = await startProjector({ projections: [colours, tolerant], schemaVersion: 2 });
  await Promise.all(Array.from({ length: 20 }, () => append(newId(), 'a', 'b')));
  await append(id, 'b', 'c');
  await caughtUp();
  await upgraded.stop();

  const before = await checkpoint();
  await append(id, 'd', { type: 'coloured', schemaVersion: 2 }, 'e');
  old.wake();
  await eventually(() => expect(old.assertReady()).rejects.toThrow(/stopped: the event at position \d+ \(coloured\) has schema version 2/));
  expect(await checkpoint()).toBe(before + 1);
  expect((await tallies()).get(id)).toBe(4);
  expect((await register.getSingleMetric('sluice_projector_stopped')?.get())?.values).toMatchObject([{ value: 1 }]);

  const successor = await startProjector({ projections: [colours], schemaVersion: 2 });
  await caughtUp();
  await successor.assertReady();
  expect((await query.query('SELECT count::int, colour FROM tally WHERE id = $1', [id])).rows).toEqual([{ count: 6, colour: 'red' }]);
  expect((await query.query('SELECT * FROM projection_parked WHERE aggregate_id = $1', [id])).rows).toEqual([]);
}, 30_000);

it('stops at a log that is broken, and says so', async () => {
  const loop = await startProjector();
  await caughtUp();
  await loop.assertReady();
  const before = await checkpoint();
  await command.query(`INSERT INTO event_commits (events) VALUES (2)`);
  await append(newId(), 'after');
  loop.wake();

  await eventually(() => expect(loop.assertReady()).rejects.toThrow('the projector has stopped: position'));
  expect(await checkpoint()).toBe(before);
});
