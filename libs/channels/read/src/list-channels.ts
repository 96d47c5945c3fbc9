import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { type ChannelPage, channelStatuses } from '@sluice/contracts';
import { containing, ListPage, mapItems, newestFirst, Parameters, ReadStore } from '@sluice/platform-projections';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { channelColumns, channelOf, type ChannelRow, channelTables, shownStatus } from './channel-row.js';

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
      status === undefined ? `s.status <> 'deleted'` : `${shownStatus} = ${parameters.of(status)}`,
    ];
    if (provider !== undefined) where.push(`s.provider = ${parameters.of(provider)}`);
    if (search !== undefined) {
      const pattern = parameters.of(containing(search));
      where.push(`(s.name ILIKE ${pattern} OR s.external_account_id ILIKE ${pattern})`);
    }
    return this.store.read(tenantId, async (client) =>
      mapItems(
        await this.store.list<ChannelRow>(client, {
          name: 'channels',
          tenantId,
          filter,
          select: channelColumns,
          from: channelTables,
          where,
          order: newestFirst('s.created_at', 'createdAt'),
          parameters,
        }),
        channelOf,
      ),
    );
  }
}
