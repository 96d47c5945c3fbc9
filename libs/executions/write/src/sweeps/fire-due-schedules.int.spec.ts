import { type JsonObject, newId } from '@sluice/kernel';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions } from '@sluice/platform-database';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { fireDueSchedules } from './fire-due-schedules.js';

const tenantId = newId();
let stores: TestDatabase;
let admin: pg.Pool;
let workers: Database[];

beforeAll(async () => {
  stores = await testDatabase();
  admin = new pg.Pool({ connectionString: stores.commandUrl });
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 2, role: 'sluice_service', app: 'test', schema: commandStoreSchema };
  workers = await Promise.all([1, 2, 3].map(async () => new Database(await dataSourceFor(options).initialize(), options)));
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.onApplicationShutdown()));
  await admin.end();
  await stores.drop();
});

beforeEach(() => admin.query('TRUNCATE schedules, tasks'));

/** All workers at once; the tickets of each. */
const sweepTogether = () => Promise.all(workers.map(({ pool }) => fireDueSchedules(pool)));
const sweep = async () => {
  const [worker] = workers;
  return worker === undefined ? [] : fireDueSchedules(worker.pool);
};

/** A schedule whose next instant was so long ago, on a full minute by the database's clock. */
async function schedule(minutesAgo: number, { cron = '* * * * *', timeZone = 'UTC', catchUp = 'one', max = 100 } = {}): Promise<string> {
  const workflowId = newId();
  await admin.query(
    `INSERT INTO schedules (tenant_id, workflow_id, node_id, version_id, cron, time_zone, catch_up, catch_up_max, next_at)
     VALUES ($1, $2, 'tick', $2, $3, $4, $5, $6, date_trunc('minute', now()) - $7 * interval '1 minute')`,
    [tenantId, workflowId, cron, timeZone, catchUp, max, minutesAgo],
  );
  return workflowId;
}

/** Each day at the minute that it was so long ago. */
async function daily(minutesAgo: number): Promise<string> {
  const { rows } = await admin.query<{ cron: string }>(
    `SELECT to_char(now() - $1 * interval '1 minute', 'FMMI FMHH24') || ' * * *' AS cron`,
    [minutesAgo],
  );
  return rows[0]?.cron ?? '';
}

interface BegunRun {
  readonly workflowId: string;
  readonly nodeId: string;
  readonly startKey: string;
  readonly trigger: JsonObject;
  readonly input: { readonly scheduledFor: string; readonly skipped?: { readonly first: string; readonly last: string } };
  readonly correlationId: string;
}

const tasksOf = async (workflowId: string): Promise<BegunRun[]> =>
  (
    await admin.query<{ payload: BegunRun }>(`SELECT payload FROM tasks WHERE payload ->> 'workflowId' = $1 ORDER BY id`, [workflowId])
  ).rows.map(({ payload }) => payload);
const rowOf = async (workflowId: string) => (await admin.query('SELECT * FROM schedules WHERE workflow_id = $1', [workflowId])).rows[0];
const databaseNow = async (): Promise<Date> => (await admin.query<{ now: Date }>('SELECT now()')).rows[0]?.now ?? new Date(Number.NaN);
const minutesBetween = (from: string, to: Date) => Math.floor((to.getTime() - new Date(from).getTime()) / 60_000);

