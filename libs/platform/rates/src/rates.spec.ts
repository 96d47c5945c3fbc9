import { eventually } from '@sluice/testing';
import { type CountExchange, type Limit, type OwnCount, Rates } from './rates.js';

const limit: Limit = { name: 'deliveries', max: 10, perMs: 60_000 };
const start = 60_000 * 1_000;

const times = (count: number, rates: Rates, of = 'a') => Array.from({ length: count }, () => rates.take(limit, of));
const granted = (taken: ReturnType<typeof times>) => taken.filter((refusal) => refusal === undefined).length;

it('grants what there is, and says when there is more', () => {
  let now = start;
  const rates = new Rates(() => now);
  expect(granted(times(10, rates))).toBe(10);
  const [refusal] = times(1, rates);
  expect(refusal).toEqual({ retryAfterMs: 66_000, isFirst: true });
  now += 66_000;
  expect(granted(times(2, rates))).toBe(1);
});

it('keeps no counts of what it refused, and tells the first of a window from the others', () => {
  let now = start;
  const rates = new Rates(() => now);
  times(10, rates);
  expect(times(1_000, rates).filter((refusal) => refusal?.isFirst)).toHaveLength(1);
  now += 2 * limit.perMs;
  expect(granted(times(20, rates))).toBe(10);
  expect(times(5, rates).every((refusal) => refusal?.isFirst === false)).toBe(true);
});

it('gives back what came to nothing', () => {
  const rates = new Rates(() => start);
  times(10, rates);
  rates.giveBack(limit, 'a');
  expect(granted(times(5, rates))).toBe(1);
});

it('counts each for itself', () => {
  const rates = new Rates(() => start);
  times(10, rates, 'a');
  expect(granted(times(10, rates, 'b'))).toBe(10);
});

it('keeps a bounded number of them, and forgets first who was not seen for longest', () => {
  const rates = new Rates(() => start, undefined, 2);
  times(10, rates, 'a');
  times(10, rates, 'b');
  times(1, rates, 'c');
  expect([granted(times(10, rates, 'b')), granted(times(10, rates, 'a'))]).toEqual([0, 10]);
});

/** What two processes know of each other, handed over when the test says so. */
function inMemory() {
  const told: { counts: readonly OwnCount[]; answer(others: { now: number; before: number }): void; fail(): void }[] = [];
  const exchange: CountExchange = {
    exchange: (counts) =>
      new Promise((resolve, reject) => {
        told.push({
          counts,
          answer: (others) => resolve(counts.map(() => others)),
          fail: () => reject(new Error('Redis is away')),
        });
      }),
    close: () => {},
  };
  return { told, exchange };
}

describe('with others', () => {
  it('counts what they counted, and tells all of its own', async () => {
    const { told, exchange } = inMemory();
    const rates = new Rates(() => start, exchange);
    times(3, rates);
    await eventually(() => told.length === 1);
    expect(told[0]?.counts).toEqual([{ key: 'deliveries/a', window: 1_000, perMs: 60_000, own: 3 }]);
    told[0]?.answer({ now: 5, before: 0 });
    await Promise.resolve();
    expect(granted(times(10, rates))).toBe(2);
    await eventually(() => told.length === 2);
    expect(told[1]?.counts[0]?.own).toBe(5);
  });

  it('T-14 goes on by its own counts while nobody answers, and tells them later', async () => {
    const { told, exchange } = inMemory();
    let now = start;
    const rates = new Rates(() => now, exchange);
    expect(granted(times(20, rates))).toBe(10);
    await eventually(() => told.length === 1);
    told[0]?.fail();
    await eventually(() => told.length === 2);
    expect(told[1]?.counts[0]?.own).toBe(10);
    now += 2 * limit.perMs;
    expect(granted(times(20, rates))).toBe(10);
  });
});
