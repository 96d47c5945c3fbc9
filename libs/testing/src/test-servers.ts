import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processIdentity, startEmbeddedPostgres, startRedis } from '@sluice/platform-local-servers';
import pg from 'pg';

/** What a test file needs to make databases of its own. */
export interface TestPostgres {
  /** A login that may create databases. */
  readonly serverUrl: string;
  readonly commandTemplate: string;
  readonly queryTemplate: string;
}

export interface TestServers {
  postgres(): Promise<TestPostgres>;
  /** Another database number at each call, as long as there are any. */
  redis(): Promise<{ url: string }>;
  stop(): Promise<void>;
}

type Stops = (() => Promise<void>)[];

export type Migrate = (stores: { commandUrl: string; queryUrl: string }) => Promise<void>;

const folderPrefix = 'sluice-tests-';
const ownRedisDatabases = 1024;
const givenRedisDatabases = 16;

/**
 * One Postgres and one Redis for all test files of a run, each started when first asked for.
 * TEST_COMMAND_DATABASE_URL and TEST_REDIS_URL name servers to use instead.
 */
export function testServers(migrate: Migrate, env: NodeJS.ProcessEnv): TestServers {
  const stops: Stops = [];
  const folder = once(() => ownFolder(stops));
  const postgres = once(() => startPostgres(migrate, env, folder, stops));
  const redis = once(() => startOrUseRedis(env, folder, stops));
  let handedOut = 0;

  return {
    postgres,
    redis: async () => {
      const { url, databases } = await redis();
      handedOut += 1;
      return { url: `${url}/${1 + ((handedOut - 1) % (databases - 1))}` };
    },
    stop: async () => {
      for (const stop of stops.reverse()) await stop();
    },
  };
}

async function startPostgres(migrate: Migrate, env: NodeJS.ProcessEnv, folder: () => string, stops: Stops): Promise<TestPostgres> {
  const templates = { commandTemplate: `sluice_${process.pid}_command`, queryTemplate: `sluice_${process.pid}_query` };
  const given = env['TEST_COMMAND_DATABASE_URL'];
  const serverUrl = given ?? (await startOwnPostgres(folder(), stops));

  for (const template of Object.values(templates)) await onServer(serverUrl, `create database ${template}`);
  if (given !== undefined) {
    stops.push(async () => {
      for (const template of Object.values(templates)) await onServer(serverUrl, `drop database ${template} with (force)`);
    });
  }
  await migrate({
    commandUrl: databaseUrl(serverUrl, templates.commandTemplate),
    queryUrl: databaseUrl(serverUrl, templates.queryTemplate),
  });
  return { serverUrl, ...templates };
}

async function startOwnPostgres(folder: string, stops: Stops): Promise<string> {
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), settings: { fsync: 'off', max_connections: '400' } });
  stops.push(async () => {
    await postgres.stop();
    rmSync(postgres.dataDir, { recursive: true, force: true });
  });
  return postgres.url('postgres');
}

async function startOrUseRedis(env: NodeJS.ProcessEnv, folder: () => string, stops: Stops): Promise<{ url: string; databases: number }> {
  const given = env['TEST_REDIS_URL'];
  if (given !== undefined) return { url: given.replace(/(\/\d*)?$/, ''), databases: givenRedisDatabases };
  const redis = await startRedis({ dir: folder(), databases: ownRedisDatabases });
  stops.push(() => redis.stop());
  return { url: redis.url, databases: ownRedisDatabases };
}

/** A new folder in the system's for temporary files; those of runs that were killed are removed. */
function ownFolder(stops: Stops): string {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(folderPrefix))) {
    const pid = Number(name.slice(folderPrefix.length).split('-')[0]);
    if (processIdentity(pid) === undefined) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  chmodSync(folder, 0o755); // as root, Postgres runs as another user
  stops.push(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function onServer(serverUrl: string, sql: string): Promise<void> {
  const client = new pg.Client(serverUrl);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
