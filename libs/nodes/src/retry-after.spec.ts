import { parseRetryAfter } from './retry-after.js';

const now = new Date('2026-06-01T12:00:00Z');

describe('N-04 Retry-After', () => {
  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['86400', 86_400_000],
    ['Mon, 01 Jun 2026 12:05:00 GMT', 300_000],
  ])('reads seconds and dates: %s', (value, ms) => {
    expect(parseRetryAfter(value, now)).toBe(ms);
  });

  it.each([
    undefined,
    '',
    '-5',
    '1.5',
    'soon',
    '1e9',
    'Mon, 01 Jun 2020 12:05:00 GMT',
    '2026-06-01T12:05:00Z',
    'Mon, 99 Jun 2026 12:05:00 GMT',
  ])('ignores what makes no sense: %s', (value) => {
    expect(parseRetryAfter(value, now)).toBeUndefined();
  });

  it('stays a number that a timer can hold', () => {
    expect(parseRetryAfter('9'.repeat(400), now)).toBe(30 * 24 * 60 * 60 * 1000);
  });
});
