import { isolate } from './isolate.js';

const items = Array.from({ length: 100 }, (_, index) => index);

function recorder(poison: ReadonlySet<number>, error: Error = new Error('poison')) {
  const done: number[] = [];
  const failed: (readonly number[])[] = [];
  let calls = 0;
  return {
    done,
    failed,
    calls: () => calls,
    run: () =>
      isolate(
        items,
        (some) => {
          calls += 1;
          if (some.some((item) => poison.has(item))) return Promise.reject(error);
          done.push(...some);
          return Promise.resolve();
        },
        (some) => Promise.resolve(void failed.push(some)),
      ),
  };
}

it('one that poisons is alone with it, and the other 99 are worked on, in a few steps', async () => {
  const { run, done, failed, calls } = recorder(new Set([61]));
  await run();
  expect(failed).toEqual([[61]]);
  expect(done.toSorted((a, b) => a - b)).toEqual(items.filter((item) => item !== 61));
  expect(calls()).toBeLessThanOrEqual(16);
});

it('so are several', async () => {
  const { run, done, failed } = recorder(new Set([0, 1, 99]));
  await run();
  expect(failed).toEqual([[0], [1], [99]]);
  expect(done).toHaveLength(97);
});

it('where nobody is to blame all wait together', async () => {
  const { run, failed, calls } = recorder(new Set([5]), Object.assign(new Error('gone'), { code: '57P01' }));
  await run();
  expect(failed).toEqual([items]);
  expect(calls()).toBe(1);
});

it('nothing is no work', async () => {
  let calls = 0;
  await isolate<number>(
    [],
    () => Promise.resolve(void (calls += 1)),
    () => Promise.reject(new Error('not called')),
  );
  expect(calls).toBe(0);
});
