import type { DynamicModule } from '@nestjs/common';
import { ExecutionWorkerModule } from '@sluice/executions-write';
import type { Logger } from '@sluice/platform-telemetry';
import type { ExecutionWorkerConfig } from './config.js';

type Features = Omit<ExecutionWorkerConfig, 'http' | 'commandDatabase' | 'redis'> & {
  readonly redis: { readonly redisUrl: string | undefined };
};

/** What this app does, without the servers it does it on; standalone imports the same. */
export const executionWorkerFeatures = ({ redis, encryption, outbound, execution }: Features, logger: Logger): DynamicModule[] => [
  ExecutionWorkerModule.forRoot({ redis, encryption, outbound, ...execution, logger }),
];
