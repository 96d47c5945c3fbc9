import { parseRedisUrl } from '@sluice/platform-config';
import { Cluster, Redis, type RedisOptions } from 'ioredis';

export type RedisClient = Redis | Cluster;

export interface ConnectOptions {
  /** Within so long a command is answered or fails, and at once while there is no connection. Without: it waits, however long. */
  readonly commandTimeoutMs?: number;
  /** Connects when it is told to or first asked */
  readonly isLazy?: boolean;
}

/** So long a worker's connection waits for a job in one command. */
export const jobWaitSeconds = 5;
/** A connection that owes an answer for longer is half-open: it is given up and made anew. */
const silenceMsMax = 8_000;
const connectMsMax = 3_000;

const retryMs = (attempt: number): number => Math.min(attempt * 100, 1_000);

/** The one way to Redis, whatever `REDIS_URL` names. It goes on connecting for ever, and its errors are heard here. */
export function connectRedis(url: string, { commandTimeoutMs, isLazy = false }: ConnectOptions = {}): RedisClient {
  const { kind, nodes, masterName, database, username, password, tls } = parseRedisUrl(url);
  const waits = commandTimeoutMs === undefined;
  const options: RedisOptions = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    ...(!waits && { commandTimeout: commandTimeoutMs }),
    maxRetriesPerRequest: waits ? null : 0,
    connectTimeout: connectMsMax,
    socketTimeout: silenceMsMax,
    keepAlive: 5_000,
    // It was the master, and is a replica now: whoever is the master is found by connecting anew.
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
  };
  const own: RedisOptions = { ...options, db: database, retryStrategy: retryMs, enableOfflineQueue: waits, lazyConnect: isLazy };
  const client = (() => {
    switch (kind) {
      case 'single':
        return new Redis({ ...own, ...nodes[0] });
      case 'sentinel':
        return new Redis({
          ...own,
          sentinels: [...nodes],
          name: masterName ?? '',
          sentinelRetryStrategy: retryMs,
          sentinelCommandTimeout: connectMsMax,
          enableTLSForSentinelMode: tls,
        });
      case 'cluster':
        return new Cluster([...nodes], {
          redisOptions: options,
          clusterRetryStrategy: retryMs,
          slotsRefreshTimeout: connectMsMax,
          enableOfflineQueue: waits,
          lazyConnect: isLazy,
          // Certificates are for names.
          ...(tls && { dnsLookup: (address, callback) => callback(null, address) }),
        });
    }
  })();
  client.on('error', () => {});
  return client;
}
