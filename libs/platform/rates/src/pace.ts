/** So many within any stretch of this length, evenly. */
export interface Budget {
  readonly key: string;
  readonly calls: number;
  readonly perMs: number;
}

/** `taken`: it is ours, and may be used after so long. Otherwise nothing was taken, and it is asked for again after so long. */
export interface Paced {
  readonly taken: boolean;
  readonly waitMs: number;
}

/** What is known of a budget; a moment that lies in the past says nothing. */
interface PaceState {
  /** When all that was taken would have come one by one */
  readonly free: number;
  /** When the last of those that were sent away was told to come back */
  readonly line: number;
}

const statesMax = 10_000;

/** By budget. So many are kept: what was used longest ago says the least. */
export class PaceStates {
  private readonly states = new Map<string, PaceState>();

  get(key: string): PaceState | undefined {
    return this.states.get(key);
  }

  set(key: string, state: PaceState): void {
    this.states.delete(key);
    this.states.set(key, state);
    const [longestUnused] = this.states.keys();
    if (this.states.size > statesMax && longestUnused !== undefined) this.states.delete(longestUnused);
  }
}

/** So far ahead they are told to come back at most: some of those who wait may be gone by then. */
export const lineMsMax = 300_000;

/** After a pause some come at once; the others are so far apart that never more than `calls` come within `perMs`. */
export const burstOf = ({ calls }: Budget): number => Math.max(1, Math.floor(calls / 10));
export const intervalOf = (budget: Budget): number => budget.perMs / (Math.max(1, budget.calls) - burstOf(budget) + 1);

/**
 * Takes one from each budget, or from none. Whoever may go within `waitMsMax` has their place: nobody goes before them. Whoever may not is told
 * to come back behind those that were sent away before, so that they come one by one, and not all at once for each that becomes free. The
 * script of RedisPaces is the same rule.
 */
export function pace(states: PaceStates, budgets: readonly Budget[], nowMs: number, waitMsMax: number): Paced {
  const all = budgets.map((budget) => {
    const { free = 0, line = 0 } = states.get(budget.key) ?? {};
    const [interval, from] = [intervalOf(budget), Math.max(free, nowMs)];
    const early = (burstOf(budget) - 1) * interval;
    return { budget, interval, early, free: from, line, waitMs: Math.max(0, from - early - nowMs) };
  });
  const slowest = all.reduce<(typeof all)[number] | undefined>((most, one) => (one.waitMs > (most?.waitMs ?? 0) ? one : most), undefined);
  if (slowest === undefined || slowest.waitMs <= waitMsMax) {
    for (const { budget, free, line, interval } of all) states.set(budget.key, { free: free + interval, line });
    return { taken: true, waitMs: slowest?.waitMs ?? 0 };
  }
  const { budget, interval, early, free } = slowest;
  const line = Math.min(Math.max(slowest.line, free) + interval, Math.max(free, nowMs + lineMsMax));
  states.set(budget.key, { free, line });
  return { taken: false, waitMs: line - early - nowMs };
}

/** Whose turn it is among so many, from 0 */
export interface Turn {
  readonly index: number;
  readonly of: number;
}

const turnMs = 1_000;

/**
 * When one that can ask nobody may send next: time is cut into as many slots as there are calls, and all who send count the same ones and take
 * turns of a second, or of one slot. So together they keep the budget without a word. `last`: the slot that was taken last.
 */
export function nextSlot(
  { calls, perMs }: Budget,
  nowMs: number,
  last: number,
  { index, of }: Turn,
): { readonly slot: number; readonly atMs: number } {
  const interval = perMs / Math.max(1, calls);
  const slotsOfTurn = Math.max(1, Math.floor(turnMs / interval));
  const next = Math.max(Math.ceil(nowMs / interval), last + 1);
  const turn = Math.floor(next / slotsOfTurn);
  const untilOurs = (index - (turn % of) + of) % of;
  const slot = untilOurs === 0 ? next : (turn + untilOurs) * slotsOfTurn;
  return { slot, atMs: slot * interval };
}
