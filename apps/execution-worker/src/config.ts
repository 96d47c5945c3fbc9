import { databaseEnv, encryptionEnv, httpEnv, parseEnv, redisEnv } from '@sluice/platform-config';
import { executionEnv } from '@sluice/executions-write';
import { outboundEnv } from '@sluice/platform-outbound';

export const readConfig = (env: NodeJS.ProcessEnv) =>
  parseEnv(env, {
    http: httpEnv(3004),
    commandDatabase: databaseEnv('COMMAND_DATABASE_URL'),
    redis: redisEnv(),
    encryption: encryptionEnv(),
    outbound: outboundEnv(),
    execution: executionEnv(),
  });

export type ExecutionWorkerConfig = ReturnType<typeof readConfig>;
