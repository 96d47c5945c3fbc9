import { blobIn, isJsonObject, type Json } from '@sluice/kernel';
import type { EntityManager } from 'typeorm';

/**
 * Up to 50 of the newest events that this workflow listens to; of all channels while it listens to none. They are looked for among the
 * tenant's newest 1 000 events, so a long history costs nothing. What has members that are kept apart is no sample: nobody sees here what
 * is in them.
 */
export async function sampleEvents(manager: EntityManager, tenantId: string, workflowId: string): Promise<readonly Json[]> {
  const rows: { item: Json }[] = await manager.query(
    `WITH listening AS (
       SELECT channel_id, action_types FROM webhooks WHERE tenant_id = $1 AND workflow_id = $2 AND status = 'active'
     ), newest AS (
       SELECT id, channel_id, action, status, item FROM webhook_events WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1000
     )
     SELECT item FROM newest
     WHERE status <> 'ignored'
       AND (NOT EXISTS (SELECT FROM listening)
            OR EXISTS (SELECT FROM listening l
                       WHERE l.channel_id = newest.channel_id AND l.action_types && ARRAY['all', newest.action]))
     ORDER BY id DESC LIMIT 50`,
    [tenantId, workflowId],
  );
  return rows
    .map(({ item }) => item)
    .filter((item) => !isJsonObject(item) || Object.values(item).every((part) => blobIn(part) === undefined));
}
