import { Controller, Get, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import {
  ReplayPage,
  ReplayQuery,
  SourceQuery,
  WebhookDefinitionQuery,
  WebhookEventPage,
  WebhookEventQuery,
  WebhookPage,
} from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { Cached, ReadsTheLog } from '@sluice/platform-projections';
import { GetReplay } from './get-replay.js';
import { GetSource } from './get-source.js';
import { GetWebhook } from './get-webhook.js';
import { GetWebhookEvent } from './get-webhook-event.js';
import { ListReplays, ReplayListFilter } from './list-replays.js';
import { ListWebhookEvents, WebhookEventFilter } from './list-webhook-events.js';
import { ListWebhooks, WebhookFilter } from './list-webhooks.js';

@ApiTags('Webhooks')
@Controller('api')
@ReadsTheLog()
export class WebhookQueriesController {
  constructor(private readonly queries: QueryBus) {}

  @Get('webhooks')
  @Allow('viewer')
  @Cached({ tables: ['webhook_summary'] })
  @ApiOkResponse({ type: WebhookPage })
  list(@Caller() { tenantId }: Caller, @Query() filter: WebhookFilter): Promise<WebhookPage> {
    return this.queries.execute(new ListWebhooks(tenantId, filter));
  }

  @Get('webhooks/:id')
  @Allow('viewer')
  @Cached({ rows: ['webhook_summary'] })
  @ApiOkResponse({ type: WebhookDefinitionQuery })
  get(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<WebhookDefinitionQuery> {
    return this.queries.execute(new GetWebhook(tenantId, id));
  }

  @Get('webhooks/:id/events')
  @Allow('viewer')
  @ApiOkResponse({ type: WebhookEventPage })
  eventsOfWebhook(
    @Caller() { tenantId }: Caller,
    @Param('id', ParseUUIDPipe) webhookId: string,
    @Query() filter: WebhookEventFilter,
  ): Promise<WebhookEventPage> {
    return this.queries.execute(new ListWebhookEvents(tenantId, { webhookId }, filter));
  }

  @Get('channels/:id/events')
  @Allow('viewer')
  @ApiOkResponse({ type: WebhookEventPage })
  eventsOfChannel(
    @Caller() { tenantId }: Caller,
    @Param('id', ParseUUIDPipe) channelId: string,
    @Query() filter: WebhookEventFilter,
  ): Promise<WebhookEventPage> {
    return this.queries.execute(new ListWebhookEvents(tenantId, { channelId }, filter));
  }

  @Get('channels/:id/source')
  @Allow('viewer')
  @ApiOkResponse({ type: SourceQuery })
  source(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<SourceQuery> {
    return this.queries.execute(new GetSource(tenantId, id));
  }

  @Get('webhook-events/:id')
  @Allow('viewer')
  @Cached({ rows: ['webhook_event_history'], tables: ['sent_message'] })
  @ApiOkResponse({ type: WebhookEventQuery })
  event(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<WebhookEventQuery> {
    return this.queries.execute(new GetWebhookEvent(tenantId, id));
  }

  @Get('replays')
  @Allow('viewer')
  @ApiOkResponse({ type: ReplayPage })
  replays(@Caller() { tenantId }: Caller, @Query() filter: ReplayListFilter): Promise<ReplayPage> {
    return this.queries.execute(new ListReplays(tenantId, filter));
  }

  @Get('replays/:id')
  @Allow('viewer')
  @ApiOkResponse({ type: ReplayQuery })
  replay(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ReplayQuery> {
    return this.queries.execute(new GetReplay(tenantId, id));
  }
}
