import type { EffectivePolicy } from './compile-graph.js';

/** A target may ask for an hour even where the author allowed less: knocking earlier is what it just refused. */
const RETRY_AFTER_CEILING_MS = 3_600_000;

/**
 * Milliseconds between a failed attempt and the next: the backoff, spread over its whole length (full jitter). `Retry-After` is
 * a lower bound that jitter does not cut, up to an hour or `maxDelayMs`, whichever is more; beyond that we try all the same.
 * @param random in [0, 1)
 */
export function retryDelayMs(retry: EffectivePolicy['retry'], failedAttempt: number, retryAfterMs: number, random: number): number {
  const growth = retry.backoff === 'exponential' ? 2 ** (failedAttempt - 1) : 1;
  const backoffMs = Math.min(retry.delayMs * growth, retry.maxDelayMs);
  const askedMs = Math.min(retryAfterMs, Math.max(retry.maxDelayMs, RETRY_AFTER_CEILING_MS));
  return Math.round(Math.max(retry.jitter ? backoffMs * random : backoffMs, askedMs));
}
