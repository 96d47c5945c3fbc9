import { randomUUID } from 'node:crypto';
import { startRedis } from '@sluice/platform-local-servers';
import { type TestDatabase, testDatabase, testRedisUrl } from '@sluice/testing';
import pg from 'pg';
import { checkInstallation } from './checks.js';

const tenantId = randomUUID();
let stores: TestDatabase;
let command: pg.Pool;
let query: pg.Pool;
let redisUrl: string;

beforeEach(async () => {
  stores = await testDatabase();
  command = new pg.Pool({ connectionString: stores.commandUrl, max: 1 });
  query = new pg.Pool({ connectionString: stores.queryUrl, max: 1 });
  redisUrl = await testRedisUrl();
});

afterEach(async () => {
  await command.end();
  await query.end();
  await stores.drop();
});

/** By name, what is not well. The tests' server runs without fsync, which the doctor notices each time. */
async function ailments(): Promise<Record<string, string>> {
  const findings = await checkInstallation({ commandUrl: stores.commandUrl, queryUrl: stores.queryUrl, redisUrl });
  return Object.fromEntries(
    findings.filter(({ state, name }) => state !== 'well' && name !== 'durability settings').map(({ name, state }) => [name, state]),
  );
}

async function openRun(): Promise<string> {
  const [id, workflowId, versionId] = [randomUUID(), randomUUID(), randomUUID()];
  await command.query(
    `INSERT INTO workflow_versions (tenant_id, id, workflow_id, version, graph, published_by) VALUES ($1, $2, $3, 1, '{}', 'test')`,
    [tenantId, versionId, workflowId],
  );
  await command.query(
    `INSERT INTO workflow_executions (tenant_id, id, workflow_id, workflow_version, version_id, version, status, start_key, entry_node_id, trigger_meta, correlation_id, input, started_at, updated_at)
     VALUES ($1, $2::uuid, $3, 1, $4, 1, 'running', $2::uuid::text, 'in', '{}', 'c', '{}', now(), now() - interval '1 minute')`,
    [tenantId, id, workflowId, versionId],
  );
  return id;
}

const task = (columns: Record<string, unknown>) => {
  const all: Record<string, unknown> = { tenant_id: tenantId, kind: 'step', execution_id: randomUUID(), ...columns };
  const names = Object.keys(all);
  return command.query(`INSERT INTO tasks (${names.join()}) VALUES (${names.map((_, n) => `$${n + 1}`).join()})`, Object.values(all));
};
/** One commit with so many entries of the audit */
async function audited(entries: number): Promise<void> {
  await command.query(
    `WITH c AS (INSERT INTO event_commits (events) VALUES ($2) RETURNING id)
     INSERT INTO domain_events (commit_id, ord, id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, timestamp)
     SELECT c.id, n, gen_random_uuid(), $1, 'audit.recorded', gen_random_uuid(), 1, jsonb_build_object('by', 'ada', 'n', n), 'c', now()
     FROM c, generate_series(0, $2 - 1) n`,
    [tenantId, entries],
  );
  await command.query('SELECT sequence_commits()');
  await query.query('UPDATE projection_checkpoints SET position = $1', [(await command.query('SELECT last FROM event_head')).rows[0].last]);
}

async function sealed(entries: number): Promise<true> {
  await audited(entries);
  expect((await command.query('SELECT entries FROM seal_audit()')).rows).toEqual([{ entries }]);
  return true;
}
const dead = {
  status: 'dead',
  dead_letter_id: randomUUID(),
  dead_reason: 'crash_loop',
  dead_at: new Date(),
  last_error: JSON.stringify({ code: 'crash_loop', message: 'MARKER' }),
};
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000);

