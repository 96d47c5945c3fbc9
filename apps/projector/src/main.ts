import 'reflect-metadata';
import { createHttpApp } from '@sluice/platform-http';
import { runApp } from '@sluice/platform-runtime';
import { ProjectorAppModule } from './app.module.js';
import { readConfig } from './config.js';

await runApp('projector', readConfig, (config, logger) =>
  createHttpApp(ProjectorAppModule.forRoot(config, logger), { logger, exposed: config.http.exposed }),
);
