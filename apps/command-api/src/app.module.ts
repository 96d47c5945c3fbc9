import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CredentialWatch, CredentialWatchModule } from '@sluice/channels-write';
import { ApiDatabase, DatabaseModule } from '@sluice/platform-database';
import { HealthModule } from '@sluice/platform-http';
import { NotificationsModule } from '@sluice/platform-notifications';
import { TicketsModule } from '@sluice/platform-queue';
import { RatesModule } from '@sluice/platform-rates';
import { RedisWatch, RedisWatchModule } from '@sluice/platform-redis';
import type { Logger } from '@sluice/platform-telemetry';
import type { CommandApiConfig } from './config.js';
import { commandApiEntities, commandApiFeatures } from './features.js';

@Module({})
export class CommandApiModule {
  static forRoot(config: CommandApiConfig, logger: Logger): DynamicModule {
    return {
      module: CommandApiModule,
      imports: [
        CqrsModule.forRoot(),
        DatabaseModule.forRoot(ApiDatabase, { app: 'command-api', config: config.commandDatabase, entities: commandApiEntities }),
        CredentialWatchModule.forRoot(ApiDatabase, config.encryption),
        NotificationsModule.forRoot(config.redis),
        RedisWatchModule.forRoot(config.redis, logger),
        TicketsModule.forRoot(config.redis),
        RatesModule.forRoot(config.redis),
        HealthModule.forRoot({
          inject: [ApiDatabase, RedisWatch, CredentialWatch],
          dependencies: (commandStore, redis, credentials) => ({ commandStore, redis, credentials }),
        }),
        ...commandApiFeatures(config, logger),
      ],
    };
  }
}
