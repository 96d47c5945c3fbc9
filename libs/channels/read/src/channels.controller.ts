import { Controller, Get, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { ChannelDetailQuery, ChannelPage } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { Cached, ReadsTheLog } from '@sluice/platform-projections';
import { GetChannel } from './get-channel.js';
import { ChannelFilter, ListChannels } from './list-channels.js';

@ApiTags('Channels')
@Controller('api/channels')
@ReadsTheLog()
export class ChannelQueriesController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Allow('viewer')
  @Cached({ tables: ['channel_summary', 'channel_health'] })
  @ApiOkResponse({ type: ChannelPage })
  list(@Caller() { tenantId }: Caller, @Query() filter: ChannelFilter): Promise<ChannelPage> {
    return this.queries.execute(new ListChannels(tenantId, filter));
  }

  @Get(':id')
  @Allow('viewer')
  @Cached({ rows: ['channel_summary', 'channel_health'], tables: ['webhook_summary', 'workflow_summary'] })
  @ApiOkResponse({ type: ChannelDetailQuery })
  get(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ChannelDetailQuery> {
    return this.queries.execute(new GetChannel(tenantId, id));
  }
}
