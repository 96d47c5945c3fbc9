import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { WebhookEventQuery } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import { ReadStore } from '@sluice/platform-projections';
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
      return webhookEventOf(rows[0]);
    });
  }
}
