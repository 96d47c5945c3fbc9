import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { DatabaseModule, ReadDatabase } from '@sluice/platform-database';
import { HealthModule } from '@sluice/platform-http';
import { RatesModule } from '@sluice/platform-rates';
import { RedisWatch, RedisWatchModule } from '@sluice/platform-redis';
import type { Logger } from '@sluice/platform-telemetry';
import type { QueryApiConfig } from './config.js';
import { queryApiFeatures } from './features.js';

@Module({})
export class QueryApiAppModule {
  static forRoot(config: QueryApiConfig, logger: Logger): DynamicModule {
    return {
      module: QueryApiAppModule,
      imports: [
        CqrsModule.forRoot(),
        DatabaseModule.forRoot(ReadDatabase, { app: 'query-api', config: config.queryDatabase }),
        RedisWatchModule.forRoot(config.redis, logger),
        RatesModule.forRoot(config.redis),
        HealthModule.forRoot({
          inject: [ReadDatabase, RedisWatch],
          dependencies: (queryStore, redis) => ({ queryStore, redis }),
        }),
        ...queryApiFeatures,
      ],
    };
  }
}
