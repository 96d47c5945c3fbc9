/** So many within any stretch of this length, whoever looks when. */
export interface Rate {
  readonly max: number;
  readonly perMs: number;
}

/** What was counted in a window, and in the one before. Windows are numbered from the epoch: every process means the same one. */
export interface Counts {
  readonly window: number;
  readonly before: number;
  readonly now: number;
}

export const windowAt = (atMs: number, { perMs }: Rate): number => Math.floor(atMs / perMs);

/** Of the window, at this moment */
const restMs = (window: number, atMs: number, { perMs }: Rate): number => (window + 1) * perMs - atMs;

/**
 * What counts at this moment: this window, and of the one before the part that a stretch of this length still reaches back to, as if it had
 * come evenly. So a burst at the edge of two windows is one burst.
 */
export const weighed = ({ window, before, now }: Counts, atMs: number, rate: Rate): number =>
  now + (before * restMs(window, atMs, rate)) / rate.perMs;

/** 0: there is room for one more. Otherwise how long it takes until there is, if nothing else comes. */
export function waitMs(counts: Counts, atMs: number, rate: Rate): number {
  const { window, before, now } = counts;
  const { max, perMs } = rate;
  if (max <= 0) return perMs;
  if (weighed(counts, atMs, rate) <= max - 1) return 0;
  // Within this window only what came before fades; what came in it fades in the next.
  const rest = restMs(window, atMs, rate);
  return now <= max - 1 ? rest - Math.floor(((max - 1 - now) * perMs) / before) : rest + perMs - Math.floor(((max - 1) * perMs) / now);
}
