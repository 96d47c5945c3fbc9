import 'reflect-metadata';
import { createHttpApp } from '@sluice/platform-http';
import { runApp } from '@sluice/platform-runtime';
import { QueryAuthenticator } from '@sluice/tenancy-read';
import { QueryApiAppModule } from './app.module.js';
import { readConfig } from './config.js';

await runApp('query-api', readConfig, (config, logger) =>
  createHttpApp(QueryApiAppModule.forRoot(config), {
    logger,
    authenticator: QueryAuthenticator,
    openApi: { title: 'Sluice queries', description: 'Every read of people and frontends: workflows, webhooks, channels, executions.' },
  }),
);