it('finds nothing where nothing is wrong, and says so for each promise', async () => {
  expect(await ailments()).toEqual({});
  const findings = await checkInstallation({ commandUrl: stores.commandUrl, queryUrl: stores.queryUrl, redisUrl, full: true });
  expect([...new Set(findings.map(({ promise }) => promise))]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

it('I13: entries of the audit that are as they were sealed are well, whoever seals them, and what is new waits for its seal', async () => {
  await sealed(3);
  await sealed(2);
  await audited(4);
  expect(await ailments()).toEqual({});
  expect((await command.query('SELECT n::int, entries FROM seal_audit()')).rows).toEqual([{ n: 3, entries: 4 }]);
  expect((await command.query('SELECT FROM seal_audit()')).rowCount).toBe(0);
  expect(await ailments()).toEqual({});
});

it.each<[string, string, () => Promise<unknown>]>([
  [
    'events that nobody starts',
    'wrong',
    () =>
      command.query(
        `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, item, status, correlation_id, occurred_at, received_at)
         VALUES ($1, $2, $2, $2, 'message', 'message', 'k', '{}', 'received', 'c', now(), now() - interval '2 minutes')`,
        [tenantId, randomUUID()],
      ),
  ],
  ['tickets', 'wrong', () => task({ run_after: ago(300), ticketed_at: ago(200) })],
  ['leases', 'wrong', () => task({ status: 'leased', lease_until: ago(60), lease_owner: randomUUID() })],
  ['leases', 'wrong', () => task({ status: 'leased', lease_until: ago(-86_400), lease_owner: randomUUID() })],
  ['dead letters', 'warning', () => task(dead)],
  ['runs that wait for nothing', 'wrong', openRun],
  [
    'versions of open runs',
    'wrong',
    async () => {
      const id = await openRun();
      await task({ execution_id: id });
      await command.query('DELETE FROM workflow_versions');
    },
  ],
  [
    'calls in doubt',
    'warning',
    async () => {
      const id = await openRun();
      await command.query(
        `INSERT INTO node_executions (tenant_id, workflow_execution_id, node_id, id, status, attempt) VALUES ($1, $2, 'call', $3, 'in_doubt', 1)`,
        [tenantId, id, randomUUID()],
      );
    },
  ],
  [
    'intents without a task',
    'wrong',
    async () => {
      const id = await openRun();
      await task({ execution_id: id });
      await command.query(
        `INSERT INTO effects (tenant_id, execution_id, node_id, state, effect_key, request_hash, task_epoch, updated_at)
         VALUES ($1, $2, 'call', 'intent', 'k', '', 1, now() - interval '2 minutes')`,
        [tenantId, id],
      );
    },
  ],
  [
    'lines',
    'warning',
    () => task({ kind: 'start', execution_id: null, webhook_event_id: randomUUID(), order_key: 1, created_at: ago(1_200) }),
  ],
  ['row-level security of the command store', 'wrong', () => command.query('ALTER TABLE workflows NO FORCE ROW LEVEL SECURITY')],
  ['row-level security of the query store', 'wrong', () => query.query('ALTER TABLE workflow_summary DISABLE ROW LEVEL SECURITY')],
  [
    'the log',
    'wrong',
    async () => {
      await command.query('INSERT INTO event_commits (events, position) VALUES (2, 2), (3, 6)');
      await command.query('UPDATE event_head SET last = 6');
      await query.query('UPDATE projection_checkpoints SET position = 6');
    },
  ],
  [
    'the audit',
    'wrong',
    async () => (await sealed(3)) && command.query(`UPDATE domain_events SET payload = '{"by": "somebody else"}' WHERE ord = 1`),
  ],
  ['the audit', 'wrong', async () => (await sealed(3)) && command.query('DELETE FROM domain_events WHERE ord = 2')],
  [
    'the audit',
    'wrong',
    async () => {
      await sealed(1);
      await sealed(1);
      await command.query('DELETE FROM domain_events WHERE commit_id = 1');
      await command.query('DELETE FROM audit_seals WHERE n = 1');
    },
  ],
  [
    'the audit',
    'wrong',
    async () => {
      await sealed(1);
      await audited(1);
      await command.query('UPDATE audit_head SET last = (SELECT last FROM event_head)');
    },
  ],
  [
    'parked streams',
    'wrong',
    () => query.query(`INSERT INTO projection_parked VALUES ($1, $1, 'workflow_summary', 1, 'workflow.created', 'x')`, [tenantId]),
  ],
  ['lag of the read models', 'wrong', () => query.query('UPDATE projection_checkpoints SET position = 1000')],
  [
    'channels that are being released',
    'warning',
    () =>
      command.query(
        `INSERT INTO channels (tenant_id, id, provider, name, status, config, created_by, updated_at) VALUES ($1, $2, 'instagram', 'c', 'releasing', '{}', 'test', now() - interval '1 hour')`,
        [tenantId, randomUUID()],
      ),
  ],
])('names %s (%s)', async (name, state, plant) => {
  await plant();
  expect(await ailments()).toMatchObject({ [name]: state });
});

it('R-08: says when Redis may evict keys, and when it does not answer', async () => {
  const redis = await startRedis({ settings: { 'maxmemory-policy': 'allkeys-lru' } });
  redisUrl = redis.url;
  try {
    expect(await ailments()).toEqual({ Redis: 'wrong' });
  } finally {
    await redis.stop();
  }
  expect(await ailments()).toEqual({ Redis: 'warning' });
});

it('says which commits have no position, once they are old enough to have one', async () => {
  const { rows } = await command.query('INSERT INTO event_commits (events) VALUES (1) RETURNING id');
  await command.query(
    `INSERT INTO domain_events (commit_id, ord, id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, timestamp, created_at)
     VALUES ($1, 0, $2, $3, 'x', $2, 1, '{}', 'c', now(), now() - interval '1 minute')`,
    [rows[0].id, randomUUID(), tenantId],
  );
  expect(await ailments()).toEqual({ 'commits without a position': 'wrong' });
});

it('shows no payload and no secret, only ids, counts and times', async () => {
  await task({ ...dead, payload: JSON.stringify({ secret: 'MARKER' }) });
  const findings = await checkInstallation({ commandUrl: stores.commandUrl, queryUrl: stores.queryUrl, redisUrl });
  expect(JSON.stringify(findings)).not.toContain('MARKER');
});
