import { newId } from '@sluice/kernel';
import { eventually, type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { claimTasks, putOffTasks, readTasks } from './tasks.js';

let stores: TestDatabase;
let pool: pg.Pool;
const tenantId = newId();

beforeAll(async () => {
  stores = await testDatabase();
  pool = new pg.Pool({ connectionString: stores.commandUrl, max: 2 });
});

afterAll(async () => {
  await pool.end();
  await stores.drop();
});

async function newTask() {
  const { rows } = await pool.query(
    `INSERT INTO tasks (tenant_id, kind, execution_id, ticketed_at) VALUES ($1, 'step', $2, now()) RETURNING id::int, gen`,
    [tenantId, newId()],
  );
  const [task] = await readTasks(pool, rows);
  if (task === undefined) throw new Error('the task is not there');
  return task;
}

const stateOf = async (id: number) =>
  (await pool.query('SELECT status, lease_owner, ticketed_at, gen, run_after > now() AS later FROM tasks WHERE id = $1', [id])).rows[0];
const putOff = { status: 'ready', lease_owner: null, ticketed_at: null, gen: 2, later: true };

describe('tasks that are put off', () => {
  it('are ready later', async () => {
    const task = await newTask();
    await putOffTasks(pool, [task]);
    expect(await stateOf(task.id)).toEqual(putOff);
  });

  it('are nobody\u2019s even if we had claimed them: they do not wait until the lease is over', async () => {
    const [claimed] = await claimTasks(pool, [await newTask()], newId(), 30_000);
    if (claimed === undefined) throw new Error('not claimed');
    await putOffTasks(pool, [claimed]);
    expect(await stateOf(claimed.id)).toEqual(putOff);
  });

  it('are waited for when somebody looks at them just now', async () => {
    const [claimed] = await claimTasks(pool, [await newTask()], newId(), 30_000);
    if (claimed === undefined) throw new Error('not claimed');
    const other = new pg.Client(stores.commandUrl);
    await other.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM tasks WHERE id = $1 FOR UPDATE', [claimed.id]);
    const done = putOffTasks(pool, [claimed]);
    await eventually(async () => {
      const { rows } = await pool.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`);
      expect(rows).toHaveLength(1);
    });
    await other.query('COMMIT');
    await other.end();
    await done;
    expect(await stateOf(claimed.id)).toEqual(putOff);
  });

  it('are left alone when somebody else has claimed them meanwhile', async () => {
    const task = await newTask();
    await claimTasks(pool, [task], newId(), 30_000);
    await putOffTasks(pool, [task]);
    expect(await stateOf(task.id)).toMatchObject({ status: 'leased', gen: 1, later: false });
  });
});
