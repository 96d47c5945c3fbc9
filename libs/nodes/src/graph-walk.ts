import type { GraphEdge } from '@sluice/engine';

/** Every node that can be reached, the starting points included. */
export function reachableFrom(entries: readonly string[], edges: readonly GraphEdge[]): ReadonlySet<string> {
  const outgoing = Map.groupBy(edges, (edge) => edge.source);
  const reached = new Set(entries);
  for (const id of reached) {
    for (const { target } of outgoing.get(id) ?? []) reached.add(target);
  }
  return reached;
}

export interface Cycle {
  /** It closes the cycle: from the last node back to the first. */
  readonly edge: GraphEdge;
  readonly nodeIds: readonly string[];
}

/**
 * One cycle for each edge that closes one on a walk through all nodes, depth first: removing those edges leaves none.
 * Without recursion, since a chain may be as long as the graph.
 */
export function cyclesIn(nodeIds: readonly string[], edges: readonly GraphEdge[]): Cycle[] {
  const outgoing = Map.groupBy(edges, (edge) => edge.source);
  const cycles: Cycle[] = [];
  const seen = new Set<string>();
  /** From the start of the walk to where it is, each with the edges it has not tried yet */
  const way: { readonly id: string; readonly untried: GraphEdge[] }[] = [];
  const onWay = new Set<string>();

  const enter = (id: string) => {
    seen.add(id);
    onWay.add(id);
    way.push({ id, untried: (outgoing.get(id) ?? []).toReversed() });
  };
  for (const start of nodeIds) {
    if (!seen.has(start)) enter(start);
    for (let here = way.at(-1); here; here = way.at(-1)) {
      const edge = here.untried.pop();
      if (!edge) {
        way.pop();
        onWay.delete(here.id);
      } else if (onWay.has(edge.target)) {
        const ids = way.map(({ id }) => id);
        cycles.push({ edge, nodeIds: ids.slice(ids.indexOf(edge.target)) });
      } else if (!seen.has(edge.target)) {
        enter(edge.target);
      }
    }
  }
  return cycles;
}
