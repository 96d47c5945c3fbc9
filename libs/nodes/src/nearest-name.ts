/** The name that was probably meant: one that a slip or two away from `name` is. */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(Math.min(name.length, 24) / 3)) + 1;
  for (const candidate of names) {
    const distance = slipsBetween(name.toLowerCase(), candidate.toLowerCase(), least);
    if (distance >= least) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}

/** ` Did you mean "trigger"?`, or nothing. */
export function didYouMean(name: string, names: Iterable<string>): string {
  const nearest = nearestName(name, names);
  return nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
}

/** Characters to insert, remove, exchange or swap with their neighbour; `bound` if there are as many or more. */
function slipsBetween(left: string, right: string, bound: number): number {
  if (Math.abs(left.length - right.length) >= bound) return bound;
  let twoBack: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const present = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const differ = left[row - 1] === right[column - 1] ? 0 : 1;
      let slips = Math.min((last[column] ?? bound) + 1, (present[column - 1] ?? bound) + 1, (last[column - 1] ?? bound) + differ);
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) slips = Math.min(slips, (twoBack[column - 2] ?? bound) + 1);
      present.push(slips);
    }
    if (Math.min(...present) >= bound) return bound;
    [twoBack, last] = [last, present];
  }
  return last[right.length] ?? bound;
}
