import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { newId } from '@sluice/kernel';
import { DatabaseModule, ServiceDatabase } from '@sluice/platform-database';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import { ChannelDirectory } from './channel-directory.js';

let stores: TestDatabase;
let app: INestApplicationContext;
let directory: ChannelDirectory;
let queries = 0;
beforeAll(async () => {
  stores = await testDatabase();
  const service = DatabaseModule.forRoot(ServiceDatabase, { app: 'test', config: { url: stores.commandUrl, poolSize: 4 } });
  app = await NestFactory.createApplicationContext(service, { logger: false });
  const database = app.get(ServiceDatabase);
  database.pool.on('acquire', () => (queries += 1));
  directory = new ChannelDirectory(database, { keys: [{ id: 'k1', key: randomBytes(32) }] }, 'https://hooks.example.com');
});
afterAll(async () => {
  await directory.beforeApplicationShutdown();
  await app.close();
  await stores.drop();
});

const counted = async (work: () => Promise<unknown>): Promise<number> => {
  const before = queries;
  await work();
  return queries - before;
};
const guessAll = (count: number, from: string) => Promise.all(Array.from({ length: count }, () => directory.find(newId(), from)));

it('T-12 thousands of guesses of one source cost few queries', async () => {
  await guessAll(60, '203.0.113.7');
  expect(await counted(() => guessAll(4_000, '203.0.113.7'))).toBeLessThan(20);
});

it('T-12 a guess that is made again is not asked for again', async () => {
  const id = newId();
  await directory.find(id, '203.0.113.8');
  expect(await counted(() => Promise.all(Array.from({ length: 50 }, () => directory.find(id, '203.0.113.8'))))).toBe(0);
});

it('T-12 guesses of many at the same moment are asked for once', async () => {
  const id = newId();
  const alone = await counted(() => directory.find(newId(), '203.0.113.9'));
  expect(await counted(() => Promise.all(Array.from({ length: 50 }, (_, n) => directory.find(id, `198.51.100.${n}`))))).toBe(alone);
});
