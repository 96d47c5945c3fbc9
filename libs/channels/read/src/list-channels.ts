import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { type ChannelPage, channelStatuses } from '@sluice/contracts';
import { offsetOf, Page, pageOf } from '@sluice/platform-http';
import { containing, Parameters, ReadStore, selectList } from '@sluice/platform-projections';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { type ChannelSummary, channelSummary } from './channel-summary.projection.js';

export class ChannelFilter extends Page {
  @ApiPropertyOptional({ example: 'instagram' })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  provider?: string;

  @ApiPropertyOptional({ enum: channelStatuses, description: 'Without it: the connected ones' })
  @IsOptional()
  @IsIn(channelStatuses)
  status?: (typeof channelStatuses)[number];

  @ApiPropertyOptional({ description: 'In name or account' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  search?: string;
}

export class ListChannels extends Query<ChannelPage> {
  constructor(
    readonly tenantId: string,
    readonly filter: ChannelFilter,
  ) {
    super();
  }
}

@QueryHandler(ListChannels)
export class ListChannelsHandler implements IQueryHandler<ListChannels> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, filter }: ListChannels): Promise<ChannelPage> {
    const { provider, status = 'connected', search } = filter;
    const parameters = new Parameters();
    const where = [`s.tenant_id = ${parameters.of(tenantId)}`, `s.status = ${parameters.of(status)}`];
    if (provider !== undefined) where.push(`s.provider = ${parameters.of(provider)}`);
    if (search !== undefined) {
      const pattern = parameters.of(containing(search));
      where.push(`(s.name ILIKE ${pattern} OR s.external_account_id ILIKE ${pattern})`);
    }
    return this.store.read(tenantId, async (client) => {
      const { rows, total } = await this.store.page<ChannelSummary>(client, {
        select: selectList(channelSummary, 's'),
        from: `channel_summary s WHERE ${where.join(' AND ')}`,
        orderBy: 's.created_at DESC, s.id DESC',
        parameters,
        limit: filter.limit,
        offset: offsetOf(filter),
      });
      return pageOf(rows, total, filter);
    });
  }
}
