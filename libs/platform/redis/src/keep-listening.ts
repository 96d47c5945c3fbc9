import type { RedisClient } from './connect-redis.js';

const askEveryMs = 5_000;
const answerMsMax = 6_000;

/**
 * A connection that only listens owes no answer and never notices that it went deaf: so it asks for its channels again and again, which
 * changes nothing and must be answered. Ends with the connection.
 */
export function keepListening(client: RedisClient, channels: readonly string[]): void {
  if (channels.length === 0) return;
  let isAsking = false;
  const timer = setInterval(() => {
    if (isAsking || client.status !== 'ready') return;
    isAsking = true;
    const late = setTimeout(() => client.disconnect(true), answerMsMax).unref();
    client
      .subscribe(...channels)
      .catch(() => {})
      .finally(() => {
        clearTimeout(late);
        isAsking = false;
      });
  }, askEveryMs).unref();
  client.on('end', () => clearInterval(timer));
}
