import { LogIsBroken } from '@sluice/platform-event-log';
import { AnotherRebuild, compareReadModels, discardGeneration, rebuild } from '@sluice/platform-projections';
import { projections } from '@sluice/projector';
import { eventually } from '@sluice/testing';
import pg from 'pg';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

const account = '17841465550001234';
const all = projections.filter(({ table }) => table !== 'api_key_directory');
let sluice: InProcess;
let query: pg.Pool;
let workflowId: string;
let channelId: string;

const deliver = (count: number) => Promise.all(Array.from({ length: count }, (_, n) => sluice.message(channelId, `hi ${n}`, account)));
const shown = async () => Number((await query.query(`SELECT count(*) FROM execution_summary WHERE status = 'completed'`)).rows[0].count);
const quiet = async (runs: number) =>
  eventually(async () =>
    expect({ shown: await shown(), tasks: (await sluice.db.query('SELECT FROM tasks')).rowCount }).toEqual({ shown: runs, tasks: 0 }),
  );

beforeAll(async () => {
  sluice = await inProcess();
  query = new pg.Pool({ connectionString: sluice.stores.queryUrl, max: 2 });
  channelId = await sluice.made('/api/channels', {
    provider: 'instagram',
    name: 'c',
    externalAccountId: account,
    credentials: { signingSecrets: [signingSecret] },
  });
  workflowId = await sluice.published({
    name: 'rebuilt',
    nodes: [
      { id: 'in', type: 'trigger.webhook', config: {} },
      { id: 'set', type: 'data.set', config: { values: { said: '{{ trigger.text }}' } } },
    ],
    edges: [{ source: 'in', target: 'set' }],
  });
  await sluice.made('/api/webhooks', {
    name: 'w',
    workflowId,
    nodeId: 'in',
    provider: 'instagram',
    config: { channelId, actionTypes: ['all'] },
  });
  await deliver(150);
  await quiet(150);
}, 60_000);

afterAll(async () => {
  await query?.end();
  await sluice?.close();
});

it('T-17: makes every read model anew while it is asked and while events come, and what comes after is projected into it', async () => {
  const before = (await query.query(`SELECT 'public.execution_summary'::regclass::oid AS oid`)).rows[0].oid;
  const answers: number[] = [];
  let asking = true;
  const ask = (async () => {
    while (asking) answers.push((await sluice.call('GET', `/api/workflows/${workflowId}/executions?limit=5`)).status);
  })();
  try {
    const [result] = await Promise.all([rebuild(sluice.stores, projections, { acceptDifferences: false }), deliver(100)]);
    expect(result).toMatchObject({ swapped: true, differences: [] });
    await deliver(20);
    await quiet(270);
  } finally {
    asking = false;
    await ask;
  }
  expect(answers.length).toBeGreaterThan(0);
  expect(new Set(answers)).toEqual(new Set([200]));
  expect((await query.query(`SELECT 'public.execution_summary'::regclass::oid AS oid`)).rows[0].oid).not.toBe(before);
  await sluice.shows(`/api/workflows/${workflowId}`, { metadata: { executionCount: 270 } });
  expect(await compareReadModels(sluice.stores, projections)).toEqual([]);
}, 60_000);

it('keeps keys, indexes, privileges and row-level security', async () => {
  const shape = async (schema: string) => {
    const of = (sql: string) => query.query(sql, [schema]).then(({ rows }) => rows);
    return {
      indexes: await of(
        `SELECT tablename, regexp_replace(regexp_replace(indexdef, 'INDEX \\S+ ON', 'INDEX ON'), $1 || '\\.', '') AS def FROM pg_indexes WHERE schemaname = $1 AND tablename = 'execution_summary' ORDER BY 2`,
      ),
      policies: await of(
        `SELECT policyname, roles::text, cmd, qual, with_check FROM pg_policies WHERE schemaname = $1 AND tablename = 'execution_summary' ORDER BY 1`,
      ),
      grants: await of(
        `SELECT grantee, privilege_type FROM information_schema.role_table_grants WHERE table_schema = $1 AND table_name = 'execution_summary' AND grantee <> 'sluice_owner' ORDER BY 1, 2`,
      ),
      forced: await of(
        `SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'execution_summary' AND relnamespace = $1::regnamespace`,
      ),
      columns: await of(
        `SELECT column_name, privilege_type FROM information_schema.column_privileges WHERE table_schema = $1 AND table_name = 'api_key_directory' AND grantee = 'sluice_read' ORDER BY 1, 2`,
      ),
    };
  };
  expect(await shape('public')).toEqual(await shape('sluice_kept'));
  expect((await shape('public')).policies).not.toEqual([]);
});

