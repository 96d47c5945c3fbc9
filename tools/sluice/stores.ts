import { join } from 'node:path';
import { runningEmbeddedPostgres } from '@sluice/platform-local-servers';

export interface StoreUrls {
  readonly commandUrl: string;
  readonly queryUrl: string;
  readonly redisUrl: string | undefined;
}

export const storesNeeded =
  'Nothing of Sluice runs on this machine. For one elsewhere set COMMAND_DATABASE_URL and QUERY_DATABASE_URL, and REDIS_URL where there is a Redis:\n' +
  'those of the login that migrates.';

/** Those that the environment names; else those of `npm run services`, `npm start` or the demo on this machine. */
export function storesIn(env: NodeJS.ProcessEnv): StoreUrls | undefined {
  const { COMMAND_DATABASE_URL: commandUrl, QUERY_DATABASE_URL: queryUrl, REDIS_URL: redisUrl, SLUICE_DATA_DIR: dataDir = '.sluice' } = env;
  if (commandUrl !== undefined && queryUrl !== undefined) return { commandUrl, queryUrl, redisUrl };
  const url = ['services', 'standalone']
    .map((kind) => runningEmbeddedPostgres(join(dataDir, kind, 'postgres')))
    .find((found) => found !== undefined);
  return url === undefined ? undefined : { commandUrl: url('sluice_command'), queryUrl: url('sluice_query'), redisUrl };
}
