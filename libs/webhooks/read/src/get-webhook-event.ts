import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { SentByQuery, WebhookEventQuery } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import { type ReadClient, ReadStore } from '@sluice/platform-projections';
import type { WebhookEventHistory } from './webhook-event-history.projection.js';
import { webhookEventColumns, webhookEventOf } from './webhook-event-row.js';

export class WebhookEventNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'webhook_event_not_found', `There is no webhook event ${id}.`);
  }
}

export class GetWebhookEvent extends Query<WebhookEventQuery> {
  constructor(
    readonly tenantId: string,
    readonly eventId: string,
  ) {
    super();
  }
}

@QueryHandler(GetWebhookEvent)
export class GetWebhookEventHandler implements IQueryHandler<GetWebhookEvent> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, eventId }: GetWebhookEvent): Promise<WebhookEventQuery> {
    return this.store.read(tenantId, async (client) => {
      const { rows } = await client.query<WebhookEventHistory>(
        `SELECT ${webhookEventColumns} FROM webhook_event_history h WHERE h.tenant_id = $1 AND h.id = $2`,
        [tenantId, eventId],
      );
      if (rows[0] === undefined) throw new WebhookEventNotFound(eventId);
      const sentBy = await sentByOf(client, tenantId, rows[0]);
      return { ...webhookEventOf(rows[0]), ...(sentBy !== undefined && { sentBy }) };
    });
  }
}

/** Who sent the message that an event is about: an echo or a receipt, but also a customer's reaction to it. It may come before the send is known. */
async function sentByOf(
  client: ReadClient,
  tenantId: string,
  { channelId, item: { messageId } }: WebhookEventHistory,
): Promise<SentByQuery | undefined> {
  if (messageId === undefined) return undefined;
  const { rows } = await client.query<SentByQuery & { readonly iteration: string }>(
    `SELECT m.execution_id AS "executionId", m.workflow_id AS "workflowId", m.node_id AS "nodeId", m.iteration,
            to_char(m.sent_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "sentAt"
     FROM sent_message m WHERE m.tenant_id = $1 AND m.channel_id = $2 AND m.message_id = $3`,
    [tenantId, channelId, messageId],
  );
  if (rows[0] === undefined) return undefined;
  const { iteration, ...sentBy } = rows[0];
  return { ...sentBy, ...(iteration !== '' && { iteration }) };
}
