import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';

/** Every row of every table of a store, as text: what is there in bytes is in hex. */
export async function dumpStore(url: string): Promise<string> {
  const db = new pg.Client({ connectionString: url });
  await db.connect();
  try {
    const { rows: tables } = await db.query<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition`,
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await db.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      texts.push(name, ...rows.map(({ row }) => row));
    }
    return texts.join('\n');
  } finally {
    await db.end();
  }
}

/** Every key of a Redis with its value, of whatever type. */
export async function dumpRedis(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    const valueOf: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
      string: (key) => redis.get(key),
      hash: (key) => redis.hgetall(key),
      list: (key) => redis.lrange(key, 0, -1),
      set: (key) => redis.smembers(key),
      zset: (key) => redis.zrange(key, 0, -1, 'WITHSCORES'),
      stream: (key) => redis.xrange(key, '-', '+'),
    };
    const texts: string[] = [];
    for (const key of await redis.keys('*')) {
      const type = await redis.type(key);
      // It may have ended since.
      if (type === 'none') continue;
      const value = valueOf[type];
      if (value === undefined) throw new Error(`${key} is of a type that is not looked through: ${type}`);
      texts.push(`${type} ${key} ${JSON.stringify(await value(key))}`);
    }
    return texts.join('\n');
  } finally {
    redis.disconnect();
  }
}

/** The files below a folder in which the bytes of a text stand. */
export function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => readFileSync(file).includes(text));
}
