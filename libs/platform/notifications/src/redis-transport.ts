import { ClientRedis, type ReadPacket, type RedisContext, ServerRedis } from '@nestjs/microservices';
import { connectRedis, keepListening, type RedisClient } from '@sluice/platform-redis';
import { hear } from './hear.js';

/**
 * Nest's server over Redis, for hints: it starts, stops and lives on without Redis. Nest's own rejects its start, and never
 * subscribes, when Redis is away at that moment, and waits for it in order to stop.
 */
export class PatientRedisServer extends ServerRedis {
  private away = false;

  constructor(private readonly redisUrl: string) {
    super({});
  }

  override createRedisClient(): Promise<RedisClient> {
    return Promise.resolve(connectRedis(this.redisUrl, { isLazy: true }));
  }

  override start(callback?: () => void): void {
    // ioredis goes on connecting after a first failure, and subscribes anew after each later one.
    this.subClient.once('ready', () => this.bindEvents(this.subClient, this.pubClient));
    keepListening(this.subClient, [...this.messageHandlers.keys()]);
    for (const client of [this.subClient, this.pubClient]) client.connect().catch(() => {});
    callback?.();
  }

  override handleEvent(pattern: string, { data }: ReadPacket, context: RedisContext): Promise<void> {
    const handler = this.getHandlerByPattern(pattern);
    return handler === null ? Promise.resolve() : hear(pattern, handler, data, context, (message) => this.logger.error(message));
  }

  override registerErrorListener(client: { on(event: string, listener: () => void): void }): void {
    client.on('error', () => {
      if (!this.away) this.logger.warn('Redis is away: no notifications until it is back');
      this.away = true;
    });
    client.on('ready', () => (this.away = false));
  }

  override close(): Promise<void> {
    this.isManuallyClosed = true;
    for (const client of [this.subClient, this.pubClient]) client?.disconnect();
    return Promise.resolve();
  }
}

/** Nest's client over Redis, which does not wait for Redis in order to close. */
export class PatientRedisClient extends ClientRedis {
  private away = false;

  constructor(private readonly redisUrl: string) {
    super({});
  }

  /** A hint that cannot leave at once is worth nothing later. */
  override createClient(): Promise<RedisClient> {
    return Promise.resolve(connectRedis(this.redisUrl, { isLazy: true, commandTimeoutMs: 1_000 }));
  }

  override registerErrorListener(client: { on(event: string, listener: () => void): void }): void {
    client.on('error', () => {
      if (!this.away) this.logger.warn('Redis is away: notifications are dropped until it is back');
      this.away = true;
    });
    client.on('ready', () => (this.away = false));
  }

  override close(): Promise<void> {
    this.isManuallyClosed = true;
    for (const client of [this.subClient, this.pubClient]) client?.disconnect();
    return Promise.resolve();
  }
}
