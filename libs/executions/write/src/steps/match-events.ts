import type { KeptEvent } from '@sluice/webhooks-domain';
import type { Pool } from 'pg';
import type { EventWait, WaitKey } from './waits.js';

export interface OpenWait extends EventWait {
  readonly channelId: string;
  readonly customerId: string;
}

export async function openWait(pool: Pool, { tenantId, executionId, nodeId, iteration }: WaitKey): Promise<OpenWait | undefined> {
  const { rows } = await pool.query<OpenWait>({
    name: 'open-wait',
    text: `SELECT tenant_id AS "tenantId", execution_id AS "executionId", node_id AS "nodeId", iteration, workflow_id AS "workflowId", kinds, condition,
                  scope, exclusive, created_at AS "createdAt", channel_id AS "channelId", customer_id AS "customerId"
           FROM waits WHERE tenant_id = $1 AND execution_id = $2 AND node_id = $3 AND iteration = $4 AND kind = 'event'`,
    values: [tenantId, executionId, nodeId, iteration],
  });
  return rows[0];
}

const eventsMax = 200;

/**
 * The events of the customer that came after the run began and that it has not gone on with before it waited, oldest first. The event that
 * started it is not among them.
 */
export async function eventsSince(pool: Pool, { tenantId, executionId, channelId, customerId, createdAt }: OpenWait): Promise<KeptEvent[]> {
  const { rows } = await pool.query<{ id: string; item: KeptEvent }>({
    name: 'events-since',
    text: `SELECT w.id, w.item FROM workflow_executions e
           JOIN webhook_events w ON w.tenant_id = e.tenant_id AND w.channel_id = $3 AND w.customer_id = $4
           WHERE e.tenant_id = $1 AND e.id = $2 AND w.status IN ('received', 'processed', 'failed')
             AND w.received_at >= coalesce((e.trigger_meta ->> 'receivedAt')::timestamptz, e.started_at)
             AND w.id::text IS DISTINCT FROM e.trigger_meta ->> 'webhookEventId'
             AND NOT EXISTS (SELECT FROM wait_matches m
                             WHERE m.tenant_id = e.tenant_id AND m.execution_id = e.id AND m.event_id = w.id AND m.created_at <= $5)
           ORDER BY w.received_at, w.id LIMIT ${eventsMax}`,
    values: [tenantId, executionId, channelId, customerId, createdAt],
  });
  return rows.map(({ id, item }) => ({ ...item, id }));
}
