import { durabilitySettings, mightyRoles, rowSecurity, type SafetyCheck } from '@sluice/platform-database';
import { connectRedis, evictionPolicy, mayEvict } from '@sluice/platform-redis';
import pg from 'pg';

/** What is looked at: the two stores, by a login that may become each of Sluice's roles, and Redis where there is one. */
export interface Installation {
  readonly commandUrl: string;
  readonly queryUrl: string;
  readonly redisUrl?: string | undefined;
  /** The whole log, not its newest part */
  readonly full?: boolean;
}

export interface Finding {
  /** Of docs/architecture.md; 0: the installation itself */
  readonly promise: number;
  readonly name: string;
  readonly state: 'well' | 'warning' | 'wrong' | 'unknown';
  /** A sentence with its figures */
  readonly says: string;
  /** What to do; absent where nothing is */
  readonly next?: string;
}

export const promises: readonly string[] = [
  'The installation',
  'Acknowledged means durable',
  'Redis is disposable',
  'A run follows the version it started on',
  'One visible outcome per node run',
  'One customer\u2019s events stay in order',
  'No tenant sees, slows or starves another',
  'Queries never touch the command store\u2019s state',
  'It gets on',
];

/** One statement, read only, under a role that sees every tenant. Its rows are what is not as it must be, at most so many. */
interface Check extends SafetyCheck {
  readonly promise: number;
  readonly store: 'command' | 'query';
  readonly role: 'sluice_service' | 'sluice_projector' | 'login';
  readonly isWarning?: boolean;
}

type Row = Readonly<Record<string, string | number | boolean | Date | null>>;

const rowsMax = 1_000;
const statementTimeoutMs = 60_000;
/** The newest commits of the log, unless all of it is asked for */
const newestCommits = 100_000;
const skewMsMax = 5_000;

const countOf = (rows: readonly Row[], one: string, many: string): string =>
  `${rows.length === rowsMax ? `${rowsMax} or more` : rows.length} ${rows.length === 1 ? one : many}`;
const namesOf = (rows: readonly Row[], column: string): string =>
  rows
    .slice(0, 5)
    .map((row) => String(row[column]))
    .join(', ') + (rows.length > 5 ? ', …' : '');

