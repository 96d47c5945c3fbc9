export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  runningEmbeddedPostgres,
  startEmbeddedPostgres,
} from './embedded-postgres.js';
export { freePort, freePortFrom, portIsFree } from './free-port.js';
export { type LocalSecrets, localSecrets } from './local-secrets.js';
export { endProcess, endWithThisProcess, processIdentity } from './processes.js';
export { type Redis, type RedisOptions, startRedis } from './redis.js';
export { redisBinary } from './redis-binary.js';
