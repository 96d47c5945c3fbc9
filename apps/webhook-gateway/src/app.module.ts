import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CredentialWatch, CredentialWatchModule } from '@sluice/channels-write';
import { DatabaseModule, ServiceDatabase } from '@sluice/platform-database';
import { HealthModule } from '@sluice/platform-http';
import { NotificationsModule } from '@sluice/platform-notifications';
import { TicketsModule } from '@sluice/platform-queue';
import { RatesModule } from '@sluice/platform-rates';
import { RedisWatch, RedisWatchModule } from '@sluice/platform-redis';
import type { Logger } from '@sluice/platform-telemetry';
import type { WebhookGatewayConfig } from './config.js';
import { webhookGatewayFeatures } from './features.js';

@Module({})
export class WebhookGatewayModule {
  static forRoot(config: WebhookGatewayConfig, logger: Logger): DynamicModule {
    return {
      module: WebhookGatewayModule,
      imports: [
        CqrsModule.forRoot(),
        DatabaseModule.forRoot(ServiceDatabase, { app: 'webhook-gateway', config: config.commandDatabase, statementTimeoutMs: 3_000 }),
        CredentialWatchModule.forRoot(ServiceDatabase, config.encryption),
        NotificationsModule.forRoot(config.redis),
        RedisWatchModule.forRoot(config.redis, logger),
        TicketsModule.forRoot(config.redis),
        RatesModule.forRoot(config.redis),
        HealthModule.forRoot({
          inject: [ServiceDatabase, RedisWatch, CredentialWatch],
          dependencies: (commandStore, redis, credentials) => ({ commandStore, redis, credentials }),
        }),
        ...webhookGatewayFeatures(config, logger),
      ],
    };
  }
}