const checksOf = (full: boolean): readonly Check[] => [
  { promise: 0, store: 'command', role: 'login', ...durabilitySettings },
  { promise: 0, store: 'command', role: 'login', ...mightyRoles },
  {
    promise: 1,
    name: 'events that nobody starts',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT w.tenant_id, w.id FROM webhook_events w WHERE w.status = 'received' AND w.received_at < now() - interval '60 seconds'
          AND NOT EXISTS (SELECT FROM tasks t WHERE t.kind = 'start' AND t.tenant_id = w.tenant_id AND t.webhook_event_id = w.id)`,
    well: 'Every received event has its task.',
    ill: (rows) =>
      `${countOf(rows, 'event was', 'events were')} received and nothing is left that would start them: ${namesOf(rows, 'id')}.`,
    next: 'This is a bug of Sluice: report it, and replay these events.',
  },
  {
    promise: 2,
    name: 'tickets',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT id, kind, round(extract(epoch FROM now() - greatest(run_after, coalesce(ticketed_at, run_after)))) AS seconds FROM tasks
          WHERE status = 'ready' AND run_after <= now() - interval '60 seconds' AND coalesce(ticketed_at, run_after) < now() - interval '60 seconds'
          ORDER BY run_after`,
    well: 'No task waits for a ticket, or under an old one, for a minute.',
    ill: (rows) => `${countOf(rows, 'task is', 'tasks are')} ready and nobody takes them, the oldest for ${rows[0]?.['seconds']} s.`,
    next: 'Look whether workers run and are ready (/readyz); more of them if they are busy.',
  },
  {
    promise: 3,
    name: 'versions of open runs',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT e.id FROM workflow_executions e WHERE e.status IN ('running', 'waiting', 'paused')
          AND NOT EXISTS (SELECT FROM workflow_versions v WHERE v.tenant_id = e.tenant_id AND v.id = e.version_id)`,
    well: 'Every open run has the version that it started on.',
    ill: (rows) => `${countOf(rows, 'open run has', 'open runs have')} no version any more: ${namesOf(rows, 'id')}.`,
    next: 'Somebody removed versions by hand: restore them, or cancel these runs.',
  },
  {
    promise: 4,
    name: 'runs that wait for nothing',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT e.tenant_id, e.id FROM workflow_executions e
          WHERE e.status IN ('running', 'waiting') AND e.updated_at < now() - interval '10 seconds'
            AND NOT EXISTS (SELECT FROM tasks t WHERE t.execution_id = e.id AND t.status <> 'dead')
            AND NOT EXISTS (SELECT FROM timers t WHERE t.tenant_id = e.tenant_id AND t.execution_id = e.id AND t.node_id <> '')
            AND NOT EXISTS (SELECT FROM waits w WHERE w.tenant_id = e.tenant_id AND w.execution_id = e.id)
            AND NOT EXISTS (SELECT FROM turns q WHERE q.tenant_id = e.tenant_id AND q.execution_id = e.id AND q.state = 'queued'
              AND q.slots <= (SELECT count(*) FROM turns h WHERE h.tenant_id = q.tenant_id AND h.workflow_id = q.workflow_id AND h.key = q.key AND h.state = 'holding'))
            AND NOT EXISTS (SELECT FROM node_executions n WHERE n.tenant_id = e.tenant_id AND n.workflow_execution_id = e.id AND n.status = 'in_doubt')`,
    well: 'Every open run has something that will take it further.',
    ill: (rows) => `${countOf(rows, 'run is', 'runs are')} open and nothing will take them further: ${namesOf(rows, 'id')}.`,
    next: 'This is a bug of Sluice: report it; cancel and rerun them.',
  },
  {
    promise: 4,
    name: 'leases',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT id, kind, round(extract(epoch FROM now() - lease_until)) AS seconds FROM tasks
          WHERE status = 'leased' AND (lease_until < now() - interval '10 seconds' OR lease_until > now() + interval '10 minutes') ORDER BY lease_until`,
    well: 'No lease is over, or longer than leases are.',
    ill: (rows) => `${countOf(rows, 'lease is', 'leases are')} over and not swept, or of another time.`,
    next: 'Sweeps run in every worker: look whether one runs; and at the clock of Postgres.',
  },
  {
    promise: 4,
    name: 'intents without a task',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT f.execution_id, f.node_id FROM effects f JOIN workflow_executions e ON e.tenant_id = f.tenant_id AND e.id = f.execution_id
          WHERE f.state = 'intent' AND f.updated_at < now() - interval '60 seconds' AND e.status IN ('running', 'waiting')
            AND NOT EXISTS (SELECT FROM tasks t WHERE t.execution_id = f.execution_id AND t.kind = 'effect' AND t.node_id = f.node_id AND t.iteration = f.iteration)`,
    well: 'Every call that was begun has a task that will tell how it ended.',
    ill: (rows) => `${countOf(rows, 'call was', 'calls were')} begun and nobody will finish them: runs ${namesOf(rows, 'execution_id')}.`,
    next: 'This is a bug of Sluice: report it.',
  },
  {
    promise: 4,
    name: 'calls in doubt',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT workflow_execution_id AS id, node_id FROM node_executions WHERE status = 'in_doubt'`,
    well: 'No call is in doubt.',
    ill: (rows) => `${countOf(rows, 'call is', 'calls are')} in doubt and wait for a person: runs ${namesOf(rows, 'id')}.`,
    next: 'Find out whether it arrived, then POST /api/executions/:id/effects/:node/resolve with {"outcome": "sent" | "not_sent"}.',
    isWarning: true,
  },
  {
    promise: 4,
    name: 'dead letters',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT id, kind, dead_reason AS reason FROM tasks WHERE status = 'dead'`,
    well: 'Nothing was given up.',
    ill: (rows) => `${countOf(rows, 'task was', 'tasks were')} given up (${[...new Set(rows.map((row) => row['reason']))].join(', ')}).`,
    next: 'GET /api/dead-letters shows why; retry or discard them (docs/dead-letters.md).',
    isWarning: true,
  },
  {
    promise: 5,
    name: 'lines',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT tenant_id, order_key, count(*) AS events, round(extract(epoch FROM now() - min(created_at))) AS seconds FROM tasks
          WHERE kind = 'start' AND status <> 'dead' GROUP BY 1, 2 HAVING min(created_at) < now() - interval '10 minutes'`,
    well: 'No customer\u2019s events wait for longer than ten minutes.',
    ill: (rows) => `${countOf(rows, 'customer\u2019s events wait', 'customers\u2019 events wait')} for more than ten minutes.`,
    next: 'Look at the oldest of their tasks: a tenant over its quota, a workflow that takes turns slowly, or too few workers.',
    isWarning: true,
  },
  { promise: 6, store: 'command', role: 'login', ...rowSecurity, name: 'row-level security of the command store' },
  { promise: 6, store: 'query', role: 'login', ...rowSecurity, name: 'row-level security of the query store' },
  {
    promise: 7,
    name: 'the log',
    store: 'command',
    role: 'sluice_projector',
    sql: `SELECT id, position, events, found, before FROM (
            SELECT c.id, c.position, c.events, (SELECT count(*) FROM domain_events e WHERE e.commit_id = c.id) AS found,
                   lag(c.position) OVER (ORDER BY c.position) AS before
            FROM event_commits c WHERE c.position IS NOT NULL ${full ? '' : `AND c.position > (SELECT last FROM event_head) - ${newestCommits}`}) c
          WHERE found <> events OR (before IS NOT NULL AND position - events <> before)`,
    well: full ? 'The log has no hole.' : `The log\u2019s newest ${newestCommits} events have no hole (--full looks at all).`,
    ill: (rows) =>
      `${countOf(rows, 'commit of the log is', 'commits of the log are')} incomplete or behind a hole, from position ${rows[0]?.['position']}.`,
    next: 'Somebody removed rows by hand: restore the command store from a backup. The projector has stopped there.',
  },
  {
    promise: 7,
    name: 'the audit',
    store: 'command',
    role: 'sluice_service',
    sql: 'SELECT tenant_id, n FROM broken_audit_seals()',
    well: 'Every entry of the audit is as it was when it was sealed.',
    ill: (rows) => `${countOf(rows, 'seal of the audit does', 'seals of the audit do')} not hold: tenants ${namesOf(rows, 'tenant_id')}.`,
    next: 'Somebody changed, added or removed entries by hand: compare with the seals in the workers\u2019 logs ("the audit is sealed") and a backup.',
  },
  {
    promise: 7,
    name: 'commits without a position',
    store: 'command',
    role: 'sluice_projector',
    sql: `SELECT id FROM event_commits WHERE position IS NULL
            AND id <= (SELECT max(e.commit_id) FROM domain_events e WHERE e.created_at < now() - interval '30 seconds')`,
    well: 'Every commit of the log has its position.',
    ill: (rows) => `${countOf(rows, 'commit is', 'commits are')} older than 30 s and have no position.`,
    next: 'Projectors hand positions out: look whether one runs.',
  },
  {
    promise: 7,
    name: 'the log\u2019s default partition',
    store: 'command',
    role: 'login',
    sql: `SELECT n_live_tup AS events FROM pg_stat_user_tables WHERE relname = 'domain_events_default' AND n_live_tup > 0`,
    well: 'Every event is in a partition of its own range.',
    ill: (rows) => `About ${rows[0]?.['events']} events fell into the default partition: the next one was not made in time.`,
    next: 'Workers make partitions once a minute: look whether one runs. The events are safe.',
    isWarning: true,
  },
  {
    promise: 7,
    name: 'parked streams',
    store: 'query',
    role: 'sluice_projector',
    sql: 'SELECT projection, aggregate_id, position, event_type FROM projection_parked',
    well: 'Every stream is projected.',
    ill: (rows) =>
      `${countOf(rows, 'stream is', 'streams are')} left out of ${[...new Set(rows.map((row) => row['projection']))].join(', ')}.`,
    next: 'The projector\u2019s log says why; after mending it: npm run sluice -- projections rebuild <name>.',
  },
  {
    promise: 8,
    name: 'workers',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT count(*) AS due FROM tasks WHERE status = 'ready' AND run_after < now() - interval '30 seconds'
          HAVING count(*) > 0 AND NOT EXISTS (SELECT FROM workers WHERE beat_at > now() - interval '60 seconds')`,
    well: 'Where there is work, a worker has given sign of life within a minute.',
    ill: (rows) => `${rows[0]?.['due']} tasks are due and no worker has given sign of life for a minute.`,
    next: 'Start a worker; if one runs, look at its log and /readyz.',
  },
  {
    promise: 8,
    name: 'channels that are being released',
    store: 'command',
    role: 'sluice_service',
    sql: `SELECT id FROM channels WHERE status = 'releasing' AND updated_at < now() - interval '10 minutes'`,
    well: 'No channel\u2019s release is stuck.',
    ill: (rows) => `${countOf(rows, 'channel is', 'channels are')} being released for more than ten minutes: ${namesOf(rows, 'id')}.`,
    next: 'Workers drain them in their sweeps: look whether one runs.',
    isWarning: true,
  },
];

