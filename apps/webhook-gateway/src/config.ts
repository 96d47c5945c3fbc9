import { databaseEnv, encryptionEnv, httpEnv, parseEnv, redisEnv } from '@sluice/platform-config';

export const readConfig = (env: NodeJS.ProcessEnv) =>
  parseEnv(env, {
    http: httpEnv(3001),
    commandDatabase: databaseEnv('COMMAND_DATABASE_URL'),
    redis: redisEnv(),
    encryption: encryptionEnv(),
  });

export type WebhookGatewayConfig = ReturnType<typeof readConfig>;
