import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { type ChannelPage, channelStatuses } from '@sluice/contracts';
import { containing, ListPage, newestFirst, Parameters, ReadStore, selectList } from '@sluice/platform-projections';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { type ChannelSummary, channelSummary } from './channel-summary.projection.js';

export class ChannelFilter extends ListPage {
  @ApiPropertyOptional({ example: 'instagram' })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  provider?: string;

  @ApiPropertyOptional({ enum: channelStatuses, description: 'Without it: all but the deleted ones' })
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
    const { provider, status, search } = filter;
    const parameters = new Parameters();
    const where = [
      `s.tenant_id = ${parameters.of(tenantId)}`,
      status === undefined ? `s.status <> 'deleted'` : `s.status = ${parameters.of(status)}`,
    ];
    if (provider !== undefined) where.push(`s.provider = ${parameters.of(provider)}`);
    if (search !== undefined) {
      const pattern = parameters.of(containing(search));
      where.push(`(s.name ILIKE ${pattern} OR s.external_account_id ILIKE ${pattern})`);
    }
    return this.store.read(tenantId, (client) =>
      this.store.list<ChannelSummary>(client, {
        name: 'channels',
        tenantId,
        filter,
        select: selectList(channelSummary, 's'),
        from: 'channel_summary s',
        where,
        order: newestFirst('s.created_at', 'createdAt'),
        parameters,
      }),
    );
  }
}