it('tells of rows that differ and leaves the live ones, until it is said that they are to be replaced', async () => {
  await query.query(`UPDATE execution_summary SET status = 'failed' WHERE id = (SELECT id FROM execution_summary LIMIT 1)`);
  await query.query(`DELETE FROM webhook_event_history WHERE id = (SELECT id FROM webhook_event_history LIMIT 1)`);
  const { tenantId } = sluice;
  const differences = [
    { table: 'execution_summary', tenantId, rowsBefore: 270, rowsAfter: 270 },
    { table: 'webhook_event_history', tenantId, rowsBefore: 269, rowsAfter: 270 },
  ];
  expect(await compareReadModels(sluice.stores, projections)).toEqual(differences);
  expect(await rebuild(sluice.stores, projections, { acceptDifferences: false })).toMatchObject({ swapped: false, differences });
  expect(await shown()).toBe(269);
  expect(await rebuild(sluice.stores, projections, { acceptDifferences: true })).toMatchObject({ swapped: true, differences });
  expect(await shown()).toBe(270);
  expect(await compareReadModels(sluice.stores, projections)).toEqual([]);
}, 60_000);

it('goes on where it was ended, refuses another one meanwhile, and can be given up', async () => {
  const stop = new AbortController();
  const positions: number[] = [];
  const ended = rebuild(sluice.stores, all, {
    acceptDifferences: false,
    signal: stop.signal,
    onProgress: ({ position }) => {
      positions.push(position);
      stop.abort(new Error('ended'));
    },
  });
  // It may have been done before it was told.
  await ended.catch((error: unknown) => expect(error).toMatchObject({ message: 'ended' }));
  const only = projections.filter(({ table }) => table === 'execution_summary');
  const { rows } = await query.query(`SELECT FROM pg_namespace WHERE nspname = 'sluice_next'`);
  if (rows.length > 0) await expect(rebuild(sluice.stores, only, { acceptDifferences: false })).rejects.toThrow(AnotherRebuild);
  await discardGeneration(sluice.stores.queryUrl);
  expect(await rebuild(sluice.stores, only, { acceptDifferences: false })).toMatchObject({ swapped: true, differences: [] });
  expect(positions[0]).toBeGreaterThan(0);
}, 60_000);

it('takes as many commits as have 4 000 events together, and a larger one alone', async () => {
  // Of a kind that no read model is made of
  const events = [...Array.from({ length: 12 }, () => 1_000), 6_000, 1_000];
  for (const count of events) {
    await sluice.db.query(
      `WITH made AS (INSERT INTO event_commits (events) VALUES ($1) RETURNING id)
       INSERT INTO domain_events (commit_id, ord, id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, timestamp)
       SELECT made.id, n, gen_random_uuid(), $2, 'nothing.happened', gen_random_uuid(), 1, '{}', 'test', now() FROM made, generate_series(0, $1 - 1) n`,
      [count, sluice.tenantId],
    );
  }
  const runs = await shown();
  await deliver(1);
  await quiet(runs + 1);
  const positions = [0];
  const onProgress = ({ position }: { position: number }) => positions.push(position);
  expect(await rebuild(sluice.stores, projections, { acceptDifferences: false, onProgress })).toMatchObject({
    swapped: true,
    differences: [],
  });
  const batches = positions.slice(1).map((position, n) => position - (positions[n] ?? 0));
  expect(batches.filter((batch) => batch > 4_000)).toEqual([6_000]);
}, 60_000);

describe('P-15: a part of the log', () => {
  it('can be taken away by none of the apps', async () => {
    const { rows: parts } = await sluice.db.query(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'domain_events'::regclass`,
    );
    expect(parts.map(({ name }) => name)).toContain('domain_events_r0');
    for (const role of ['sluice_service', 'sluice_api', 'sluice_projector', 'sluice_read']) {
      for (const statement of [
        'DROP TABLE domain_events_r0',
        'ALTER TABLE domain_events DETACH PARTITION domain_events_r0',
        'TRUNCATE domain_events',
        'DELETE FROM domain_events',
      ]) {
        const client = await sluice.db.connect();
        await client.query(`BEGIN; SET LOCAL ROLE ${role}`);
        const refused = client.query(statement).then(
          () => 'done',
          ({ code }: { code: string }) => code,
        );
        expect([role, statement, await refused]).toEqual([role, statement, '42501']);
        await client.query('ROLLBACK');
        client.release();
      }
    }
  });

  it('that somebody takes away all the same ends a rebuild: the live read models stay, and go on', async () => {
    const runs = await shown();
    await sluice.db.query('ALTER TABLE domain_events DETACH PARTITION domain_events_r0');
    try {
      await expect(rebuild(sluice.stores, projections, { acceptDifferences: true })).rejects.toThrow(/position 1 is missing/);
      expect(await shown()).toBe(runs);
      await deliver(5);
      await quiet(runs + 5);
      await expect(rebuild(sluice.stores, projections, { acceptDifferences: true })).rejects.toThrow(LogIsBroken);
    } finally {
      // What came meanwhile lies where the part belongs.
      await sluice.db.query(`
        WITH strays AS (DELETE FROM domain_events_default RETURNING *) INSERT INTO domain_events_r0 SELECT * FROM strays;
        ALTER TABLE domain_events ATTACH PARTITION domain_events_r0 FOR VALUES FROM (0) TO (500000)`);
    }
    expect(await rebuild(sluice.stores, projections, { acceptDifferences: false })).toMatchObject({ swapped: true, differences: [] });
    expect(await shown()).toBe(runs + 5);
  }, 60_000);
});
