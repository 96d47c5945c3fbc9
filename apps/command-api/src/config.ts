import { bootstrapEnv, databaseEnv, encryptionEnv, httpEnv, parseEnv, redisEnv } from '@sluice/platform-config';

export const readConfig = (env: NodeJS.ProcessEnv) =>
  parseEnv(env, {
    http: httpEnv(3002),
    commandDatabase: databaseEnv('COMMAND_DATABASE_URL'),
    redis: redisEnv(),
    encryption: encryptionEnv(),
    bootstrap: bootstrapEnv(),
  });

export type CommandApiConfig = ReturnType<typeof readConfig>;
