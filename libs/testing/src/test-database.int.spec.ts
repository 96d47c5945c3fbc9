import { Redis } from 'ioredis';
import pg from 'pg';
import { testDatabase, testRedisUrl } from './test-database.js';

const query = async (url: string, sql: string) => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

it('gives each file migrated stores that no other file sees, and drops them', async () => {
  const [mine, other] = await Promise.all([testDatabase(), testDatabase()]);
  await query(mine.commandUrl, 'create table only_mine as select 1 as one');

  expect(await query(mine.commandUrl, 'select count(*)::int from sluice_command_migrations where id > 0')).not.toEqual([{ count: 0 }]);
  expect(await query(mine.queryUrl, 'select count(*)::int from sluice_query_migrations where id > 0')).not.toEqual([{ count: 0 }]);
  await expect(query(other.commandUrl, 'select from only_mine')).rejects.toThrow('does not exist');

  await mine.drop();
  await other.drop();
  await expect(query(mine.commandUrl, 'select 1')).rejects.toThrow('does not exist');
});

it('gives each file an empty Redis database', async () => {
  const url = await testRedisUrl();
  expect(await testRedisUrl()).toBe(url);
  const redis = new Redis(url);
  expect(await redis.dbsize()).toBe(0);
  await redis.quit();
});
