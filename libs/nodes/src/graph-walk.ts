import type { GraphEdge } from '@sluice/engine';

/** Every node that can be reached, the starting points included. */
export function reachableFrom<Edge extends GraphEdge>(
  entries: Iterable<string>,
  outgoing: ReadonlyMap<string, readonly Edge[]>,
  isOpen: (edge: Edge) => boolean = () => true,
): Set<string> {
  const reached = new Set(entries);
  for (const id of reached) {
    for (const edge of outgoing.get(id) ?? []) if (isOpen(edge)) reached.add(edge.target);
  }
  return reached;
}

export interface Cycle<Edge extends GraphEdge = GraphEdge> {
  /** It closes the cycle: from the last node back to the first. */
  readonly edge: Edge;
  readonly nodeIds: readonly string[];
}

/**
 * One cycle for each edge that closes one on a walk through all nodes, depth first: removing those edges leaves none.
 * Without recursion, since a chain may be as long as the graph.
 */
export function cyclesIn<Edge extends GraphEdge>(nodeIds: readonly string[], edges: readonly Edge[]): Cycle<Edge>[] {
  const outgoing = Map.groupBy(edges, (edge) => edge.source);
  const cycles: Cycle<Edge>[] = [];
  const seen = new Set<string>();
  /** From the start of the walk to where it is, each with the edges it has not tried yet */
  const way: { readonly id: string; readonly untried: Edge[] }[] = [];
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

/** A node comes after all that lead to it. The edges have no cycle. */
export function inOrder(nodeIds: Iterable<string>, edges: readonly GraphEdge[]): string[] {
  const outgoing = Map.groupBy(edges, (edge) => edge.source);
  const missing = new Map([...nodeIds].map((id) => [id, 0]));
  for (const { target } of edges) missing.set(target, (missing.get(target) ?? 0) + 1);
  const ordered = [...missing].flatMap(([id, count]) => (count === 0 ? [id] : []));
  for (const id of ordered) {
    for (const { target } of outgoing.get(id) ?? []) {
      const left = (missing.get(target) ?? 0) - 1;
      missing.set(target, left);
      if (left === 0) ordered.push(target);
    }
  }
  return ordered;
}

/** Answers whether a way leads from one node to another. The edges have no cycle; one bit is kept for each pair of nodes. */
export function ancestry(nodeIds: Iterable<string>, edges: readonly GraphEdge[]): (earlier: string, later: string) => boolean {
  const incoming = Map.groupBy(edges, (edge) => edge.target);
  const ordered = inOrder(nodeIds, edges);
  const places = new Map(ordered.map((id, place) => [id, place]));
  const words = Math.ceil(ordered.length / 32);
  const bits = new Uint32Array(ordered.length * words);
  for (const [place, id] of ordered.entries()) {
    for (const { source } of incoming.get(id) ?? []) {
      const from = places.get(source);
      if (from === undefined) continue;
      for (let word = 0; word < words; word += 1)
        bits[place * words + word] = (bits[place * words + word] ?? 0) | (bits[from * words + word] ?? 0);
      const word = place * words + (from >>> 5);
      bits[word] = (bits[word] ?? 0) | (1 << (from & 31));
    }
  }
  return (earlier, later) => {
    const [from, to] = [places.get(earlier), places.get(later)];
    if (from === undefined || to === undefined) return false;
    return ((bits[to * words + (from >>> 5)] ?? 0) & (1 << (from & 31))) !== 0;
  };
}
