import 'reflect-metadata';
import { createHttpApp } from '@sluice/platform-http';
import { runApp } from '@sluice/platform-runtime';
import { WorkerAppModule } from './app.module.js';
import { readConfig } from './config.js';

await runApp('execution-worker', readConfig, (config, logger) =>
  createHttpApp(WorkerAppModule.forRoot(config, logger), { logger, exposed: config.http.exposed }),
);
