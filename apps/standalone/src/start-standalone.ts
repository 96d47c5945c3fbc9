import { join } from 'node:path';
import { createHttpApp } from '@sluice/platform-http';
import { migrate } from '@sluice/platform-database';
import { localSecrets, startEmbeddedPostgres } from '@sluice/platform-local-servers';
import { startApp } from '@sluice/platform-runtime';
import { createLogger, type Logger } from '@sluice/platform-telemetry';
import { BootstrapTenancy, CommandAuthenticator } from '@sluice/tenancy-write';
import { StandaloneModule } from './app.module.js';
import { readConfig, readDataDir } from './config.js';

export interface Standalone {
  readonly url: string;
  readonly dataDir: string;
  /** A first start without `SLUICE_BOOTSTRAP_*` makes a tenant; its key is shown this once. */
  readonly firstTenant: { readonly tenantId: string; readonly key: string } | undefined;
  readonly logger: Logger;
  stop(): Promise<void>;
}

/** All of Sluice in this process, on one port, with a Postgres of its own. Throws ConfigIsInvalid with every problem at once. */
export async function startStandalone(env: NodeJS.ProcessEnv, log: (line: string) => void): Promise<Standalone> {
  const dataDir = join(readDataDir(env), 'standalone');
  const { encryptionKeys } = localSecrets(dataDir);
  const config = readConfig({ ENCRYPTION_KEYS: encryptionKeys, ...env });
  const logger = createLogger('standalone', config.http.logLevel);

  const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), log });
  try {
    for (const database of ['sluice_command', 'sluice_query']) await postgres.ensureDatabase(database);
    const stores = { commandUrl: postgres.url('sluice_command'), queryUrl: postgres.url('sluice_query') };
    await migrate(stores);
    const app = await createHttpApp(StandaloneModule.forRoot(config, stores, logger), {
      logger,
      authenticator: CommandAuthenticator,
      jwt: config.jwt,
      http: config.http,
      openApi: { title: 'Sluice', description: 'Commands and queries of a standalone Sluice.' },
    });
    const running = await startApp(app, config, logger);
    const given = config.bootstrap.tenant !== undefined;
    return {
      url: running.url.replace('127.0.0.1', 'localhost'),
      dataDir,
      firstTenant: given ? undefined : await app.get(BootstrapTenancy).createFirstTenant('First tenant'),
      logger,
      stop: async () => {
        await running.close();
        await postgres.stop();
      },
    };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}
