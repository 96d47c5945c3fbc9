import 'reflect-metadata';
import { createHttpApp } from '@sluice/platform-http';
import { runApp } from '@sluice/platform-runtime';
import { WebhookGatewayModule } from './app.module.js';
import { readConfig } from './config.js';

await runApp('webhook-gateway', readConfig, (config, logger) =>
  createHttpApp(WebhookGatewayModule.forRoot(config, logger), { logger, exposed: config.http.exposed }),
);
