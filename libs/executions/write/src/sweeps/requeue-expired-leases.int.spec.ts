import { newId } from '@sluice/kernel';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import pg from 'pg';
import { requeueExpiredLeases } from './sweep-queries.js';

let stores: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  stores = await testDatabase();
  pool = new pg.Pool({ connectionString: stores.commandUrl, max: 1 });
});

afterAll(async () => {
  await pool.end();
  await stores.drop();
});

it('F-12: of the lines that a dead worker held, the heads count a crash and nothing behind them, however many sweeps it takes', async () => {
  const [tenantId, owner] = [newId(), newId()];
  await pool.query(
    `INSERT INTO tasks (tenant_id, kind, webhook_event_id, order_key, status, lease_owner, lease_until, epoch)
     SELECT $1, 'start', gen_random_uuid(), line, 'leased', $2, now() - interval '1 second', 1
     FROM generate_series(1, 400) AS place, generate_series(1, 3) AS line`,
    [tenantId, owner],
  );
  const requeued = { tasks: 0, crashes: 0 };
  for (;;) {
    const { tasks, crashes } = await requeueExpiredLeases(pool, 0);
    if (tasks === 0) break;
    requeued.tasks += tasks;
    requeued.crashes += crashes;
  }
  expect(requeued).toEqual({ tasks: 1_200, crashes: 3 });
  const { rows } = await pool.query(
    `SELECT order_key::int AS line, count(*) FILTER (WHERE crashes > 0)::int AS suspects, min(order_at) = min(order_at) FILTER (WHERE crashes > 0) AS heads
     FROM tasks WHERE tenant_id = $1 AND status = 'ready' GROUP BY 1 ORDER BY 1`,
    [tenantId],
  );
  expect(rows).toEqual([1, 2, 3].map((line) => ({ line, suspects: 1, heads: true })));
});
