import { type DynamicModule, Module } from '@nestjs/common';
import { DatabaseModule, LogDatabase, ProjectionDatabase } from '@sluice/platform-database';
import { HealthModule } from '@sluice/platform-http';
import { NotificationsModule } from '@sluice/platform-notifications';
import { ProjectorLoop } from '@sluice/platform-projections';
import { RedisWatch, RedisWatchModule } from '@sluice/platform-redis';
import type { Logger } from '@sluice/platform-telemetry';
import type { ProjectorConfig } from './config.js';
import { projectorFeatures } from './features.js';

@Module({})
export class ProjectorAppModule {
  static forRoot(config: ProjectorConfig, logger: Logger): DynamicModule {
    return {
      module: ProjectorAppModule,
      imports: [
        DatabaseModule.forRoot(LogDatabase, { app: 'projector', config: config.commandDatabase }),
        DatabaseModule.forRoot(ProjectionDatabase, { app: 'projector', config: config.queryDatabase }),
        NotificationsModule.forRoot(config.redis),
        RedisWatchModule.forRoot(config.redis, logger),
        HealthModule.forRoot({
          inject: [LogDatabase, ProjectionDatabase, ProjectorLoop, RedisWatch],
          dependencies: (commandStore, queryStore, projector, redis) => ({ commandStore, queryStore, projector, redis }),
        }),
        ...projectorFeatures(config, logger),
      ],
    };
  }
}
