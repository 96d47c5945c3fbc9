import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Injectable, Module, type ModuleMetadata, type OnApplicationShutdown } from '@nestjs/common';
import type { RedisConfig } from '@sluice/platform-config';
import { connectRedis, type RedisClient } from '@sluice/platform-redis';
import type { Logger } from '@sluice/platform-telemetry';
import { BullTickets, QUEUE_PREFIX } from './bull-tickets.js';
import { InProcessConsumer, InProcessTickets } from './in-process-tickets.js';
import { ticketProcessor } from './ticket-processor.js';
import { TicketWindows } from './ticket-windows.js';
import { QUEUE_NAMES, TicketHandler, Tickets, type Way, ways } from './tickets.js';

/** Issues tickets, on Redis or in process. */
@Module({})
export class TicketsModule {
  static forRoot({ redisUrl }: RedisConfig): DynamicModule {
    return {
      module: TicketsModule,
      global: true,
      providers: [{ provide: Tickets, useFactory: () => (redisUrl === undefined ? new InProcessTickets() : new BullTickets(redisUrl)) }],
      exports: [Tickets],
    };
  }
}

/** What may be let out, for who writes tasks. Needs the service's database. */
@Module({ providers: [TicketWindows], exports: [TicketWindows] })
export class TicketWindowsModule {}

export interface TicketConsumerOptions extends RedisConfig {
  /** Jobs at a time; each carries up to 100 tasks. */
  readonly concurrency: Readonly<Record<Way, number>>;
  readonly logger: Logger;
  /** Where the TicketHandler is provided. */
  readonly imports: ModuleMetadata['imports'];
}

/** BullMQ makes each worker's connections after this one's likeness. */
@Injectable()
class WorkerRedis implements OnApplicationShutdown {
  readonly client: RedisClient;

  constructor(redisUrl: string) {
    this.client = connectRedis(redisUrl);
  }

  onApplicationShutdown(): void {
    this.client.disconnect();
  }
}

@Module({})
class WorkerRedisModule {
  static forRoot(redisUrl: string): DynamicModule {
    return {
      module: WorkerRedisModule,
      providers: [{ provide: WorkerRedis, useFactory: () => new WorkerRedis(redisUrl) }],
      exports: [WorkerRedis],
    };
  }
}

/** Takes tickets and gives them to the TicketHandler. */
@Module({})
export class TicketConsumerModule {
  static forRoot({ redisUrl, concurrency, logger, imports = [] }: TicketConsumerOptions): DynamicModule {
    if (redisUrl === undefined) {
      return {
        module: TicketConsumerModule,
        imports,
        providers: [
          {
            provide: InProcessConsumer,
            useFactory: (handler: TicketHandler) => new InProcessConsumer(handler, concurrency),
            inject: [TicketHandler],
          },
        ],
      };
    }
    return {
      module: TicketConsumerModule,
      imports: [
        ...imports,
        BullModule.forRootAsync({
          imports: [WorkerRedisModule.forRoot(redisUrl)],
          useFactory: ({ client }: WorkerRedis) => ({ prefix: QUEUE_PREFIX, connection: client }),
          inject: [WorkerRedis],
        }),
        // The processors alone: this process's tickets are issued by BullTickets.
        BullModule.registerQueue(),
      ],
      providers: ways.map((way) => ticketProcessor(QUEUE_NAMES[way], concurrency[way], logger)),
    };
  }
}
