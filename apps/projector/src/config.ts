import { databaseEnv, httpEnv, parseEnv, redisEnv, webhookMirrorEnv } from '@sluice/platform-config';

export const readConfig = (env: NodeJS.ProcessEnv) =>
  parseEnv(env, {
    http: httpEnv(3005),
    commandDatabase: databaseEnv('COMMAND_DATABASE_URL', 2),
    queryDatabase: databaseEnv('QUERY_DATABASE_URL', 2),
    redis: redisEnv(),
    webhookMirror: webhookMirrorEnv(),
  });

export type ProjectorConfig = ReturnType<typeof readConfig>;
