import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@sluice/platform-http';
import type { Logger } from '@sluice/platform-telemetry';
import { WebhookGatewayModule } from './app.module.js';
import type { WebhookGatewayConfig } from './config.js';

export const createApp = (config: WebhookGatewayConfig, logger: Logger): Promise<NestFastifyApplication> =>
  createHttpApp(WebhookGatewayModule.forRoot(config, logger), { logger, http: config.http });
