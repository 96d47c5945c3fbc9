import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { findChannel } from '@sluice/channels-read';
import { type WebhookEventPage, webhookEventStatuses } from '@sluice/contracts';
import { mapItems, newestFirst, Parameters, PeriodPage, type ReadClient, ReadStore, withinPeriod } from '@sluice/platform-projections';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { findWebhook } from './get-webhook.js';
import type { WebhookEventHistory } from './webhook-event-history.projection.js';
import { webhookEventColumns, webhookEventOf } from './webhook-event-row.js';

/** `dateFrom` and `dateTo` are about the receipt. */
export class WebhookEventFilter extends PeriodPage {
  @ApiPropertyOptional({ enum: webhookEventStatuses })
  @IsOptional()
  @IsIn(webhookEventStatuses)
  status?: (typeof webhookEventStatuses)[number];

  @ApiPropertyOptional({ example: 'message.text' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  kind?: string;

  @ApiPropertyOptional({ description: 'What the provider told of this message of ours: echoes and receipts' })
  @IsOptional()
  @IsString()
  @MaxLength(512)
  messageId?: string;
}

/** Every canonical event of a channel, or those of them that came for one webhook. */
export class ListWebhookEvents extends Query<WebhookEventPage> {
  constructor(
    readonly tenantId: string,
    readonly of: { readonly channelId: string } | { readonly webhookId: string },
    readonly filter: WebhookEventFilter,
  ) {
    super();
  }
}

@QueryHandler(ListWebhookEvents)
export class ListWebhookEventsHandler implements IQueryHandler<ListWebhookEvents> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, of, filter }: ListWebhookEvents): Promise<WebhookEventPage> {
    return this.store.read(tenantId, async (client) => {
      const parameters = new Parameters();
      const where = [`h.tenant_id = ${parameters.of(tenantId)}`, `h.channel_id = ${parameters.of(await channelOf(client, tenantId, of))}`];
      if ('webhookId' in of) where.push(`${parameters.of(of.webhookId)} = ANY (h.webhook_ids)`);
      if (filter.status !== undefined) where.push(`h.status = ${parameters.of(filter.status)}`);
      if (filter.kind !== undefined) where.push(`h.kind = ${parameters.of(filter.kind)}`);
      if (filter.messageId !== undefined)
        where.push(`h.direction = 'out'`, `left(h.item ->> 'messageId', 512) = ${parameters.of(filter.messageId)}`);
      where.push(...withinPeriod('h.received_at', filter, parameters));

      const rows = await this.store.list<WebhookEventHistory>(client, {
        name: 'webhookId' in of ? `webhooks/${of.webhookId}/events` : `channels/${of.channelId}/events`,
        tenantId,
        filter,
        select: webhookEventColumns,
        from: 'webhook_event_history h',
        where,
        order: newestFirst('h.received_at', 'receivedAt', 'h.id'),
        parameters,
      });
      return mapItems(rows, webhookEventOf);
    });
  }
}

/** A webhook listens to one channel, whose events are indexed. Throws where there is no such channel or webhook. */
async function channelOf(client: ReadClient, tenantId: string, of: ListWebhookEvents['of']): Promise<string> {
  if ('webhookId' in of) return (await findWebhook(client, tenantId, of.webhookId)).channelId;
  return (await findChannel(client, tenantId, of.channelId)).id;
}
