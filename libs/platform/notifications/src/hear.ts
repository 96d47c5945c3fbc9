import { Counter } from 'prom-client';
import { isObservable, lastValueFrom } from 'rxjs';

/** A handler that has not ended by then is counted as stuck. It goes on: nobody waits for it. */
const patienceMs = 30_000;

const failuresTotal = new Counter({
  name: 'sluice_notification_failures_total',
  help: 'Notifications that a handler of this process failed to handle, or did not come to an end with',
  labelNames: ['pattern', 'how'] as const,
});

type Handler = (data: unknown, context: unknown) => unknown;

/**
 * Has one notification handled, whatever its handlers do: throw at once, reject later, never resolve. It never rejects, and what failed is
 * counted and logged. Notifications are hints, so nothing is lost by it.
 */
export async function hear(
  pattern: string,
  handler: Handler,
  data: unknown,
  context: unknown,
  log: (message: string) => void,
  stuckAfterMs = patienceMs,
): Promise<void> {
  const failed = (how: 'failed' | 'stuck', why: string): void => {
    failuresTotal.inc({ pattern, how });
    log(`A handler of ${pattern} ${why}.`);
  };
  const stuck = setTimeout(() => failed('stuck', `has not ended within ${stuckAfterMs} ms`), stuckAfterMs).unref();
  try {
    const result = await handler(data, context);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  } catch (error) {
    failed('failed', `failed: ${reasonOf(error)}`);
  } finally {
    clearTimeout(stuck);
  }
}

/** What a handler threw comes through Nest's filter as `{status, message}`; the filter has logged the error itself. */
const reasonOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
