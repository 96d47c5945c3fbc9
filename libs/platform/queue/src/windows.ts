import type { Pool, PoolClient } from 'pg';

// Redis holds a bounded part of the tasks; Postgres holds the rest. What is out, ready or leased, is counted, so it has to be few.

/** In-process work: about a second of what a worker does. */
const stepsPerWorker = 1_000;
/** Calls of the outside that one worker has under way at most. */
export const callsPerWorker = 400;
/** Of the steps of one tenant that are out for each worker, so many take the express way. */
const lightSteps = 16;
/** A worker that has not been heard of for so long counts no more. */
const silentSeconds = 30;
/** Looked at in one go; what lies beyond is seen by the next. */
const groupsMax = 500;

/** Steps end in milliseconds, calls when their target answers: neither stands behind the other. */
export type Lane = 'steps' | 'calls';
export const laneOf = (kind: string): Lane => (kind === 'effect' ? 'calls' : 'steps');
/** Those begin runs. Everything else lets one go on. */
export const beginsRuns = (kind: string): boolean => kind === 'start' || kind === 'begin';

/** It has so little out that it goes past those who have much. */
export const isLight = (steps: number, workers: number): boolean => steps <= lightSteps * workers;

/** A tenant with tasks that are out, or that wait for a ticket. */
export interface TenantWindow extends Readonly<Record<Lane, number>> {
  readonly tenantId: string;
  readonly weight: number;
  /** Of `steps`, those that begin runs */
  readonly beginnings: number;
  /** How many more may be begun now; undefined: as many as there are */
  readonly mayBegin: number | undefined;
  /** Its runs of a day, when that many have begun today: nothing more begins before midnight (UTC). undefined: there is room */
  readonly spentToday: number | undefined;
  /** What waits, by what tells who goes first */
  readonly waiting: readonly WaitingGroup[];
}

export interface WaitingGroup {
  readonly queue: Queue;
  readonly priority: number;
  readonly kind: string;
  /** Tasks that are due, counted up to what was asked for */
  readonly due: number;
  /** When the first of them was due */
  readonly since: Date;
}

export type Queue = 'critical' | 'default' | 'bulk';

export interface Windows {
  readonly workers: number;
  readonly free: Readonly<Record<Lane, number>>;
  readonly tenants: ReadonlyMap<string, TenantWindow>;
  /** There is more after this tenant; undefined: that was all. */
  readonly more: string | undefined;
}

export const emptyWindows = (workers: number): Windows => ({
  workers,
  free: { steps: stepsPerWorker * workers, calls: callsPerWorker * workers },
  tenants: new Map(),
  more: undefined,
});

interface Row {
  readonly workers: number;
  readonly tenant_id: string | null;
  readonly steps: number;
  readonly calls: number;
  readonly beginnings: number;
  readonly weight: number;
  readonly may_begin: number | null;
  readonly spent_today: number | null;
  readonly queue: Queue | null;
  readonly priority: number;
  readonly kind: string;
  readonly due: number;
  readonly since: Date;
  readonly last: string | null;
}

const waits = `status = 'ready' AND ticketed_at IS NULL`;

