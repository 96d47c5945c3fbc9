import fc from 'fast-check';
import { type Budget, lineMsMax, nextSlot, pace, PaceStates } from './pace.js';

const budget = (calls: number, perMs: number, key = 'account'): Budget => ({ key, calls, perMs });

/** The most that came within any stretch of this length */
const mostWithin = (times: readonly number[], perMs: number): number => {
  const sorted = times.toSorted((a, b) => a - b);
  let [most, first] = [0, 0];
  for (const [index, at] of sorted.entries()) {
    // The last part of a microsecond is lost in the numbers.
    while (at - (sorted[first] ?? at) >= perMs - 0.001) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
};

/** So many ask at each of these moments; when those go that may. */
function goingAt(asked: readonly { afterMs: number; count: number }[], one: Budget, waitMsMax: number): number[] {
  const states = new PaceStates();
  let now = 1_000_000;
  return asked.flatMap(({ afterMs, count }) => {
    now += afterMs;
    return Array.from({ length: count }, () => pace(states, [one], now, waitMsMax)).flatMap(({ taken, waitMs }) =>
      taken ? [now + waitMs] : [],
    );
  });
}

const budgets = fc.record({ calls: fc.integer({ min: 1, max: 120 }), perMs: fc.integer({ min: 100, max: 60_000 }) });
const asks = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 5_000 }), count: fc.integer({ min: 1, max: 150 }) }), {
  minLength: 1,
  maxLength: 20,
});

it('T-13 never lets more go within any stretch than the budget says, however they come', () => {
  fc.assert(
    fc.property(budgets, asks, fc.integer({ min: 0, max: 3_000 }), ({ calls, perMs }, asked, waitMsMax) => {
      const times = goingAt(asked, budget(calls, perMs), waitMsMax);
      expect(mostWithin(times, perMs)).toBeLessThanOrEqual(calls);
    }),
    { numRuns: 100 },
  );
});

it('lets a tenth go at once after a pause, and the rest one by one', () => {
  const times = goingAt([{ afterMs: 0, count: 200 }], budget(80, 1_000), 1_000);
  const [first = 0] = times;
  expect(times.filter((at) => at - first < 1)).toHaveLength(8);
  expect(times.at(8)).toBeCloseTo(first + 1_000 / 73);
  expect(mostWithin(times, 1_000)).toBe(80);
});

it('of a budget of one, the next goes when the time is over', () => {
  const states = new PaceStates();
  const pair = budget(1, 6_000);
  expect(pace(states, [pair], 0, 1_000)).toEqual({ taken: true, waitMs: 0 });
  expect(pace(states, [pair], 5_200, 1_000)).toEqual({ taken: true, waitMs: 800 });
  expect(pace(states, [pair], 6_000, 1_000)).toMatchObject({ taken: false });
});

it('tells those that must wait longer to come one after the other, not all at once, and not in more than five minutes', () => {
  const states = new PaceStates();
  const slow = budget(10, 10_000);
  while (pace(states, [slow], 0, 1_000).taken);
  const waits = Array.from({ length: 1_000 }, () => pace(states, [slow], 0, 1_000).waitMs);
  for (const [index, waitMs] of waits.slice(0, 100).entries()) expect(waitMs).toBeCloseTo((waits[0] ?? 0) + index * 1_000);
  expect(Math.max(...waits)).toBe(lineMsMax);
  // Whoever comes back finds room.
  expect(pace(states, [slow], waits[0] ?? 0, 1_000).taken).toBe(true);
});

it('takes from all budgets or from none', () => {
  const states = new PaceStates();
  const [account, customer] = [budget(10, 1_000), budget(1, 60_000, 'to/9001')];
  expect(pace(states, [account, customer], 0, 0).taken).toBe(true);
  for (let asked = 0; asked < 50; asked += 1) expect(pace(states, [account, customer], 0, 0).taken).toBe(false);
  expect(pace(states, [account], 100, 0)).toEqual({ taken: true, waitMs: 0 });
});

describe('turns, of processes that cannot ask each other', () => {
  it('T-14 keep the budget together, whatever each of them is asked for', () => {
    const all = fc.record({ budget: budgets, of: fc.integer({ min: 1, max: 7 }), asked: asks });
    fc.assert(
      fc.property(all, ({ budget: { calls, perMs }, of, asked }) => {
        const one = budget(calls, perMs);
        const times = Array.from({ length: of }, (_, index) => {
          let [now, last] = [1_000_000, -1];
          return asked.flatMap(({ afterMs, count }) => {
            now += afterMs;
            return Array.from({ length: Math.min(count, 40) }, () => {
              const { slot, atMs } = nextSlot(one, now, last, { index, of });
              last = slot;
              return atMs;
            });
          });
        }).flat();
        expect(new Set(times).size).toBe(times.length);
        expect(mostWithin(times, perMs)).toBeLessThanOrEqual(calls);
      }),
      { numRuns: 100 },
    );
  });

  it('come round within seconds', () => {
    for (const now of [0, 400, 999, 1_000, 2_500, 7_001]) {
      const { atMs } = nextSlot(budget(80, 1_000), now, -1, { index: 1, of: 3 });
      expect(Math.floor(atMs / 1_000) % 3).toBe(1);
      expect(atMs - now).toBeLessThanOrEqual(2_000);
    }
  });
});
