import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { type ReplayPage, replayStatuses } from '@sluice/contracts';
import { IsId, mapItems, newestFirst, Parameters, PeriodPage, ReadStore, selectList, withinPeriod } from '@sluice/platform-projections';
import { IsIn, IsOptional } from 'class-validator';
import { replayOf } from './get-replay.js';
import { findWebhook } from './get-webhook.js';
import { replay, type ReplayRow } from './replay.projection.js';

/** `dateFrom` and `dateTo` are about when it was asked for. */
export class ReplayListFilter extends PeriodPage {
  @ApiPropertyOptional({ enum: replayStatuses })
  @IsOptional()
  @IsIn(replayStatuses)
  status?: (typeof replayStatuses)[number];

  @ApiPropertyOptional({ format: 'uuid', description: 'Those of its events' })
  @IsOptional()
  @IsId()
  channelId?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Those that may begin runs by it: of its channel, and of its workflow or of any' })
  @IsOptional()
  @IsId()
  webhookId?: string;
}

export class ListReplays extends Query<ReplayPage> {
  constructor(
    readonly tenantId: string,
    readonly filter: ReplayListFilter,
  ) {
    super();
  }
}

@QueryHandler(ListReplays)
export class ListReplaysHandler implements IQueryHandler<ListReplays> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, filter }: ListReplays): Promise<ReplayPage> {
    const { status, channelId, webhookId } = filter;
    return this.store.read(tenantId, async (client) => {
      const parameters = new Parameters();
      const where = [`r.tenant_id = ${parameters.of(tenantId)}`, ...withinPeriod('r.started_at', filter, parameters)];
      const ofChannel = (id: string) => where.push(`r.request #>> '{filter,channelId}' = ${parameters.of(id)}::uuid::text`);
      if (status !== undefined) where.push(`r.status = ${parameters.of(status)}`);
      if (channelId !== undefined) ofChannel(channelId);
      if (webhookId !== undefined) {
        const webhook = await findWebhook(client, tenantId, webhookId);
        ofChannel(webhook.channelId);
        where.push(
          `(r.request -> 'workflowIds' IS NULL OR r.request -> 'workflowIds' @> to_jsonb(${parameters.of(webhook.workflowId)}::text))`,
        );
      }
      const rows = await this.store.list<ReplayRow>(client, {
        name: 'replays',
        tenantId,
        filter,
        select: selectList(replay, 'r'),
        from: 'replay r',
        where,
        order: newestFirst('r.started_at', 'startedAt', 'r.id'),
        parameters,
      });
      return mapItems(rows, replayOf);
    });
  }
}
