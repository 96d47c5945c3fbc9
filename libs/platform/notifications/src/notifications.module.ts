import { type DynamicModule, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ClientProxy, type MicroserviceOptions } from '@nestjs/microservices';
import type { RedisConfig } from '@sluice/platform-config';
import { InProcessClient, InProcessServer } from './in-process-transport.js';
import { PatientRedisClient, PatientRedisServer } from './redis-transport.js';

/** Writers say so once per commit; the projector wakes. */
export const EVENTS_APPENDED = 'domain-events.appended';
/** The projector says so once per batch; query-api drops caches and goes on with waiting reads. */
export const PROJECTION_ADVANCED = 'projection.advanced';
/** A workflow has answered a webhook that is registered as sync: the gateway that holds the call open looks. */
export const WEBHOOK_ANSWERED = 'webhook.answered';
/** Rare types have a pattern of their own, to drop caches: `domain-event.<type>`. */
export const domainEventPattern = (type: string): string => `domain-event.${type}`;

export interface EventsAppended {
  readonly commitId: number;
  readonly tenants: readonly string[];
  readonly types: readonly string[];
}

export interface ProjectionAdvanced {
  readonly shard: string;
  readonly position: number;
  readonly keys: readonly string[];
}

export interface WebhookAnswered {
  readonly webhookEventId: string;
}

/** What `app.connectMicroservice` needs so that `@EventPattern` handlers hear notifications. */
export const notificationTransport = ({ redisUrl }: RedisConfig): MicroserviceOptions => ({
  strategy: redisUrl === undefined ? new InProcessServer() : new PatientRedisServer(redisUrl),
});

/** Hints to other processes. Never waited for, never relied upon: whoever must not miss an event reads the log. */
@Injectable()
export class Notifications implements OnApplicationShutdown {
  constructor(@Inject(ClientProxy) private readonly client: ClientProxy) {}

  emit(pattern: string, data: EventsAppended | ProjectionAdvanced | WebhookAnswered): void {
    this.client.emit(pattern, data).subscribe({ error: () => {} });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
  }
}

@Module({})
export class NotificationsModule {
  static forRoot({ redisUrl }: RedisConfig): DynamicModule {
    return {
      module: NotificationsModule,
      global: true,
      providers: [
        {
          provide: ClientProxy,
          useFactory: () => (redisUrl === undefined ? new InProcessClient() : new PatientRedisClient(redisUrl)),
        },
        Notifications,
      ],
      exports: [Notifications],
    };
  }
}
