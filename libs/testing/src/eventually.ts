import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again until the answer is neither an error nor `false`, and hands it back; at the end of the time it throws the last error. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 25 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== false) return answer;
      if (Date.now() > deadline) throw new Error(`It is still not so after ${timeoutMs} ms.`);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await sleep(everyMs);
  }
}