/** From one group of what waits to the next by the index, instead of reading all of it. Only if anything at all is due. */
const statement = `
  WITH RECURSIVE out AS (
    SELECT tenant_id, count(*) FILTER (WHERE kind <> 'effect') AS steps, count(*) FILTER (WHERE kind = 'effect') AS calls,
           count(*) FILTER (WHERE kind IN ('start', 'begin')) AS beginnings
    FROM tasks WHERE ticketed_at IS NOT NULL GROUP BY tenant_id
  ), groups AS (
    (SELECT tenant_id, queue, priority, kind, run_after, 1 AS n FROM tasks
     WHERE ${waits} AND tenant_id >= $1 AND EXISTS (SELECT FROM tasks WHERE ${waits} AND id > 0 AND run_after <= now())
     ORDER BY tenant_id, queue, priority, kind, run_after LIMIT 1)
    UNION ALL
    SELECT next.*, g.n + 1 FROM groups g CROSS JOIN LATERAL (
      SELECT tenant_id, queue, priority, kind, run_after FROM tasks
      WHERE ${waits} AND (tenant_id, queue, priority, kind) > (g.tenant_id, g.queue, g.priority, g.kind)
      ORDER BY tenant_id, queue, priority, kind, run_after LIMIT 1) next
    WHERE g.n < ${groupsMax}
  ), due AS (
    SELECT g.tenant_id, g.queue, g.priority, g.kind, g.run_after AS since, counted.due
    FROM groups g CROSS JOIN LATERAL (
      SELECT count(*)::int AS due FROM (
        SELECT FROM tasks t WHERE t.status = 'ready' AND t.ticketed_at IS NULL AND t.tenant_id = g.tenant_id AND t.queue = g.queue
          AND t.priority = g.priority AND t.kind = g.kind AND t.run_after <= now() LIMIT $2) t) counted
    WHERE g.run_after <= now()
  ), seen AS (
    SELECT tenant_id, coalesce(o.steps, 0)::int AS steps, coalesce(o.calls, 0)::int AS calls, coalesce(o.beginnings, 0)::int AS beginnings,
           d.queue, d.priority, d.kind, d.due, d.since
    FROM out o FULL JOIN due d USING (tenant_id)
  )
  SELECT w.workers, s.*, coalesce((t.quotas ->> 'weight')::int, 1) AS weight,
         least((t.quotas ->> 'maxConcurrentExecutions')::int - running.runs, today.quota - today.runs) - s.beginnings AS may_begin,
         CASE WHEN today.runs >= today.quota THEN today.quota END AS spent_today,
         (SELECT tenant_id FROM groups WHERE n = ${groupsMax}) AS last
  FROM (SELECT count(*)::int AS workers FROM workers WHERE beat_at > now() - interval '${silentSeconds} seconds') w
  LEFT JOIN seen s ON true
  LEFT JOIN tenants t ON t.id = s.tenant_id
  LEFT JOIN LATERAL (
    SELECT count(*)::int AS runs FROM (
      SELECT FROM workflow_executions e WHERE e.tenant_id = s.tenant_id AND e.status = 'running'
      LIMIT (t.quotas ->> 'maxConcurrentExecutions')::int) e
    WHERE t.quotas ? 'maxConcurrentExecutions') running ON true
  LEFT JOIN LATERAL (
    SELECT (t.quotas ->> 'dailyExecutions')::int AS quota,
           coalesce((SELECT d.runs FROM daily_runs d WHERE d.tenant_id = s.tenant_id AND d.day = (now() AT TIME ZONE 'UTC')::date), 0) AS runs
    WHERE t.quotas ? 'dailyExecutions') today ON true`;

const nil = '00000000-0000-0000-0000-000000000000';

/** What is out and what waits, of all tenants. `dueMax`: up to how many tasks of a group are counted. `from`: the first tenant to look at. */
export async function readWindows(db: Pool | PoolClient, dueMax: number, from = nil): Promise<Windows> {
  const { rows } = await db.query<Row>({ name: 'read-windows', text: statement, values: [from, dueMax] });
  const workers = Math.max(1, rows[0]?.workers ?? 0);
  const tenants = new Map(
    [...Map.groupBy(rows, ({ tenant_id: tenantId }) => tenantId)].flatMap(([tenantId, ofTenant]) => {
      const [first] = ofTenant;
      if (tenantId === null || first === undefined) return [];
      const { steps, calls, beginnings, weight, may_begin: mayBegin, spent_today: spentToday } = first;
      const waiting = ofTenant.flatMap(({ queue, priority, kind, due, since }) =>
        queue === null ? [] : [{ queue, priority, kind, due, since }],
      );
      return [
        [
          tenantId,
          { tenantId, steps, calls, beginnings, weight, mayBegin: mayBegin ?? undefined, spentToday: spentToday ?? undefined, waiting },
        ] as const,
      ];
    }),
  );
  const size = emptyWindows(workers).free;
  const free = (lane: Lane) => [...tenants.values()].reduce((left, tenant) => left - tenant[lane], size[lane]);
  return { workers, free: { steps: free('steps'), calls: free('calls') }, tenants, more: rows[0]?.last ?? undefined };
}
