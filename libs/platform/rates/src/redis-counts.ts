import { randomUUID } from 'node:crypto';
import { connectRedis, type RedisClient } from '@sluice/platform-redis';
import type { CountExchange, OthersCount, OwnCount } from './rates.js';

const deadlineMs = 500;

/**
 * KEYS: for each count the hash of its window and that of the window before. ARGV: this process, then for each count its own and the life of
 * the hash. A hash has a field for each process, which only that one writes: a command that is sent again counts nothing twice, and one
 * exchange after a FLUSHALL everything is there again.
 */
const script = `
local answer = {}
local function others(key)
  local sum = 0
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do if fields[i] ~= ARGV[1] then sum = sum + tonumber(fields[i + 1]) end end
  return sum
end
for i = 1, #KEYS, 2 do
  redis.call('HSET', KEYS[i], ARGV[1], ARGV[i + 1])
  redis.call('PEXPIRE', KEYS[i], ARGV[i + 2])
  answer[i] = others(KEYS[i])
  answer[i + 1] = others(KEYS[i + 1])
end
return answer`;

/** What each process counted, in Redis. A connection of its own: whatever holds up another one holds up no counts. */
export class RedisCounts implements CountExchange {
  private readonly process = randomUUID();
  private readonly redis: RedisClient;

  constructor(redisUrl: string) {
    this.redis = connectRedis(redisUrl, { commandTimeoutMs: deadlineMs });
  }

  async exchange(counts: readonly OwnCount[]): Promise<readonly OthersCount[]> {
    const keys = counts.flatMap(({ key, window }) => [keyOf(key, window), keyOf(key, window - 1)]);
    const values = counts.flatMap(({ own, perMs }) => [own, 2 * perMs]);
    const sums = await this.redis.eval(script, keys.length, ...keys, this.process, ...values).catch((error: unknown) => {
      // What never came back may come yet, and would be taken for the answer to the next command.
      if (this.redis.status === 'ready') this.redis.disconnect(true);
      throw error;
    });
    if (!Array.isArray(sums) || sums.length !== keys.length) throw new TypeError('counts of another shape');
    return counts.map((_, index) => ({ now: Number(sums[2 * index]), before: Number(sums[2 * index + 1]) }));
  }

  close(): void {
    this.redis.disconnect();
  }
}

/** Hash-tagged like the queue's: one command may name many. */
const keyOf = (key: string, window: number): string => `{sluice}:rates:${key}:${window}`;
