import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@sluice/platform-http';
import type { Logger } from '@sluice/platform-telemetry';
import { ProjectorAppModule } from './app.module.js';
import type { ProjectorConfig } from './config.js';

export const createApp = (config: ProjectorConfig, logger: Logger): Promise<NestFastifyApplication> =>
  createHttpApp(ProjectorAppModule.forRoot(config, logger), { logger, http: config.http });