it('an instant that has come begins a run: its task, its ticket, and the next instant', async () => {
  const cron = await daily(1);
  const workflowId = await schedule(1, { cron });
  const { next_at: due } = await rowOf(workflowId);
  const tickets = await sweep();

  const { rows } = await admin.query(`SELECT * FROM tasks`);
  expect(rows).toEqual([
    expect.objectContaining({ tenant_id: tenantId, kind: 'begin', execution_id: null, webhook_event_id: null, status: 'ready', gen: 1 }),
  ]);
  expect(rows[0].ticketed_at).not.toBeNull();
  expect(tickets).toEqual([{ id: Number(rows[0].id), gen: 1, tenantId, kind: 'begin', priority: 0 }]);
  expect(rows[0].payload).toEqual({
    workflowId,
    nodeId: 'tick',
    startKey: `s:${workflowId}:tick:${due.toISOString()}`,
    trigger: {
      source: 'schedule',
      sourceType: 'schedule',
      actionType: 'schedule',
      customerId: null,
      clientId: 'schedule',
      receivedAt: expect.any(String),
    },
    input: { scheduledFor: due.toISOString(), timeZone: 'UTC', cron },
    correlationId: expect.any(String),
  });
  expect(await rowOf(workflowId)).toMatchObject({ last_at: due, next_at: new Date(due.getTime() + 86_400_000), problem: null });
});

it('a run begins in the queue of its workflow, as it is published', async () => {
  const [bulk, plain] = [await schedule(1), await schedule(1)];
  await admin.query(
    `INSERT INTO workflow_versions (tenant_id, id, workflow_id, version, graph, settings, published_by)
     VALUES ($1, $2, $2, 1, '{}', '{"queue": "bulk"}', 'test'), ($1, $3, $3, 1, '{}', '{}', 'test')`,
    [tenantId, bulk, plain],
  );
  await sweep();
  const queueOf = async (workflowId: string) =>
    (await admin.query(`SELECT DISTINCT queue FROM tasks WHERE payload ->> 'workflowId' = $1`, [workflowId])).rows;
  expect(await queueOf(bulk)).toEqual([{ queue: 'bulk' }]);
  expect(await queueOf(plain)).toEqual([{ queue: 'default' }]);
});

it('nothing begins before its instant, by the database’s clock', async () => {
  const workflowId = await schedule(0);
  await admin.query(`UPDATE schedules SET next_at = now() + interval '1 hour'`);
  const before = await rowOf(workflowId);
  expect(await sweep()).toEqual([]);
  expect(await rowOf(workflowId)).toEqual(before);
});

it('F-27 each instant begins one run, however many sweeps look at once', async () => {
  const workflowIds: string[] = [];
  for (let n = 0; n < 120; n += 1) workflowIds.push(await schedule(3, { cron: '*/2 * * * *', catchUp: 'all' }));
  const tickets = [...(await sweepTogether()), ...(await sweepTogether())].flat();
  // Skipped rows are held by another sweep, which fires them.
  const { rows } = await admin.query<{ id: string; key: string }>(`SELECT id, payload ->> 'startKey' AS key FROM tasks`);
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  expect(tickets.map(({ id }) => id).sort()).toEqual(rows.map(({ id }) => Number(id)).sort());
  expect(new Set(rows.map(({ key }) => key.split(':')[1])).size).toBe(workflowIds.length);
  expect((await admin.query("SELECT FROM schedules WHERE next_at <= now() - interval '1 minute'")).rowCount).toBe(0);
});

it('F-27 a sweep that dies before it commits has fired nothing, and the next one fires it', async () => {
  const workflowId = await schedule(0);
  const before = await rowOf(workflowId);
  await admin.query(`
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
    CREATE TRIGGER die BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION die()`);
  try {
    await expect(sweep()).rejects.toThrow();
  } finally {
    await admin.query('DROP FUNCTION die() CASCADE');
  }
  expect(await tasksOf(workflowId)).toEqual([]);
  expect(await rowOf(workflowId)).toEqual(before);
  await sweep();
  expect((await tasksOf(workflowId)).map(({ input }) => input.scheduledFor)).toContain(before.next_at.toISOString());
});

it('a workflow that is being published is left alone until it is', async () => {
  const workflowId = await schedule(0);
  const publishing = await admin.connect();
  await publishing.query('BEGIN');
  await publishing.query('DELETE FROM schedules WHERE workflow_id = $1', [workflowId]);
  expect(await sweep()).toEqual([]);
  await publishing.query('COMMIT');
  publishing.release();
  expect(await sweep()).toEqual([]);
  expect(await tasksOf(workflowId)).toEqual([]);
});

