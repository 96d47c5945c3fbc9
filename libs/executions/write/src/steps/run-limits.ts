import { DomainError } from '@sluice/kernel';
import type { Quotas } from '@sluice/tenancy-domain';
import type { PoolClient } from 'pg';

/** How many runs of a tenant may be under way at the same time, and begin within a day (UTC); undefined: any number. */
export interface RunLimits {
  readonly atOnce: number | undefined;
  readonly perDay: number | undefined;
}

export const runLimitsOf = ({ maxConcurrentExecutions: atOnce, dailyExecutions: perDay }: Quotas): RunLimits => ({ atOnce, perDay });

export const hasLimits = ({ atOnce, perDay }: RunLimits): boolean => atOnce !== undefined || perDay !== undefined;

export class DailyExecutionsAreUsedUp extends DomainError {
  constructor(now: Date) {
    super('too_many', 'daily_executions_used_up', 'This tenant has begun as many runs today (UTC) as it may.', {
      retryAfterSeconds: (dayOf(now).until.getTime() - now.getTime()) / 1_000,
    });
  }
}

/** Of UTC */
export function dayOf(now: Date): { readonly from: Date; readonly until: Date } {
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  return { from: new Date(Date.UTC(year, month, day)), until: new Date(Date.UTC(year, month, day + 1)) };
}

export interface LimitedTenant extends RunLimits {
  readonly tenantId: string;
}

/** How many more may begin; Infinity where there is no such limit. */
export interface Room {
  atOnce: number;
  today: number;
}

const today = `(now() AT TIME ZONE 'UTC')::date`;

/** The room of these tenants. Whoever else begins runs of one of them waits until this commit is over, and counts what it began. */
export async function lockRoom(client: PoolClient, tenants: readonly LimitedTenant[]): Promise<ReadonlyMap<string, Room>> {
  await client.query(
    `SELECT pg_advisory_xact_lock(lock) FROM (
       SELECT hashtextextended('sluice.runs/' || tenant_id, 0) AS lock FROM unnest($1::uuid[]) AS k(tenant_id) ORDER BY 1) k`,
    [tenants.map(({ tenantId }) => tenantId)],
  );
  const daily = tenants.filter(({ perDay }) => perDay !== undefined).map(({ tenantId }) => tenantId);
  if (daily.length > 0) {
    // The first of a day, or since the limit was set: counted once, kept from then on.
    await client.query(
      `INSERT INTO daily_runs (tenant_id, day, runs)
       SELECT k.tenant_id, ${today}, (SELECT count(*) FROM workflow_executions e WHERE e.tenant_id = k.tenant_id AND e.parent_execution_id IS NULL
                                      AND e.started_at >= ${today}::timestamp AT TIME ZONE 'UTC')
       FROM unnest($1::uuid[]) AS k(tenant_id)
       WHERE NOT EXISTS (SELECT FROM daily_runs d WHERE d.tenant_id = k.tenant_id AND d.day = ${today})`,
      [daily],
    );
  }
  const { rows } = await client.query<{ tenant_id: string; at_once: number | null; today: number | null }>(
    `SELECT k.tenant_id, k.per_day - d.runs AS today,
            CASE WHEN k.at_once IS NOT NULL THEN k.at_once - (
              SELECT count(*)::int FROM workflow_executions e WHERE e.tenant_id = k.tenant_id AND e.status = 'running') END AS at_once
     FROM unnest($1::uuid[], $2::int[], $3::int[]) AS k(tenant_id, at_once, per_day)
     LEFT JOIN daily_runs d ON d.tenant_id = k.tenant_id AND d.day = ${today} AND k.per_day IS NOT NULL`,
    [tenants.map(({ tenantId }) => tenantId), tenants.map(({ atOnce }) => atOnce ?? null), tenants.map(({ perDay }) => perDay ?? null)],
  );
  return new Map(
    rows.map((row) => [row.tenant_id, { atOnce: row.at_once ?? Number.POSITIVE_INFINITY, today: row.today ?? Number.POSITIVE_INFINITY }]),
  );
}

/** Runs that began, of tenants whose room is locked. */
export async function countToday(client: PoolClient, begun: ReadonlyMap<string, number>): Promise<void> {
  if (begun.size === 0) return;
  await client.query(
    `UPDATE daily_runs d SET runs = d.runs + k.runs FROM unnest($1::uuid[], $2::int[]) AS k(tenant_id, runs)
     WHERE d.tenant_id = k.tenant_id AND d.day = ${today}`,
    [[...begun.keys()], [...begun.values()]],
  );
}
