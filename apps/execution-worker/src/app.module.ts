import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { channelTable, CredentialWatch, CredentialWatchModule } from '@sluice/channels-write';
import { WorkWatch } from '@sluice/executions-write';
import { DatabaseModule, ServiceDatabase } from '@sluice/platform-database';
import { HealthModule } from '@sluice/platform-http';
import { NotificationsModule } from '@sluice/platform-notifications';
import { TicketsModule } from '@sluice/platform-queue';
import { RedisWatch, RedisWatchModule } from '@sluice/platform-redis';
import type { Logger } from '@sluice/platform-telemetry';
import type { ExecutionWorkerConfig } from './config.js';
import { executionWorkerFeatures } from './features.js';

@Module({})
export class WorkerAppModule {
  static forRoot(config: ExecutionWorkerConfig, logger: Logger): DynamicModule {
    return {
      module: WorkerAppModule,
      imports: [
        CqrsModule.forRoot(),
        DatabaseModule.forRoot(ServiceDatabase, { app: 'execution-worker', config: config.commandDatabase, entities: [channelTable] }),
        CredentialWatchModule.forRoot(ServiceDatabase, config.encryption),
        NotificationsModule.forRoot(config.redis),
        RedisWatchModule.forRoot(config.redis, logger),
        TicketsModule.forRoot(config.redis),
        HealthModule.forRoot({
          inject: [ServiceDatabase, RedisWatch, CredentialWatch, WorkWatch],
          dependencies: (commandStore, redis, credentials, work) => ({ commandStore, redis, credentials, work }),
        }),
        ...executionWorkerFeatures(config, logger),
      ],
    };
  }
}
