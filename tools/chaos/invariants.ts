import type pg from 'pg';
import { isAcknowledged, type Ledger } from './ledger.ts';
import type { TargetStub } from './target-stub.ts';
import { type ChaosTenant, secretMarker } from './tenant.ts';

/** An invariant that does not hold, with the rows that say so. */
export interface Broken {
  readonly id: string;
  readonly what: string;
  readonly rows: readonly unknown[];
}

export interface Evidence {
  readonly ledger: Ledger;
  readonly stub: TargetStub;
  readonly tenants: readonly ChaosTenant[];
  /** The two stores, as a superuser */
  readonly command: pg.Pool;
  readonly query: pg.Pool;
  /** Ends of processes that nobody meant */
  readonly crashes: readonly string[];
  /** Lines of logs that must not be */
  readonly suspiciousLines: readonly string[];
  /** Every key and value in Redis as text */
  readonly redisDump: () => Promise<readonly string[]>;
  /** By process, what it holds open and its memory beyond what it had at the start, where that is more than it may be */
  readonly leaks: readonly string[];
}

const rowsShown = 10;

/** Everything that must hold when the system has come to rest. Read from the ledger, Postgres and the target alone. */
export async function brokenInvariants(evidence: Evidence): Promise<Broken[]> {
  const found: Broken[] = [];
  const broken = (id: string, what: string, rows: readonly unknown[]) => {
    if (rows.length > 0) found.push({ id, what, rows: rows.slice(0, rowsShown) });
  };
  const { command, query, ledger, stub, tenants } = evidence;
  const told = async (id: string, what: string, sql: string, values: unknown[] = []) =>
    broken(id, what, (await command.query(sql, values)).rows);

  // Ingest ---------------------------------------------------------------------------------------------------------------
  const entries = ledger.entries;
  const hashes = new Set(
    (await command.query<{ hash: string }>(`SELECT encode(sha256(body), 'hex') AS hash FROM webhook_deliveries`)).rows.map(
      ({ hash }) => hash,
    ),
  );
  const { rows: events } = await command.query<{ dedupe_key: string; id: string; status: string; n: number }>(
    `SELECT dedupe_key, min(id::text) AS id, min(status) AS status, count(*)::int AS n FROM webhook_events GROUP BY 1`,
  );
  const eventOf = new Map(events.map((event) => [event.dedupe_key, event]));
  const acknowledged = entries.filter(isAcknowledged);
  broken(
    'I1',
    'deliveries that were acknowledged and are not recorded with the same bytes and one event',
    acknowledged
      .filter(({ delivery, bodyHash }) => !hashes.has(bodyHash) || eventOf.get(delivery.dedupeKey)?.n !== 1)
      .map(({ delivery, answers }) => ({ mid: delivery.mid, answers, event: eventOf.get(delivery.dedupeKey) })),
  );
  const sent = new Set(entries.map(({ delivery }) => delivery.dedupeKey));
  broken(
    'I2',
    'events that came twice, or that nobody sent',
    events.filter(({ dedupe_key: key, n }) => n > 1 || (key.startsWith('instagram:') && !sent.has(key))),
  );
  await told(
    'I3',
    'events that did not start each workflow that listens exactly once',
    `SELECT w.id, w.dedupe_key, w.status, w.item ->> 'text' AS text, count(e.id)::int AS runs FROM webhook_events w
     LEFT JOIN workflow_executions e ON e.tenant_id = w.tenant_id AND e.start_key = 'e:' || w.id || ':in'
     WHERE w.status IN ('received', 'processed', 'failed') AND w.channel_id = ANY ($1) GROUP BY w.tenant_id, w.id HAVING count(e.id) <> 1`,
    [tenants.map(({ channelId }) => channelId)],
  );

  // Work -----------------------------------------------------------------------------------------------------------------
  await told(
    'I4',
    'tasks that are still there',
    `SELECT id, kind, status, run_after, ticketed_at, lease_until, crashes, gen FROM tasks WHERE status <> 'dead' AND run_after < 'infinity'`,
  );
  await told(
    'I4',
    'runs that are neither over nor waiting for anything',
    `SELECT id, status, workflow_id FROM workflow_executions e WHERE status IN ('running', 'waiting', 'paused')
       AND NOT EXISTS (SELECT FROM tasks t WHERE t.execution_id = e.id) AND NOT EXISTS (SELECT FROM timers t WHERE t.tenant_id = e.tenant_id AND t.execution_id = e.id)
       AND NOT EXISTS (SELECT FROM waits w WHERE w.tenant_id = e.tenant_id AND w.execution_id = e.id) AND NOT EXISTS (SELECT FROM turns q WHERE q.tenant_id = e.tenant_id AND q.execution_id = e.id AND q.state = 'queued'
         AND q.slots <= (SELECT count(*) FROM turns h WHERE h.tenant_id = q.tenant_id AND h.workflow_id = q.workflow_id AND h.key = q.key AND h.state = 'holding'))
       AND NOT EXISTS (SELECT FROM node_executions n WHERE n.tenant_id = e.tenant_id AND n.workflow_execution_id = e.id AND n.status = 'in_doubt')`,
  );

  // Streams and the log ----------------------------------------------------------------------------------------------------
  await told(
    'I5',
    'streams with a hole, a repeat, or more than one end since they were last reopened',
    `SELECT aggregate_id, count(*)::int AS events, max(aggregate_version) AS last FROM (
       SELECT *, count(*) FILTER (WHERE type = 'workflow.execution.retried') OVER (PARTITION BY aggregate_id ORDER BY aggregate_version) AS reopened FROM domain_events) e
     GROUP BY aggregate_id
     HAVING max(aggregate_version) <> count(*) OR count(DISTINCT aggregate_version) <> count(*)
        OR count(*) FILTER (WHERE type ~ '^workflow.execution.(completed|failed|cancelled|incomplete)$') > 1 + max(reopened)`,
  );
  await told(
    'I6',
    'commits without a position, with another number of events than they say, or behind a hole',
    `SELECT * FROM (
       SELECT c.id, c.position, c.events, (SELECT count(*) FROM domain_events e WHERE e.commit_id = c.id) AS found,
              coalesce(lag(c.position) OVER (ORDER BY c.position), 0) AS before FROM event_commits c) c
     WHERE position IS NULL OR found <> events OR position - events <> before`,
  );
  await told(
    'I6',
    'events of a stream whose order in the log is another one than in the stream',
    `SELECT * FROM (
       SELECT e.aggregate_id, e.aggregate_version, lag(e.aggregate_version) OVER (PARTITION BY e.aggregate_id ORDER BY c.position, e.ord) AS before
       FROM domain_events e JOIN event_commits c ON c.id = e.commit_id) e WHERE before >= aggregate_version`,
  );
  await told('I6', 'events that came twice', `SELECT id, count(*)::int AS times FROM domain_events GROUP BY id HAVING count(*) > 1`);

  // Effects ----------------------------------------------------------------------------------------------------------------
  const { rows: effects } = await command.query<{ effect_key: string; node_id: string; state: string; status: string; run: string }>(
    `SELECT f.effect_key, f.node_id, f.state, e.status, e.id AS run FROM effects f JOIN workflow_executions e ON e.tenant_id = f.tenant_id AND e.id = f.execution_id`,
  );
  const known = new Map(effects.map((effect) => [effect.effect_key, effect]));
  broken('I7', 'what the target saw and must not see', stub.faults);
  broken(
    'I7',
    'calls under a key that no effect has',
    [...stub.calls].filter(([key]) => !known.has(key)),
  );
  broken(
    'I7',
    'effects of nodes that completed which the target never saw',
    effects.filter(({ effect_key: key, state }) => state === 'succeeded' && stub.timesOf(key) === 0),
  );
  await told(
    'I7',
    'effects that have two keys, or keys that have two effects',
    `SELECT execution_id, node_id, iteration, count(DISTINCT effect_key)::int AS keys FROM effects GROUP BY 1, 2, 3 HAVING count(*) > 1
     UNION ALL SELECT NULL, effect_key, NULL, count(*)::int FROM effects GROUP BY effect_key HAVING count(*) > 1`,
  );
  broken(
    'I8',
    'calls that must not be made twice and were',
    stub
      .keysAt('/count')
      .filter((key) => stub.timesOf(key) > 1)
      .map((key) => ({ key, times: stub.timesOf(key), ...known.get(key) })),
  );

  // Order: a conversation's messages are applied in the order in which they were sent, each after the acknowledgement of the one before.
  for (const [line, applied] of stub.lines) {
    const sentInLine = entries.filter(({ delivery }) => delivery.route === 'line' && line.endsWith(customerOf(delivery.body)));
    const expected = sentInLine.map(({ delivery }) => delivery.dedupeKey).filter((key) => applied.includes(key));
    if (expected.join() !== applied.join()) broken('P5', `messages of ${line} applied in another order`, [{ expected, applied }]);
  }

  // Read models ------------------------------------------------------------------------------------------------------------
  for (const { what, expected, shown } of comparisons) {
    const [want, got] = await Promise.all([command.query(expected), query.query(shown)]);
    const wanted = new Set(want.rows.map((row) => JSON.stringify(row)));
    const present = new Set(got.rows.map((row) => JSON.stringify(row)));
    broken(
      'I9',
      `${what}: rows of the command store that the read model lacks`,
      [...wanted].filter((row) => !present.has(row)),
    );
    broken(
      'I9',
      `${what}: rows of the read model that the command store lacks`,
      [...present].filter((row) => !wanted.has(row)),
    );
  }
  broken('I9', 'parked streams', (await query.query('SELECT * FROM projection_parked')).rows);

  // Tenants, secrets, processes --------------------------------------------------------------------------------------------
  for (const [store, pool] of [
    ['command', command],
    ['query', query],
  ] as const) {
    const { rows: tables } = await pool.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
       WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace`,
    );
    for (const { name } of tables) {
      for (const { id, marker } of tenants) {
        const { rows } = await pool.query(
          `SELECT tenant_id FROM ${name} t WHERE tenant_id <> $1 AND t::text LIKE '%' || $2 || '%' LIMIT 3`,
          [id, marker],
        );
        broken('I10', `rows of another tenant with the marker of ${id} in ${name} of the ${store} store`, rows);
      }
      const { rows } = await pool.query(`SELECT tenant_id FROM ${name} t WHERE t::text LIKE '%' || $1 || '%' LIMIT 3`, [secretMarker]);
      broken('I12', `rows that hold a secret in ${name} of the ${store} store`, rows);
    }
  }
  const redis = await evidence.redisDump();
  broken(
    'I10',
    'what a tenant sent, found in Redis',
    redis.filter((text) => tenants.some(({ marker }) => text.includes(marker))),
  );
  broken(
    'I12',
    'secrets in Redis',
    redis.filter((text) => text.includes(secretMarker)),
  );
  broken('I12', 'log lines that hold a secret, what another tenant sent, or a rejection that nobody heard', evidence.suspiciousLines);
  broken('I11', 'processes that ended by themselves', evidence.crashes);
  broken('I11', 'processes that hold more than they did', evidence.leaks);
  return found;
}

const customerOf = (body: string): string => String(JSON.parse(body).entry[0].messaging[0].sender.id);

/** What both stores say, in the same words. Times are compared as the log has them. */
const comparisons = [
  {
    what: 'execution_summary',
    expected: `SELECT id, tenant_id, status, workflow_id, workflow_version, output, error, customer_id FROM workflow_executions`,
    shown: `SELECT id, tenant_id, status, workflow_id, workflow_version, output, error, customer_id FROM execution_summary`,
  },
  {
    what: 'execution_detail',
    expected: `SELECT workflow_execution_id AS run, node_id, iteration, status, attempt, handle FROM node_executions`,
    shown: `SELECT execution_id AS run, node_id, iteration, status, attempt, handle FROM execution_detail`,
  },
  {
    what: 'webhook_event_history',
    expected: `SELECT id, tenant_id, dedupe_key, status, kind FROM webhook_events`,
    shown: `SELECT id, tenant_id, dedupe_key, status, kind FROM webhook_event_history`,
  },
  {
    what: 'execution_count of workflow_summary',
    expected: `SELECT workflow_id AS id, count(*) AS runs FROM workflow_executions GROUP BY 1`,
    shown: `SELECT id, execution_count AS runs FROM workflow_summary WHERE execution_count > 0`,
  },
] as const;
