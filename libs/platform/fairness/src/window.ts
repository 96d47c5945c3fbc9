// A window of places that all tenants share. None has a fixed part: each may hold some times what is still free, by its weight. One alone
// gets most of it; the more are there, the less each has; and some is always free for whoever comes next. (Choudhury and Hahne, "Dynamic
// queue length thresholds for shared-memory packet switches", 1998.)

/** What one tenant may hold of what is free. Alone it comes to 4 of 5 places; two come to 4 of 9 each. */
const timesFree = 4;

/** A tenant that holds `held` places of a window may take one more. */
export const mayTake = (held: number, weight: number, free: number): boolean => free > 0 && held < timesFree * weight * free;

export interface Claimant {
  readonly id: string;
  readonly weight: number;
  readonly held: number;
  /** How many places it could use */
  readonly wanted: number;
}

/**
 * Gives places away, one at a time, each to the claimant that holds the least for its weight; `placesMax` of them at most. Answers who got
 * one, in that order: the order in which claimants take turns.
 */
export function shareOut(free: number, claimants: readonly Claimant[], placesMax = free): string[] {
  const left = claimants.map((claimant) => ({ ...claimant }));
  const given: string[] = [];
  while (given.length < placesMax) {
    let next: (typeof left)[number] | undefined;
    for (const one of left) {
      if (one.wanted === 0 || !mayTake(one.held, one.weight, free - given.length)) continue;
      if (next === undefined || one.held / one.weight < next.held / next.weight) next = one;
    }
    if (next === undefined) return given;
    next.held += 1;
    next.wanted -= 1;
    given.push(next.id);
  }
  return given;
}
