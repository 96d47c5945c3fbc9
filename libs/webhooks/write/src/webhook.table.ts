import { type Webhook, WebhookNotFound } from '@sluice/webhooks-domain';
import { type EntityManager, EntitySchema, type FindOptionsWhere } from 'typeorm';

export const webhookTable = new EntitySchema<Webhook>({
  name: 'webhooks',
  columns: {
    tenantId: { type: 'uuid', name: 'tenant_id', primary: true },
    id: { type: 'uuid', primary: true },
    name: { type: 'text' },
    workflowId: { type: 'uuid', name: 'workflow_id' },
    nodeId: { type: 'text', name: 'node_id' },
    provider: { type: 'text' },
    channelId: { type: 'uuid', name: 'channel_id' },
    triggerType: { type: 'text', name: 'trigger_type' },
    actionTypes: { type: 'text', name: 'action_types', array: true },
    filter: { type: 'text', nullable: true },
    endpoint: { type: 'text' },
    mode: { type: 'text' },
    status: { type: 'text' },
    createdBy: { type: 'text', name: 'created_by' },
    streamVersion: { type: 'bigint', name: 'stream_version' },
  },
});

/** Held until the transaction ends. */
export async function lockWebhook(manager: EntityManager, tenantId: string, id: string): Promise<Webhook> {
  const [webhook] = await lockWebhooks(manager, { tenantId, id });
  if (webhook === undefined) throw new WebhookNotFound(id);
  return webhook;
}

/** In the order of their ids, so that two who lock the same ones do not wait for each other. */
export const lockWebhooks = (manager: EntityManager, where: FindOptionsWhere<Webhook>): Promise<Webhook[]> =>
  manager.find(webhookTable, { where, order: { id: 'ASC' }, lock: { mode: 'pessimistic_write' } });

export async function insertWebhook(manager: EntityManager, webhook: Webhook): Promise<void> {
  await manager.query(
    `INSERT INTO webhooks (tenant_id, id, name, workflow_id, node_id, provider, channel_id, trigger_type, action_types, filter,
                           endpoint, mode, status, created_by, stream_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      webhook.tenantId,
      webhook.id,
      webhook.name,
      webhook.workflowId,
      webhook.nodeId,
      webhook.provider,
      webhook.channelId,
      webhook.triggerType,
      webhook.actionTypes,
      webhook.filter,
      webhook.endpoint,
      webhook.mode,
      webhook.status,
      webhook.createdBy,
      webhook.streamVersion,
    ],
  );
}

export async function saveWebhook(manager: EntityManager, { tenantId, id, status, streamVersion }: Webhook): Promise<void> {
  await manager.query('UPDATE webhooks SET status = $3, stream_version = $4, updated_at = now() WHERE tenant_id = $1 AND id = $2', [
    tenantId,
    id,
    status,
    streamVersion,
  ]);
}