/** Looks at a running installation. Changes nothing, shows nobody's data. Rejects only when neither store can be reached. */
export async function checkInstallation({ commandUrl, queryUrl, redisUrl, full = false }: Installation): Promise<Finding[]> {
  const stores = {
    command: new pg.Client({ connectionString: commandUrl, application_name: 'sluice-doctor' }),
    query: new pg.Client(queryUrl),
  };
  try {
    await Promise.all([stores.command.connect(), stores.query.connect()]);
    const findings: Finding[] = [];
    for (const check of checksOf(full)) findings.push(await outcomeOf(stores[check.store], check));
    findings.push(await lagOf(stores), await skewOf(stores.command), ...(redisUrl === undefined ? [] : [await redisOf(redisUrl)]));
    return findings.toSorted((a, b) => a.promise - b.promise);
  } finally {
    await Promise.all(Object.values(stores).map((store) => store.end().catch(() => {})));
  }
}

async function outcomeOf(store: pg.Client, { promise, name, role, sql, well, ill, next, isWarning }: Check): Promise<Finding> {
  try {
    await store.query('BEGIN READ ONLY');
    await store.query(`SET LOCAL statement_timeout = ${statementTimeoutMs}`);
    if (role !== 'login') await store.query(`SET LOCAL ROLE ${role}`);
    const { rows } = await store.query<Row>(`SELECT * FROM (${sql}) found LIMIT ${rowsMax}`);
    if (rows.length === 0) return { promise, name, state: 'well', says: well };
    return { promise, name, state: isWarning === true ? 'warning' : 'wrong', says: ill(rows), next };
  } catch (error) {
    return unknown(promise, name, error);
  } finally {
    await store.query('ROLLBACK').catch(() => {});
  }
}

