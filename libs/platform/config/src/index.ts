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
  type RedisConfig,
  redisEnv,
} from './parts.js';
