import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { WebhookDefinitionQuery } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import { type ReadClient, ReadStore } from '@sluice/platform-projections';
import { webhookColumns, webhookOf } from './webhook-row.js';
import type { WebhookSummary } from './webhook-summary.projection.js';

export class WebhookNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'webhook_not_found', `There is no webhook ${id}.`);
  }
}

export class GetWebhook extends Query<WebhookDefinitionQuery> {
  constructor(
    readonly tenantId: string,
    readonly webhookId: string,
  ) {
    super();
  }
}

@QueryHandler(GetWebhook)
export class GetWebhookHandler implements IQueryHandler<GetWebhook> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, webhookId }: GetWebhook): Promise<WebhookDefinitionQuery> {
    return this.store.read(tenantId, async (client) => webhookOf(await findWebhook(client, tenantId, webhookId)));
  }
}

export async function findWebhook(client: ReadClient, tenantId: string, webhookId: string): Promise<WebhookSummary> {
  const { rows } = await client.query<WebhookSummary>(
    `SELECT ${webhookColumns} FROM webhook_summary s WHERE s.tenant_id = $1 AND s.id = $2`,
    [tenantId, webhookId],
  );
  if (rows[0] === undefined) throw new WebhookNotFound(webhookId);
  return rows[0];
}
