import { databaseEnv, httpEnv, jwtEnv, parseEnv, redisEnv } from '@sluice/platform-config';

export const readConfig = (env: NodeJS.ProcessEnv) =>
  parseEnv(env, { http: httpEnv(3003), queryDatabase: databaseEnv('QUERY_DATABASE_URL'), redis: redisEnv(), jwt: jwtEnv() });

export type QueryApiConfig = ReturnType<typeof readConfig>;