describe('after downtime', () => {
  it('`one` runs the newest instant and says which were left out', async () => {
    const workflowId = await schedule(10);
    const { next_at: missed } = await rowOf(workflowId);
    await sweep();
    const [run, ...more] = await tasksOf(workflowId);
    expect(more).toEqual([]);
    expect(minutesBetween(run?.input.scheduledFor ?? '', await databaseNow())).toBeLessThanOrEqual(1);
    expect(run?.input.skipped?.first).toBe(missed.toISOString());
    expect(new Date(run?.input.skipped?.last ?? '').getTime()).toBe(new Date(run?.input.scheduledFor ?? '').getTime() - 60_000);
  });

  it('`skip` runs none that is more than a minute old', async () => {
    const workflowId = await schedule(10, { catchUp: 'skip' });
    await sweep();
    const runs = await tasksOf(workflowId);
    expect(runs.length).toBeLessThanOrEqual(2);
    for (const { input } of runs) expect(minutesBetween(input.scheduledFor, await databaseNow())).toBeLessThanOrEqual(1);
    // It was due ten minutes ago and is daily: nothing to run, and the row moves on.
    const late = await schedule(10, { catchUp: 'skip', cron: await daily(10) });
    await sweep();
    expect(await tasksOf(late)).toEqual([]);
    const row = await rowOf(late);
    expect(row.last_at).toBeNull();
    expect(row.next_at.getTime()).toBeGreaterThan((await databaseNow()).getTime());
  });

  it('`all` runs each, oldest first, and the newest of too many', async () => {
    const [each, few] = [await schedule(5, { catchUp: 'all' }), await schedule(5, { catchUp: 'all', max: 2 })];
    const [{ next_at: missed }, now] = [await rowOf(each), await databaseNow()];
    await sweep();
    const expected = Array.from({ length: minutesBetween(missed.toISOString(), now) + 1 }, (_, n) =>
      new Date(missed.getTime() + n * 60_000).toISOString(),
    );
    expect((await tasksOf(each)).map(({ input }) => input.scheduledFor).slice(0, expected.length)).toEqual(expected);
    const [first, second, ...more] = await tasksOf(few);
    expect(more).toEqual([]);
    expect(first?.input).toMatchObject({ skipped: { first: missed.toISOString() } });
    expect(second?.input).not.toHaveProperty('skipped');
    expect(Date.parse(second?.input.scheduledFor ?? '') - Date.parse(first?.input.scheduledFor ?? '')).toBe(60_000);
  });
});

it('N-09 a zone that is gone stops its schedule with the reason, and no other', async () => {
  const [gone, there] = [await schedule(1, { timeZone: 'Europe/Atlantis' }), await schedule(0)];
  await sweep();
  expect(await rowOf(gone)).toMatchObject({ next_at: null, problem: expect.stringContaining('"Europe/Atlantis" is not a time zone') });
  expect(await tasksOf(gone)).toEqual([]);
  expect(await tasksOf(there)).not.toEqual([]);
});

it('looks at an index and nothing else when nothing is due', async () => {
  await admin.query(
    `INSERT INTO schedules (tenant_id, workflow_id, node_id, version_id, cron, time_zone, catch_up, catch_up_max, next_at)
     SELECT $1, gen_random_uuid(), 'tick', gen_random_uuid(), '0 0 1 1 *', 'UTC', 'one', 1, CASE WHEN n % 2 = 0 THEN now() + interval '1 day' END
     FROM generate_series(1, 2000) n`,
    [tenantId],
  );
  await admin.query('ANALYZE schedules');
  const { rows } = await admin.query<{ 'QUERY PLAN': string }>('EXPLAIN SELECT FROM schedules WHERE next_at <= now() LIMIT 1');
  expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('schedules_due');
  expect(await sweep()).toEqual([]);
});
