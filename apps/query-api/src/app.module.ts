import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { DatabaseModule, ReadDatabase } from '@sluice/platform-database';
import { HealthModule } from '@sluice/platform-http';
import { RatesModule } from '@sluice/platform-rates';
import type { QueryApiConfig } from './config.js';
import { queryApiFeatures } from './features.js';

@Module({})
export class QueryApiAppModule {
  static forRoot(config: QueryApiConfig): DynamicModule {
    return {
      module: QueryApiAppModule,
      imports: [
        CqrsModule.forRoot(),
        DatabaseModule.forRoot(ReadDatabase, { app: 'query-api', config: config.queryDatabase }),
        RatesModule.forRoot(config.redis),
        HealthModule.forRoot({ inject: [ReadDatabase], checks: (store) => ({ queryStore: () => store.assertReady() }) }),
        ...queryApiFeatures,
      ],
    };
  }
}
