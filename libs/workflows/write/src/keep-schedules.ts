import { plannedSchedules, type WorkflowEvent } from '@sluice/workflows-domain';
import type { EntityManager } from 'typeorm';

/**
 * Keeps `schedules` to what these events make live. Called with the workflow locked. A node whose times are what they were keeps its next
 * instant: publishing again neither leaves one out nor repeats one.
 */
export async function keepSchedules(manager: EntityManager, tenantId: string, events: readonly WorkflowEvent[]): Promise<void> {
  for (const { type, aggregateId, payload } of events) {
    if (type === 'workflow.archived')
      await manager.query('DELETE FROM schedules WHERE tenant_id = $1 AND workflow_id = $2', [tenantId, aggregateId]);
    if (type !== 'workflow.published' && type !== 'workflow.rolled_back') continue;

    // The database's clock plans, as it fires.
    const [clock]: { now: Date }[] = await manager.query('SELECT now()');
    const planned = clock === undefined ? [] : plannedSchedules(payload.graph, clock.now);
    await manager.query('DELETE FROM schedules WHERE tenant_id = $1 AND workflow_id = $2 AND node_id <> ALL ($3)', [
      tenantId,
      aggregateId,
      planned.map(({ nodeId }) => nodeId),
    ]);
    if (planned.length === 0) continue;
    await manager.query(
      `INSERT INTO schedules AS s (tenant_id, workflow_id, version_id, node_id, cron, time_zone, catch_up, catch_up_max, next_at)
       SELECT $1, $2, $3, k.* FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::int[], $9::timestamptz[]) k
       ON CONFLICT (tenant_id, workflow_id, node_id) DO UPDATE SET
         version_id = excluded.version_id, cron = excluded.cron, time_zone = excluded.time_zone,
         catch_up = excluded.catch_up, catch_up_max = excluded.catch_up_max, problem = NULL, updated_at = now(),
         (next_at, last_at) = (
           SELECT CASE WHEN same THEN s.next_at ELSE excluded.next_at END, CASE WHEN same THEN s.last_at END
           FROM (SELECT s.cron = excluded.cron AND s.time_zone = excluded.time_zone AND s.problem IS NULL AS same) k)`,
      [
        tenantId,
        aggregateId,
        payload.versionId,
        planned.map(({ nodeId }) => nodeId),
        planned.map(({ cron }) => cron),
        planned.map(({ timeZone }) => timeZone),
        planned.map(({ catchUp }) => catchUp.mode),
        planned.map(({ catchUp }) => catchUp.max),
        planned.map(({ nextAt }) => nextAt),
      ],
    );
  }
}
