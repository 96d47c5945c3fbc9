import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@sluice/platform-http';
import type { Logger } from '@sluice/platform-telemetry';
import { WorkerAppModule } from './app.module.js';
import type { ExecutionWorkerConfig } from './config.js';

export const createApp = (config: ExecutionWorkerConfig, logger: Logger): Promise<NestFastifyApplication> =>
  createHttpApp(WorkerAppModule.forRoot(config, logger), { logger, http: config.http });
