export { ConfigIsInvalid, parseEnv } from './parse-env.js';
export {
  type BootstrapConfig,
  bootstrapEnv,
  type DatabaseConfig,
  databaseEnv,
  type EncryptionConfig,
  encryptionEnv,
  type HttpConfig,
  httpEnv,
  type JwtConfig,
  jwtEnv,
  ownUrlOf,
  type RedisConfig,
  redisEnv,
  type SupabaseConfig,
  type Tolerated,
  toleratedEnv,
  webhookMirrorEnv,
} from './parts.js';
export { parseRedisUrl, type RedisServers } from './redis-url.js';
