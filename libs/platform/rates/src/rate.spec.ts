import { type Counts, type Rate, waitMs, weighed, windowAt } from './rate.js';

const rate: Rate = { max: 60, perMs: 60_000 };
const start = 60_000 * 1_000;
const counts = (before: number, now: number): Counts => ({ window: 1_000, before, now });

it('numbers windows from the epoch', () => {
  expect(windowAt(start, rate)).toBe(1_000);
  expect(windowAt(start + 59_999, rate)).toBe(1_000);
});

it('lets the window before fade', () => {
  expect(weighed(counts(60, 0), start, rate)).toBeCloseTo(60);
  expect(weighed(counts(60, 0), start + 30_000, rate)).toBeCloseTo(30);
  expect(weighed(counts(60, 10), start + 45_000, rate)).toBeCloseTo(25);
});

it('T-13 a burst at the edge of two windows is one burst', () => {
  expect(waitMs(counts(0, 59), start + 59_999, rate)).toBe(0);
  expect(waitMs(counts(60, 0), start + 1, rate)).toBeGreaterThan(0);
});

it.each([
  [60, 0, 0],
  [60, 30, 10_000],
  [0, 60, 20_000],
  [7, 60, 59_000],
  [200, 59, 0],
])('after %d and %d, at %d ms, there is room when the wait is over, and none before', (before, now, ms) => {
  const wait = waitMs(counts(before, now), start + ms, rate);
  const at = start + ms + wait;
  const later: Counts = windowAt(at, rate) === 1_000 ? counts(before, now) : { window: 1_001, before: now, now: 0 };
  expect(wait).toBeGreaterThan(0);
  expect(waitMs(later, at, rate)).toBe(0);
  const early: Counts = windowAt(at - 2, rate) === 1_000 ? counts(before, now) : { window: 1_001, before: now, now: 0 };
  expect(waitMs(early, at - 2, rate)).toBeGreaterThan(0);
});

it('a rate of nothing never has room', () => {
  expect(waitMs(counts(0, 0), start, { max: 0, perMs: 60_000 })).toBe(60_000);
});
