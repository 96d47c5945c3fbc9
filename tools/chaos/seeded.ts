import type { Random } from '@sluice/testing';

export { type Random, seeded } from '@sluice/testing';

export const pick = <T>(random: Random, from: readonly T[]): T => {
  const found = from[Math.floor(random() * from.length)];
  if (found === undefined) throw new RangeError('there is nothing to pick from');
  return found;
};

export const between = (random: Random, low: number, high: number): number => low + random() * (high - low);
