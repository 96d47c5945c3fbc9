import { type DynamicModule, Module } from '@nestjs/common';
import type { EncryptionConfig } from '@sluice/platform-config';
import { ServiceDatabase } from '@sluice/platform-database';
import { TicketWindowsModule } from '@sluice/platform-queue';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import { QuotaNotices } from '@sluice/tenancy-write';
import { AnswerHandshakeHandler } from './ingest/answer-handshake.js';
import { ChannelDirectory } from './ingest/channel-directory.js';
import { DeliveryGroups } from './ingest/delivery-groups.js';
import { DeliveryLimits } from './ingest/delivery-limits.js';
import { DeliverySizes } from './ingest/delivery-sizes.js';
import { WebhookAnswers } from './ingest/webhook-answers.js';
import { IngestDeliveryHandler } from './ingest/ingest-delivery.js';
import { SourceCounts } from './sources/source-counts.js';
import { WebhookGatewayController } from './ingest/webhook-gateway.controller.js';

export interface WebhooksIngestOptions {
  readonly encryption: EncryptionConfig;
  /** Where providers call, without a path */
  readonly publicUrl: string;
  readonly logger: Logger;
}

/** Accepting what providers send. Needs the service's database, tickets, notifications and rates. */
@Module({})
export class WebhooksIngestModule {
  static forRoot({ encryption, publicUrl, logger }: WebhooksIngestOptions): DynamicModule {
    return {
      module: WebhooksIngestModule,
      imports: [TicketWindowsModule],
      controllers: [WebhookGatewayController],
      providers: [
        { provide: LOGGER, useValue: logger },
        {
          provide: ChannelDirectory,
          useFactory: (database: ServiceDatabase) => new ChannelDirectory(database, encryption, publicUrl),
          inject: [ServiceDatabase],
        },
        DeliveryGroups,
        DeliveryLimits,
        DeliverySizes,
        SourceCounts,
        QuotaNotices,
        IngestDeliveryHandler,
        WebhookAnswers,
        AnswerHandshakeHandler,
      ],
    };
  }
}
