import { executionEnv } from '@sluice/executions-write';
import { bootstrapEnv, databaseEnv, encryptionEnv, httpEnv, jwtEnv, parseEnv, type RedisConfig, redisEnv } from '@sluice/platform-config';

export const readConfig = (env: NodeJS.ProcessEnv) =>
  parseEnv(env, {
    http: httpEnv(3002),
    commandDatabase: databaseEnv('COMMAND_DATABASE_URL'),
    redis: redisEnv(),
    encryption: encryptionEnv(),
    bootstrap: bootstrapEnv(),
    jwt: jwtEnv(),
    execution: executionEnv(),
  });

/** With Redis as services have it, or without as in standalone and tests. */
export interface CommandApiConfig extends Omit<ReturnType<typeof readConfig>, 'redis'> {
  readonly redis: RedisConfig;
}
