import type { DynamicModule } from '@nestjs/common';
import { ChannelUpkeepModule } from '@sluice/channels-write';
import { ExecutionWorkerModule } from '@sluice/executions-write';
import type { Logger } from '@sluice/platform-telemetry';
import type { ExecutionWorkerConfig } from './config.js';

type Features = Omit<ExecutionWorkerConfig, 'http' | 'commandDatabase' | 'redis'> & {
  readonly http: { readonly publicUrl: string | undefined };
  readonly redis: { readonly redisUrl: string | undefined };
};

/**
 * What this app does, without the servers it does it on; standalone imports the same. `apiPort`: of the command API, for links to it where no
 * `PUBLIC_URL` is set.
 */
export const executionWorkerFeatures = (
  { http, redis, encryption, outbound, execution }: Features,
  logger: Logger,
  apiPort = 3002,
): DynamicModule[] => {
  const publicUrl = http.publicUrl ?? `http://localhost:${apiPort}`;
  return [
    ExecutionWorkerModule.forRoot({ redis, encryption, outbound, ...execution, publicUrl, logger }),
    ChannelUpkeepModule.forRoot({ encryption, outbound, providerApis: execution.providerApis, logger }),
  ];
};
