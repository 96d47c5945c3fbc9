import { Module } from '@nestjs/common';
import { ReadingModule } from '@sluice/platform-projections';
import { GetReplayHandler } from './get-replay.js';
import { GetSourceHandler } from './get-source.js';
import { GetWebhookHandler } from './get-webhook.js';
import { GetWebhookEventHandler } from './get-webhook-event.js';
import { ListReplaysHandler } from './list-replays.js';
import { ListWebhookEventsHandler } from './list-webhook-events.js';
import { ListWebhooksHandler } from './list-webhooks.js';
import { WebhookQueriesController } from './webhooks.controller.js';

@Module({
  imports: [ReadingModule],
  controllers: [WebhookQueriesController],
  providers: [
    ListWebhooksHandler,
    GetWebhookHandler,
    ListWebhookEventsHandler,
    GetWebhookEventHandler,
    ListReplaysHandler,
    GetReplayHandler,
    GetSourceHandler,
  ],
})
export class WebhooksReadModule {}
