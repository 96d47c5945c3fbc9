import { type Graph, type GraphEdge, type GraphNode } from '@sluice/engine';
import { isJsonObject, type JsonObject } from '@sluice/kernel';
import { catalogue } from './catalogue.js';
import { type Cycle, cyclesIn } from './graph-walk.js';
import type { NodeType } from './node-type.js';

export interface DrawnNode {
  readonly node: GraphNode;
  readonly config: JsonObject;
  readonly type: NodeType | undefined;
  /** `nodes[3]` */
  readonly path: string;
}

/** An edge between two nodes that are there. */
export interface DrawnEdge extends GraphEdge {
  /** `edges[2]` */
  readonly path: string;
}

/** Of nodes with the same id, the first is the one that edges and expressions mean. */
export interface Drawing {
  readonly nodes: readonly DrawnNode[];
  readonly byId: ReadonlyMap<string, DrawnNode>;
  readonly edges: readonly GraphEdge[];
  readonly edgesFrom: ReadonlyMap<string, readonly GraphEdge[]>;
  readonly edgesTo: ReadonlyMap<string, readonly GraphEdge[]>;
  readonly cycles: readonly Cycle<DrawnEdge>[];
  /** The edges that lead somewhere, without those that close a cycle: whatever was drawn, these have none. */
  readonly ways: Ways;
}

export interface Ways {
  readonly edges: readonly DrawnEdge[];
  readonly from: ReadonlyMap<string, readonly DrawnEdge[]>;
  readonly to: ReadonlyMap<string, readonly DrawnEdge[]>;
}

export function draw({ nodes, edges }: Graph): Drawing {
  const drawn = nodes.map((node, index): DrawnNode => {
    return { node, config: isJsonObject(node.config) ? node.config : {}, type: catalogue.get(node.type), path: `nodes[${index}]` };
  });
  const byId = new Map(drawn.toReversed().map((one) => [one.node.id, one]));
  const inner = edges
    .map((edge, index): DrawnEdge => ({ ...edge, path: `edges[${index}]` }))
    .filter(({ source, target }) => byId.has(source) && byId.has(target) && source !== target);
  const cycles = cyclesIn(
    nodes.map(({ id }) => id),
    inner,
  );
  const closing = new Set(cycles.map(({ edge }) => edge));
  const ways = inner.filter((edge) => !closing.has(edge));
  return {
    nodes: drawn,
    byId,
    edges,
    edgesFrom: Map.groupBy(edges, ({ source }) => source),
    edgesTo: Map.groupBy(edges, ({ target }) => target),
    cycles,
    ways: { edges: ways, from: Map.groupBy(ways, ({ source }) => source), to: Map.groupBy(ways, ({ target }) => target) },
  };
}
