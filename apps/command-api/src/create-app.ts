import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@sluice/platform-http';
import type { Logger } from '@sluice/platform-telemetry';
import { CommandAuthenticator } from '@sluice/tenancy-write';
import { CommandApiModule } from './app.module.js';
import type { CommandApiConfig } from './config.js';

export const createApp = (config: CommandApiConfig, logger: Logger): Promise<NestFastifyApplication> =>
  createHttpApp(CommandApiModule.forRoot(config, logger), {
    logger,
    authenticator: CommandAuthenticator,
    jwt: config.jwt,
    http: config.http,
    openApi: { title: 'Sluice commands', description: 'Every change by people and frontends: workflows, webhooks, channels, runs, keys.' },
  });
