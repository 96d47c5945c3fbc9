import { createHash } from 'node:crypto';
import { connectRedis, type RedisClient } from '@sluice/platform-redis';
import { type Budget, burstOf, intervalOf, lineMsMax, type Paced } from './pace.js';

/** After so long without an answer the connection is made anew. Nobody waits for that: see Paces. */
const deadlineMs = 500;

/**
 * The rule `pace`, in microseconds of Redis' own clock, which is everybody's. KEYS: a hash for each budget. ARGV: for how long may be waited, how
 * long the line is at most, then for each budget its interval, and how much earlier than one by one it may be used. A hash lives as long as it
 * says anything.
 */
const script = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait, slowest = 0, 0
local free, line, interval, early = {}, {}, {}, {}
local function keep(i)
  redis.call('HSET', KEYS[i], 'free', string.format('%.0f', free[i]), 'line', string.format('%.0f', line[i]))
  redis.call('PEXPIRE', KEYS[i], math.ceil((math.max(free[i], line[i]) - now) / 1000) + 1)
end
for i = 1, #KEYS do
  local known = redis.call('HMGET', KEYS[i], 'free', 'line')
  interval[i] = tonumber(ARGV[2 * i + 1])
  early[i] = tonumber(ARGV[2 * i + 2])
  free[i] = math.max(tonumber(known[1] or '0'), now)
  line[i] = tonumber(known[2] or '0')
  if free[i] - early[i] - now > wait then wait, slowest = free[i] - early[i] - now, i end
end
if wait <= tonumber(ARGV[1]) then
  for i = 1, #KEYS do
    free[i] = free[i] + interval[i]
    keep(i)
  end
  return {1, wait}
end
line[slowest] = math.min(math.max(line[slowest], free[slowest]) + interval[slowest], math.max(free[slowest], now + tonumber(ARGV[2])))
keep(slowest)
return {0, line[slowest] - early[slowest] - now}`;

/** The budgets that all processes share, in Redis. A connection of its own: whatever holds up another one holds up no call. */
export class RedisPaces {
  private readonly redis: RedisClient;

  constructor(redisUrl: string) {
    this.redis = connectRedis(redisUrl, { commandTimeoutMs: deadlineMs });
  }

  async ask(account: string, budgets: readonly Budget[], waitMsMax: number): Promise<Paced> {
    const keys = budgets.map(({ key }) => keyOf(account, key));
    const values = budgets.flatMap((budget) => [intervalOf(budget) * 1_000, (burstOf(budget) - 1) * intervalOf(budget) * 1_000]);
    const answer = await this.redis
      .eval(script, keys.length, ...keys, Math.floor(waitMsMax * 1_000), lineMsMax * 1_000, ...values)
      .catch((error: unknown) => {
        // What never came back may come yet, and would be taken for the answer to the next command.
        if (this.redis.status === 'ready') this.redis.disconnect(true);
        throw error;
      });
    if (!Array.isArray(answer) || answer.length !== 2) throw new TypeError('a pace of another shape');
    return { taken: answer[0] === 1, waitMs: Number(answer[1]) / 1_000 };
  }

  close(): void {
    this.redis.disconnect();
  }
}

/** Of an account all in one slot of a cluster: one command may name many. Digests: a budget's key may hold a customer's phone number. */
const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22);
const keyOf = (account: string, key: string): string => `{sluice:pace:${digest(account)}}:${digest(key)}`;
