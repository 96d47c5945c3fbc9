import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { type WebhookPage, webhookStatuses } from '@sluice/contracts';
import { IsId, mapItems, newestFirst, Parameters, PeriodPage, ReadStore, withinPeriod } from '@sluice/platform-projections';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { webhookColumns, webhookOf } from './webhook-row.js';
import type { WebhookSummary } from './webhook-summary.projection.js';

/** `dateFrom` and `dateTo` are about the registration. */
export class WebhookFilter extends PeriodPage {
  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsId()
  workflowId?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsId()
  channelId?: string;

  @ApiPropertyOptional({ example: 'instagram' })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  provider?: string;

  @ApiPropertyOptional({ enum: webhookStatuses, description: 'Without it: the active ones' })
  @IsOptional()
  @IsIn(webhookStatuses)
  status?: (typeof webhookStatuses)[number];
}

export class ListWebhooks extends Query<WebhookPage> {
  constructor(
    readonly tenantId: string,
    readonly filter: WebhookFilter,
  ) {
    super();
  }
}

@QueryHandler(ListWebhooks)
export class ListWebhooksHandler implements IQueryHandler<ListWebhooks> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, filter }: ListWebhooks): Promise<WebhookPage> {
    const { workflowId, channelId, provider, status = 'active' } = filter;
    const parameters = new Parameters();
    const where = [
      `s.tenant_id = ${parameters.of(tenantId)}`,
      `s.status = ${parameters.of(status)}`,
      ...withinPeriod('s.created_at', filter, parameters),
    ];
    if (workflowId !== undefined) where.push(`s.workflow_id = ${parameters.of(workflowId)}`);
    if (channelId !== undefined) where.push(`s.channel_id = ${parameters.of(channelId)}`);
    if (provider !== undefined) where.push(`s.provider = ${parameters.of(provider)}`);
    return this.store.read(tenantId, async (client) => {
      const rows = await this.store.list<WebhookSummary>(client, {
        name: 'webhooks',
        tenantId,
        filter,
        select: webhookColumns,
        from: 'webhook_summary s',
        where,
        order: newestFirst('s.created_at', 'createdAt'),
        parameters,
      });
      return mapItems(rows, webhookOf);
    });
  }
}
