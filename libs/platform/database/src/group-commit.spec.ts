import { GroupCommit, type GroupCommitOptions, Overloaded } from './group-commit.js';

const options = (flush: GroupCommitOptions<number, number>['flush'], more: Partial<GroupCommitOptions<number, number>> = {}) => ({
  flush,
  isBadData: (error: unknown) => error instanceof SyntaxError,
  weightOf: () => 1,
  laneOf: () => 'a',
  itemsMax: 100,
  weightMax: 1_000,
  inFlightMax: 1,
  waitingWeightMax: 1_000,
  budgetMs: 1_000,
  ...more,
});

describe('GroupCommit', () => {
  it('writes what arrives while a group is being written as the next group', async () => {
    const groups: number[][] = [];
    const first = Promise.withResolvers<void>();
    const commit = new GroupCommit(
      options(async (items) => {
        groups.push([...items]);
        if (groups.length === 1) await first.promise;
        return items.map((item) => item * 10);
      }),
    );
    const one = commit.add(1);
    await new Promise((resolve) => setImmediate(resolve));
    const rest = Promise.all([commit.add(2), commit.add(3)]);
    first.resolve();
    await expect(one).resolves.toBe(10);
    await expect(rest).resolves.toEqual([20, 30]);
    expect(groups).toEqual([[1], [2, 3]]);
  });

  it('F-05: a bad item is refused alone, its neighbours are written', async () => {
    const commit = new GroupCommit(
      options(async (items) => {
        if (items.includes(3)) throw new SyntaxError('three');
        return items;
      }),
    );
    const results = await Promise.allSettled([1, 2, 3, 4, 5].map((item) => commit.add(item)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  });

  it('refuses the whole group when nobody knows what was written', async () => {
    let flushes = 0;
    const commit = new GroupCommit(
      options(async () => {
        flushes += 1;
        throw new Error('connection lost');
      }),
    );
    const results = await Promise.allSettled([commit.add(1), commit.add(2)]);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(flushes).toBe(1);
  });

  it('T-15: takes from all lanes in turn, so that nobody waits behind a flood', async () => {
    const groups: number[][] = [];
    const first = Promise.withResolvers<void>();
    const commit = new GroupCommit(
      options(
        async (items) => {
          groups.push([...items]);
          if (groups.length === 1) await first.promise;
          return items;
        },
        { itemsMax: 4, laneOf: (item) => (item < 100 ? 'flood' : `quiet ${item % 2}`) },
      ),
    );
    const flood = Array.from({ length: 9 }, (_, n) => commit.add(n));
    await new Promise((resolve) => setImmediate(resolve));
    const quiet = [commit.add(100), commit.add(101)];
    first.resolve();
    await Promise.all([...flood, ...quiet]);
    expect(groups).toEqual([
      [0, 1, 2, 3],
      [4, 100, 101, 5],
      [6, 7, 8],
    ]);
  });

  it('T-15: others are written beside the group of a flood, which itself waits for it', async () => {
    const groups: number[][] = [];
    const first = Promise.withResolvers<void>();
    const commit = new GroupCommit(
      options(
        async (items) => {
          groups.push([...items]);
          if (groups.length === 1) await first.promise;
          return items;
        },
        { inFlightMax: 2, itemsMax: 2, laneOf: (item) => (item < 100 ? 'flood' : 'quiet') },
      ),
    );
    const flood = [0, 1, 2].map((item) => commit.add(item));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await commit.add(100)).toBe(100);
    expect(groups).toEqual([[0, 1], [100]]);
    first.resolve();
    await Promise.all(flood);
    expect(groups).toEqual([[0, 1], [100], [2]]);
  });

  it('T-15: a lane that fills what may wait leaves room for others', async () => {
    const never = Promise.withResolvers<number[]>();
    const commit = new GroupCommit(
      options(() => never.promise, { waitingWeightMax: 10, itemsMax: 1, laneOf: (item) => (item < 100 ? 'flood' : 'quiet') }),
    );
    const settled = Promise.allSettled(
      Array.from({ length: 12 }, async (_, n) => {
        const written = commit.add(n);
        if (n === 0) await new Promise((resolve) => setImmediate(resolve));
        return written;
      }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    const quiet = commit.add(100);
    quiet.catch(() => {});
    never.reject(new Error('the end'));
    const refused = (await settled).filter((one) => one.status === 'rejected' && one.reason instanceof Overloaded).length;
    expect(refused).toBeGreaterThan(0);
    await expect(quiet).rejects.toThrow('the end');
  });

  it('refuses newcomers beyond what may wait, and what waited past its budget', async () => {
    const never = Promise.withResolvers<number[]>();
    const commit = new GroupCommit(options(() => never.promise, { waitingWeightMax: 1, budgetMs: 20 }));
    const written = commit.add(1);
    await new Promise((resolve) => setImmediate(resolve));
    const late = commit.add(2);
    await expect(commit.add(3)).rejects.toThrow(Overloaded);
    await expect(late).rejects.toThrow(Overloaded);
    never.resolve([1]);
    await expect(written).resolves.toBe(1);
    await commit.drain();
  });
});
