import { type DynamicModule, Module } from '@nestjs/common';
import { DatabaseModule, LogDatabase, ProjectionDatabase } from '@sluice/platform-database';
import { HealthModule } from '@sluice/platform-http';
import { NotificationsModule } from '@sluice/platform-notifications';
import { ProjectorLoop } from '@sluice/platform-projections';
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
        HealthModule.forRoot({
          inject: [LogDatabase, ProjectionDatabase, ProjectorLoop],
          checks: (log, store, loop) => ({
            commandStore: () => log.assertReady(),
            queryStore: () => store.assertReady(),
            projector: () => Promise.resolve().then(() => loop.assertReady()),
          }),
        }),
        ...projectorFeatures(logger),
      ],
    };
  }
}
