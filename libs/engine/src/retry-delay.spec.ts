import { retryDelayMs } from './retry-delay.js';

const steady = { maxAttempts: 9, backoff: 'exponential', delayMs: 5_000, maxDelayMs: 300_000, jitter: false } as const;
const hour = 3_600_000;

describe('The delay before a retry', () => {
  it('doubles with each attempt, up to its cap', () =>
    expect([1, 2, 3, 7, 2_000].map((attempt) => retryDelayMs(steady, attempt, 0, 0.5))).toEqual([5_000, 10_000, 20_000, 300_000, 300_000]));

  it('stays the same if it is fixed', () => expect(retryDelayMs({ ...steady, backoff: 'fixed' }, 7, 0, 0.5)).toBe(5_000));

  it('is spread over its whole length', () =>
    expect([0, 0.25, 0.999].map((random) => retryDelayMs({ ...steady, jitter: true }, 2, 0, random))).toEqual([0, 2_500, 9_990]));

  it('is never shorter than what the target asked for, nor longer for it than an hour or the cap', () => {
    expect(retryDelayMs({ ...steady, jitter: true }, 1, 600_000, 0)).toBe(600_000);
    expect(retryDelayMs(steady, 1, 2 * hour, 0)).toBe(hour);
    expect(retryDelayMs({ ...steady, maxDelayMs: 3 * hour }, 1, 2 * hour, 0)).toBe(2 * hour);
    expect(retryDelayMs(steady, 3, 1_000, 0)).toBe(20_000);
  });
});
