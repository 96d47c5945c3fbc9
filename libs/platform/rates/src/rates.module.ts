import { type DynamicModule, Module } from '@nestjs/common';
import type { RedisConfig } from '@sluice/platform-config';
import { storeClock } from '@sluice/platform-database';
import { Rates } from './rates.js';
import { RedisCounts } from './redis-counts.js';

/** Limits that all processes keep together; without Redis, those of this process. */
@Module({})
export class RatesModule {
  static forRoot({ redisUrl }: RedisConfig): DynamicModule {
    return {
      module: RatesModule,
      global: true,
      providers: [
        {
          provide: Rates,
          useFactory: () => new Rates(() => storeClock.now().getTime(), redisUrl === undefined ? undefined : new RedisCounts(redisUrl)),
        },
      ],
      exports: [Rates],
    };
  }
}
