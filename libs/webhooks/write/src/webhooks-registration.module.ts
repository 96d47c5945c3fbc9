import { type DynamicModule, Module } from '@nestjs/common';
import { ChannelDependants, ChannelEncryption, PUBLIC_URL } from '@sluice/channels-write';
import type { EncryptionConfig } from '@sluice/platform-config';
import { CommandStoreModule } from '@sluice/platform-event-log';
import { WorkflowDependants } from '@sluice/workflows-write';
import { DeactivateWebhookHandler } from './deactivate-webhook.js';
import { RegisterWebhookHandler } from './register-webhook.js';
import { ReleaseWebhooks } from './release-webhooks.js';
import { DecideReplayHandler } from './replays/decide-replay.js';
import { ReplaysController } from './replays/replays.controller.js';
import { StartReplayHandler } from './replays/start-replay.js';
import { CallGateway, OWN_URL } from './call-gateway.js';
import { TestWebhookHandler } from './test-webhook.js';
import { WebhooksController } from './webhooks.controller.js';

export interface WebhooksRegistrationOptions {
  readonly encryption: EncryptionConfig;
  readonly publicUrl: string | undefined;
  /** Where this process listens, if nobody told another address */
  readonly ownUrl: string;
}

/** Registering and deactivating webhooks, replaying what came; what channels and workflows ask when they end. Needs the API's database and notifications. */
@Module({})
export class WebhooksRegistrationModule {
  static forRoot({ encryption, publicUrl, ownUrl }: WebhooksRegistrationOptions): DynamicModule {
    return {
      module: WebhooksRegistrationModule,
      global: true,
      imports: [CommandStoreModule],
      controllers: [WebhooksController, ReplaysController],
      providers: [
        { provide: PUBLIC_URL, useValue: publicUrl },
        { provide: OWN_URL, useValue: ownUrl },
        { provide: ChannelEncryption, useValue: new ChannelEncryption(encryption) },
        { provide: ChannelDependants, useClass: ReleaseWebhooks },
        { provide: WorkflowDependants, useClass: ReleaseWebhooks },
        RegisterWebhookHandler,
        DeactivateWebhookHandler,
        CallGateway,
        TestWebhookHandler,
        StartReplayHandler,
        DecideReplayHandler,
      ],
      exports: [ChannelDependants, WorkflowDependants],
    };
  }
}
