import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import * as commandApi from '@sluice/command-api';
import * as executionWorker from '@sluice/execution-worker';
import { startApp } from '@sluice/platform-runtime';
import { createLogger } from '@sluice/platform-telemetry';
import * as projector from '@sluice/projector';
import * as queryApi from '@sluice/query-api';
import { answers, eventually, testDatabase, testRedisUrl, unsafeTestServers } from '@sluice/testing';
import * as webhookGateway from '@sluice/webhook-gateway';

export const appNames = ['command-api', 'query-api', 'webhook-gateway', 'execution-worker', 'projector'] as const;
export type AppName = (typeof appNames)[number];

export interface StartedApp {
  readonly nest: NestFastifyApplication;
  readonly url: string;
}

export interface FiveApps {
  readonly apps: Readonly<Record<AppName, StartedApp>>;
  readonly commandUrl: string;
  readonly queryUrl: string;
  readonly tenantId: string;
  readonly adminKey: string;
  readonly platformKey: string;
  stop(): Promise<void>;
}

/** All apps as services have them, in this process, so that a test can ask them for their routes; with a tenant. */
export async function startFiveApps(env: NodeJS.ProcessEnv = {}): Promise<FiveApps> {
  const stores = await testDatabase();
  const [tenantId, adminKey, platformKey] = [randomUUID(), `admin-${randomUUID()}`, `platform-${randomUUID()}`];
  const logger = createLogger('routes', 'silent');
  const given = {
    ...unsafeTestServers,
    PORT: '0',
    HOST: '127.0.0.1',
    REDIS_URL: await testRedisUrl(),
    COMMAND_DATABASE_URL: stores.commandUrl,
    QUERY_DATABASE_URL: stores.queryUrl,
    DATABASE_POOL_SIZE: '4',
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    SLUICE_BOOTSTRAP_TENANT_ID: tenantId,
    SLUICE_BOOTSTRAP_API_KEY: adminKey,
    SLUICE_BOOTSTRAP_PLATFORM_KEY: platformKey,
    ...env,
  };
  const running: { close(): Promise<void> }[] = [];
  async function start<Config extends Parameters<typeof startApp>[1]>(app: {
    readConfig: (env: NodeJS.ProcessEnv) => Config;
    createApp: (config: Config, appLogger: typeof logger) => Promise<NestFastifyApplication>;
  }): Promise<StartedApp> {
    const config = app.readConfig(given);
    const nest = await app.createApp(config, logger);
    const started = await startApp(nest, config, logger);
    running.push(started);
    await eventually(() => answers(`${started.url}/healthz`));
    return { nest, url: started.url };
  }
  const apps = {
    'command-api': await start(commandApi),
    'query-api': await start(queryApi),
    'webhook-gateway': await start(webhookGateway),
    'execution-worker': await start(executionWorker),
    projector: await start(projector),
  };
  return {
    apps,
    commandUrl: stores.commandUrl,
    queryUrl: stores.queryUrl,
    tenantId,
    adminKey,
    platformKey,
    stop: async () => {
      for (const app of running.reverse()) await app.close();
      await stores.drop();
    },
  };
}