const unknown = (promise: number, name: string, error: unknown): Finding => ({
  promise,
  name,
  state: 'unknown',
  says: `This could not be looked at: ${error instanceof Error ? error.message : String(error)}.`,
  next: 'Give the doctor the login that migrates: it may become each of Sluice\u2019s roles.',
});

/** How far the read models are behind the log. */
async function lagOf({ command, query }: { readonly command: pg.Client; readonly query: pg.Client }): Promise<Finding> {
  const [promise, name] = [7, 'lag of the read models'];
  try {
    const { rows: shown } = await query.query<{ shard: string; position: string }>(
      'SELECT shard, position FROM projection_checkpoints ORDER BY position LIMIT 1',
    );
    const { rows } = await command.query<{ last: string; seconds: string | null }>(
      `SELECT (SELECT last FROM event_head) AS last, (SELECT round(extract(epoch FROM now() - min(e.created_at))) FROM event_commits c
         JOIN domain_events e ON e.commit_id = c.id WHERE c.position = (SELECT min(position) FROM event_commits WHERE position > $1)) AS seconds`,
      [shown[0]?.position ?? 0],
    );
    const behind = Number(rows[0]?.last) - Number(shown[0]?.position ?? 0);
    const seconds = Number(rows[0]?.seconds ?? 0);
    if (behind < 0) {
      const says = `The read models are at ${shown[0]?.position}, the log ends at ${rows[0]?.last}: they follow another log.`;
      return {
        promise,
        name,
        state: 'wrong',
        says,
        next: 'The stores do not belong together: restore both from one backup, or rebuild all projections.',
      };
    }
    const says = `The read models are ${behind} events and ${seconds} s behind the log.`;
    return seconds > 30
      ? { promise, name, state: 'wrong', says, next: 'Look whether a projector runs, and at its log.' }
      : { promise, name, state: 'well', says };
  } catch (error) {
    return unknown(promise, name, error);
  }
}

async function skewOf(command: pg.Client): Promise<Finding> {
  const asked = Date.now();
  const { rows } = await command.query<{ ms: string }>('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms');
  const skewMs = Math.round((asked + Date.now()) / 2 - Number(rows[0]?.ms));
  const says = `This machine\u2019s clock is ${(Math.abs(skewMs) / 1_000).toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead of'} that of Postgres.`;
  const found = { promise: 0, name: 'clocks', says };
  return Math.abs(skewMs) > skewMsMax ? { ...found, state: 'warning', next: 'Set both by NTP.' } : { ...found, state: 'well' };
}

async function redisOf(url: string): Promise<Finding> {
  const [promise, name] = [2, 'Redis'];
  const redis = connectRedis(url, { commandTimeoutMs: 3_000, isLazy: true });
  try {
    await redis.connect();
    const policy = await evictionPolicy(redis);
    if (policy === undefined) return { promise, name, state: 'well', says: 'Redis answers and evicts nothing.' };
    return { promise, name, state: 'wrong', ...mayEvict(policy) };
  } catch {
    const says = 'Redis does not answer: work goes on by polling, slower.';
    return { promise, name, state: 'warning', says, next: 'Start Redis, or mend REDIS_URL. Nothing is lost.' };
  } finally {
    redis.disconnect();
  }
}
