/**
 * Where in a run a node runs. `''` is the run itself; the body of a loop runs in a frame of its own for each item, named after the loop and
 * the item's place: `orders:3`, and in a loop within it `orders:3/lines:0`. Ids of nodes have neither `:` nor `/`.
 */
export type Iteration = string;

/** Key of a node's run: its id, within a loop behind the frame: `orders:3/reply`. An item's own run is its loop's in the item's frame. */
export const keyOf = (nodeId: string, iteration: Iteration = ''): string => (iteration === '' ? nodeId : `${iteration}/${nodeId}`);

export const frameOfItem = (loopId: string, index: number, iteration: Iteration): Iteration => keyOf(`${loopId}:${index}`, iteration);

export interface Frame {
  readonly loopId: string;
  readonly index: number;
  /** The frame that the loop runs in */
  readonly outer: Iteration;
}

/** undefined: the run itself */
export function frameOf(iteration: Iteration): Frame | undefined {
  if (iteration === '') return undefined;
  const cut = iteration.lastIndexOf('/');
  const [loopId = '', index] = iteration.slice(cut + 1).split(':');
  return { loopId, index: Number(index), outer: cut === -1 ? '' : iteration.slice(0, cut) };
}

/** The frame itself and all around it, from the run inwards. */
export function framesAround(iteration: Iteration): Iteration[] {
  const frame = frameOf(iteration);
  return frame === undefined ? [''] : [...framesAround(frame.outer), iteration];
}

export function placeOf(key: string): { readonly nodeId: string; readonly iteration: Iteration } {
  const cut = key.lastIndexOf('/');
  return { nodeId: key.slice(cut + 1), iteration: cut === -1 ? '' : key.slice(0, cut) };
}
