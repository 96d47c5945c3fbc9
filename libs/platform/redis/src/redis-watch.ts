import { type DynamicModule, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { RedisConfig } from '@sluice/platform-config';
import type { Logger } from '@sluice/platform-telemetry';
import { Cluster } from 'ioredis';
import { Gauge } from 'prom-client';
import { connectRedis, type RedisClient } from './connect-redis.js';

const askEveryMs = 5_000;
const answerMsMax = 2_000;

const upGauge = new Gauge({ name: 'sluice_redis_up', help: '1: Redis answers this process; 0: it does not, and work goes on by polling' });
const evictsGauge = new Gauge({
  name: 'sluice_redis_may_evict',
  help: '1: Redis has a maxmemory-policy other than noeviction and may throw tickets away',
});

/** The maxmemory-policy, where it is another one than noeviction. Of a cluster: of any of its masters. */
export async function evictionPolicy(redis: RedisClient): Promise<string | undefined> {
  const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis];
  const infos = await Promise.all(nodes.map((node) => node.info('memory')));
  return infos.map((info) => /maxmemory_policy:(\S+)/.exec(info)?.[1]).find((policy) => policy !== undefined && policy !== 'noeviction');
}

export const mayEvict = (policy: string) => ({
  says: `Redis may evict keys (maxmemory-policy ${policy}): tickets would be lost again and again.`,
  next: 'CONFIG SET maxmemory-policy noeviction.',
});

/** Asks Redis every few seconds how it is. Nothing depends on it: an app without Redis is slower, not wrong. */
@Injectable()
export class RedisWatch implements OnApplicationShutdown {
  private readonly client: RedisClient | undefined;
  private readonly timer: NodeJS.Timeout | undefined;
  private readonly reached = Promise.withResolvers<readonly string[]>();
  /** undefined: well */
  private trouble: string | undefined;

  constructor(
    private readonly config: RedisConfig,
    private readonly logger: Logger,
  ) {
    if (config.redisUrl === undefined) {
      this.reached.resolve([]);
      return;
    }
    this.client = connectRedis(config.redisUrl, { commandTimeoutMs: answerMsMax });
    this.client.on('ready', () => void this.ask());
    this.trouble = 'Redis has not answered yet: work goes on by polling';
    this.timer = setInterval(() => void this.ask(), askEveryMs).unref();
  }

  /** A sentence where work is slower than it could be */
  assertReady(): Promise<string | undefined> {
    return Promise.resolve(this.trouble);
  }

  /** What forbids to work with it; resolves once it has answered for the first time. */
  problems(): Promise<readonly string[]> {
    return this.reached.promise;
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
    this.client?.disconnect();
  }

  private async ask(): Promise<void> {
    if (this.client === undefined) return;
    try {
      const policy = await evictionPolicy(this.client);
      upGauge.set(1);
      evictsGauge.set(policy === undefined ? 0 : 1);
      if (policy === undefined) {
        this.found(undefined);
        return this.reached.resolve([]);
      }
      const { says, next } = mayEvict(policy);
      this.found(`${says} ${next}`);
      this.reached.resolve(this.config.mayEvict === true ? [] : [`${says} ${next} UNSAFE_REDIS_EVICTION=on lets it through.`]);
    } catch {
      upGauge.set(0);
      this.found('Redis does not answer: work goes on by polling');
    }
  }

  private found(trouble: string | undefined): void {
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    if (trouble === undefined) this.logger.info('Redis answers');
    else if (trouble.includes('evict')) this.logger.error({ trouble }, 'Redis is set wrongly');
    else this.logger.warn({ trouble }, 'Redis is away');
  }
}

@Module({})
export class RedisWatchModule {
  static forRoot(config: RedisConfig, logger: Logger): DynamicModule {
    return {
      module: RedisWatchModule,
      global: true,
      providers: [{ provide: RedisWatch, useFactory: () => new RedisWatch(config, logger) }],
      exports: [RedisWatch],
    };
  }
}
