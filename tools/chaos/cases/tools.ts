import assert from 'node:assert/strict';
import { eventually } from '@sluice/testing';
import { isAcknowledged } from '../ledger.ts';
import type { System } from '../system.ts';
import type { ChaosTenant, Delivery } from '../tenant.ts';

// What many cases ask and do.

export const urlOf = (system: System, app: string): string => system.services.urls[app] ?? '';

export function tenantOf(system: System, n = 0): ChaosTenant {
  const tenant = system.tenants[n];
  if (tenant === undefined) throw new RangeError(`there is no tenant ${n}`);
  return tenant;
}

/** The runs that a delivery started. */
export async function runsOf({ command }: System, { dedupeKey }: Delivery) {
  const { rows } = await command.query<{ id: string; status: string; error: string | null }>(
    `SELECT e.id, e.status, e.error ->> 'code' AS error FROM webhook_events w
     JOIN workflow_executions e ON e.tenant_id = w.tenant_id AND e.start_key = 'e:' || w.id || ':in' WHERE w.dedupe_key = $1`,
    [dedupeKey],
  );
  return rows;
}

export const eventsOf = async ({ command }: System, { dedupeKey }: Delivery): Promise<number> =>
  (await command.query('SELECT FROM webhook_events WHERE dedupe_key = $1', [dedupeKey])).rowCount ?? 0;

/** How often the target was called under each key of a delivery's run. */
export async function callsOf(system: System, { dedupeKey }: Delivery): Promise<number[]> {
  const { rows } = await system.command.query<{ effect_key: string }>(
    `SELECT f.effect_key FROM webhook_events w JOIN workflow_executions e ON e.tenant_id = w.tenant_id AND e.start_key = 'e:' || w.id || ':in'
     JOIN effects f ON f.tenant_id = e.tenant_id AND f.execution_id = e.id WHERE w.dedupe_key = $1 ORDER BY 1`,
    [dedupeKey],
  );
  return rows.map(({ effect_key: key }) => system.stub.timesOf(key));
}

/** Waits until the delivery's one run is completed. */
export async function completed(system: System, delivery: Delivery, withinMs = 60_000): Promise<void> {
  await eventually(
    async () => {
      const runs = await runsOf(system, delivery);
      assert.deepEqual(
        runs.map(({ status }) => status),
        ['completed'],
      );
    },
    { timeoutMs: withinMs, everyMs: 100 },
  );
}

/** How many runs of all tenants are completed */
export async function completedRuns({ command }: System): Promise<number> {
  const { rows } = await command.query<{ n: number }>(`SELECT count(*)::int AS n FROM workflow_executions WHERE status = 'completed'`);
  return rows[0]?.n ?? 0;
}

/** The most crashes that are counted for a task now */
export async function crashesOf({ command }: System): Promise<number> {
  const { rows } = await command.query<{ crashes: number }>('SELECT coalesce(max(crashes), 0)::int AS crashes FROM tasks');
  return rows[0]?.crashes ?? 0;
}

/** The best answer that each of these had was 200 at its first call. */
export function assertNoneRefused(system: System, before: number): void {
  const late = system.ledger.entries.slice(before).filter((entry) => !isAcknowledged(entry) || entry.answers.length > 1);
  assert.deepEqual(
    late.slice(0, 5).map(({ answers }) => answers),
    [],
    `${late.length} deliveries were not acknowledged at their first call`,
  );
}

/** Of 200s that came while `down` says that nothing could be committed */
export function falseAcknowledgements(system: System, from: number, until: number): number {
  return system.ledger.entries.flatMap(({ answers }) =>
    answers.filter(({ acknowledgement, sentAt, ms }) => acknowledgement === 'acknowledged' && sentAt > from && sentAt + ms < until),
  ).length;
}
