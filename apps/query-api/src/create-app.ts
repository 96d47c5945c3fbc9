import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@sluice/platform-http';
import type { Logger } from '@sluice/platform-telemetry';
import { QueryAuthenticator } from '@sluice/tenancy-read';
import { QueryApiAppModule } from './app.module.js';
import type { QueryApiConfig } from './config.js';

export const createApp = (config: QueryApiConfig, logger: Logger): Promise<NestFastifyApplication> =>
  createHttpApp(QueryApiAppModule.forRoot(config, logger), {
    logger,
    authenticator: QueryAuthenticator,
    jwt: config.jwt,
    http: config.http,
    openApi: { title: 'Sluice queries', description: 'Every read of people and frontends: workflows, webhooks, channels, executions.' },
  });
