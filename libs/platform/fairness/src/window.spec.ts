import { mayTake, shareOut } from './window.js';

const claimant = (id: string, given: { held?: number; wanted?: number; weight?: number } = {}) => ({
  id,
  held: 0,
  wanted: 10_000,
  weight: 1,
  ...given,
});
const counted = (given: readonly string[]) =>
  Object.fromEntries([...Map.groupBy(given, (id) => id)].map(([id, places]) => [id, places.length]));

it('one alone gets four of five places; the rest is kept for whoever comes', () => {
  expect(counted(shareOut(1_000, [claimant('a')]))).toEqual({ a: 800 });
});

it('T-15: whoever holds less is served first, until all hold the same', () => {
  const given = shareOut(100, [claimant('a', { held: 50 }), claimant('b', { wanted: 3 }), claimant('c', { held: 48 })]);
  expect(given.slice(0, 5)).toEqual(['b', 'b', 'b', 'c', 'c']);
  expect(given.slice(5, 9)).toEqual(['a', 'c', 'a', 'c']);
});

it('T-15: one that holds all that it may gets nothing, and its neighbour finds room', () => {
  const [free, flooding] = [200, claimant('a', { held: 800 })];
  expect(shareOut(free, [flooding])).toEqual([]);
  expect(mayTake(0, 1, free)).toBe(true);
  expect(counted(shareOut(free, [flooding, claimant('b')]))).toEqual({ b: 160 });
});

it('shares by weight', () => {
  const given = counted(shareOut(1_000, [claimant('a', { weight: 3 }), claimant('b')]));
  expect(given['a']).toBeGreaterThan((given['b'] ?? 0) * 2.9);
  expect(given['a']).toBeLessThan((given['b'] ?? 0) * 3.1);
});

it('shares less of it to each, the more there are, and never all of it', () => {
  const many = Array.from({ length: 50 }, (_, n) => claimant(`t${n}`));
  const given = shareOut(1_000, many);
  expect(new Set(Object.values(counted(given))).size).toBeLessThanOrEqual(2);
  expect(given.length).toBeLessThan(1_000);
  expect(given.length).toBeGreaterThan(950);
});

it('gives what is wanted, and nothing of a full window', () => {
  expect(shareOut(100, [claimant('a', { wanted: 2 })])).toEqual(['a', 'a']);
  expect(shareOut(0, [claimant('a')])).toEqual([]);
  expect(shareOut(-5, [claimant('a')])).toEqual([]);
  expect(counted(shareOut(1_000, [claimant('a'), claimant('b')], 10))).toEqual({ a: 5, b: 5 });
  expect(mayTake(0, 1, 0)).toBe(false);
});
