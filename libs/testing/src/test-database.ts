import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { databaseUrl, onServer, type TestPostgres } from './test-servers.js';

export interface TestDatabase {
  readonly commandUrl: string;
  readonly queryUrl: string;
  drop(): Promise<void>;
}

/** Both stores, freshly migrated, for one test file. The first call of a run starts the server. */
export async function testDatabase(): Promise<TestDatabase> {
  const { serverUrl, commandTemplate, queryTemplate } = await ask('postgres');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const stores = [
    { database: `${name}_command`, template: commandTemplate },
    { database: `${name}_query`, template: queryTemplate },
  ];
  for (const { database, template } of stores) {
    await onServer(serverUrl, `create database ${database} template ${template} strategy file_copy`);
  }
  return {
    commandUrl: databaseUrl(serverUrl, `${name}_command`),
    queryUrl: databaseUrl(serverUrl, `${name}_query`),
    drop: async () => {
      for (const { database } of stores) {
        await onServer(serverUrl, untilLeft(database));
        await onServer(serverUrl, `drop database ${database} with (force)`);
      }
    },
  };
}

/** A pool's `end` resolves a moment before the server has seen it; a session that is ended then says so to nobody, which ends the test. */
const untilLeft = (database: string): string => `
  DO $$ BEGIN
    FOR look IN 1..50 LOOP
      EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '${database}');
      PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
    END LOOP;
  END $$`;

let url: Promise<string> | undefined;

/**
 * An empty Redis database for this test file: the same one at each call. Publish and subscribe know no database numbers;
 * a test that listens to everything, flushes all or stops the server starts one of its own (`startRedis`).
 */
export function testRedisUrl(): Promise<string> {
  url ??= emptyRedis();
  return url;
}

async function emptyRedis(): Promise<string> {
  const { url: given } = await ask('redis');
  const redis = new Redis(given);
  await redis.flushdb();
  redis.disconnect();
  return given;
}

interface Answers {
  postgres: TestPostgres;
  redis: { url: string };
}

/** Jest's own process holds the servers for all test files (`tools/jest/setup.js`). */
async function ask<What extends keyof Answers>(what: What): Promise<Answers[What]> {
  const address = process.env['SLUICE_TEST_SERVERS'];
  if (address === undefined) throw new Error('No test servers: run the tests with the settings of jest.preset.js.');
  const response = await fetch(`${address}/${what}`);
  if (!response.ok) throw new Error(await response.text());
  const answer: Answers[What] = JSON.parse(await response.text());
  return answer;
}
