import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { channelTable, CredentialWatch, CredentialWatchModule } from '@sluice/channels-write';
import { commandApiEntities, commandApiFeatures } from '@sluice/command-api';
import { executionWorkerFeatures } from '@sluice/execution-worker';
import { WorkWatch } from '@sluice/executions-write';
import { ApiDatabase, DatabaseModule, LogDatabase, ProjectionDatabase, ReadDatabase, ServiceDatabase } from '@sluice/platform-database';
import { HealthModule } from '@sluice/platform-http';
import { NotificationsModule } from '@sluice/platform-notifications';
import { ProjectorLoop } from '@sluice/platform-projections';
import { TicketsModule } from '@sluice/platform-queue';
import { RatesModule } from '@sluice/platform-rates';
import type { Logger } from '@sluice/platform-telemetry';
import { projectorFeatures } from '@sluice/projector';
import { queryApiFeatures } from '@sluice/query-api';
import { webhookGatewayFeatures } from '@sluice/webhook-gateway';
import type { StandaloneConfig } from './config.js';

export interface Stores {
  readonly commandUrl: string;
  readonly queryUrl: string;
}

const app = 'standalone';

/** Every app's features in one process: the same modules, roles and schema as the services; tickets and notifications stay in process. */
@Module({})
export class StandaloneModule {
  static forRoot(config: StandaloneConfig, { commandUrl, queryUrl }: Stores, logger: Logger): DynamicModule {
    const { tolerated } = config;
    const command = { url: commandUrl, poolSize: 10, tolerated };
    const query = { url: queryUrl, poolSize: 5, tolerated };
    return {
      module: StandaloneModule,
      imports: [
        CqrsModule.forRoot(),
        DatabaseModule.forRoot(ServiceDatabase, { app, config: command, entities: [channelTable] }),
        DatabaseModule.forRoot(ApiDatabase, { app, config: command, entities: commandApiEntities }),
        DatabaseModule.forRoot(LogDatabase, { app, config: { ...command, poolSize: 2 } }),
        DatabaseModule.forRoot(ProjectionDatabase, { app, config: { ...query, poolSize: 2 } }),
        DatabaseModule.forRoot(ReadDatabase, { app, config: query }),
        CredentialWatchModule.forRoot(ServiceDatabase, config.encryption),
        NotificationsModule.forRoot(config.redis),
        TicketsModule.forRoot(config.redis),
        RatesModule.forRoot(config.redis),
        HealthModule.forRoot({
          inject: [ServiceDatabase, ReadDatabase, CredentialWatch, ProjectorLoop, WorkWatch],
          dependencies: (commandStore, queryStore, credentials, projector, work) => ({
            commandStore,
            queryStore,
            credentials,
            projector,
            work,
          }),
        }),
        ...commandApiFeatures(config, logger),
        ...webhookGatewayFeatures(config, logger),
        ...executionWorkerFeatures(config, logger, config.http.port),
        ...projectorFeatures(config, logger),
        ...queryApiFeatures,
      ],
    };
  }
}
