import { DomainError } from '@sluice/kernel';
import {
  DEFAULT_HANDLE,
  ERROR_HANDLE,
  type Graph,
  type GraphNode,
  IN_DOUBT_HANDLE,
  type JoinRule,
  type NodePolicy,
  type RetryPolicy,
} from './graph.js';

/** A node's policy with every default filled in. */
export interface EffectivePolicy extends NodePolicy {
  readonly timeoutMs: number;
  readonly retry: Required<RetryPolicy>;
  readonly onError: 'fail' | 'continue' | 'branch';
}

export interface CompiledEdge {
  readonly source: string;
  readonly handle: string;
  readonly target: string;
}

export interface CompiledNode extends GraphNode {
  readonly policy: EffectivePolicy;
  readonly join: JoinRule;
  /** Its type is a join (`joinOf` gave a rule): its input is an object by node id, however many branches arrived. */
  readonly joined: boolean;
  /** Without duplicates, so that a source counts once however it was drawn */
  readonly incoming: readonly CompiledEdge[];
  readonly outgoing: readonly CompiledEdge[];
}

export interface CompiledGraph {
  /** In topological order: a node comes after all that lead to it. */
  readonly nodes: ReadonlyMap<string, CompiledNode>;
  /** The nodes that take part in a run from this entry, itself included, in topological order. */
  reachableFrom(entryNodeId: string): ReadonlyMap<string, CompiledNode>;
}

/** Publishing refuses such graphs with all findings; whoever compiles one all the same gets the first. */
export class GraphIsBroken extends DomainError {
  constructor(problem: string) {
    super('invalid', 'graph_is_broken', problem);
  }
}

/**
 * What the engine needs of a graph, worked out once per version.
 * @param joinOf the rule of a node whose type is a join; nothing for others, which wait for all live edges
 * @param handlesOf the handles of a node, if they shall be checked; `error` and `in_doubt` every node has
 * @param policyOf what a node's type prescribes; the node's own policy goes first
 */
export function compileGraph(
  graph: Graph,
  joinOf: (node: GraphNode) => JoinRule | undefined,
  handlesOf?: (node: GraphNode) => readonly string[],
  policyOf?: (node: GraphNode) => NodePolicy | undefined,
): CompiledGraph {
  const ids = new Set(graph.nodes.map((node) => node.id));
  if (ids.size < graph.nodes.length) throw new GraphIsBroken('Two nodes have the same id.');

  const edges = distinctEdges(graph);
  for (const { source, target } of edges) {
    if (!ids.has(source)) throw new GraphIsBroken(`An edge to "${target}" leaves a node that does not exist: "${source}".`);
    if (!ids.has(target)) throw new GraphIsBroken(`An edge of "${source}" leads to a node that does not exist: "${target}".`);
  }
  const edgesTo = Map.groupBy(edges, (edge) => edge.target);
  const edgesFrom = Map.groupBy(edges, (edge) => edge.source);

  const nodes = graph.nodes.map((node): CompiledNode => {
    const outgoing = edgesFrom.get(node.id) ?? [];
    const unknown = handlesOf && unknownHandle(outgoing, handlesOf(node));
    if (unknown !== undefined) throw new GraphIsBroken(`"${node.id}" has no handle "${unknown}".`);

    const rule = joinOf(node);
    if (rule?.mode === 'kOf' && !(rule.count >= 1)) throw new GraphIsBroken(`Join "${node.id}" must wait for one branch at least.`);
    return {
      ...node,
      policy: effectivePolicy(node.policy, policyOf?.(node), outgoing),
      join: rule ?? { mode: 'all' },
      joined: rule !== undefined,
      incoming: edgesTo.get(node.id) ?? [],
      outgoing,
    };
  });
  return withReachability(inTopologicalOrder(nodes));
}

function distinctEdges(graph: Graph): CompiledEdge[] {
  const edges = graph.edges.map(({ source, sourceHandle: handle = DEFAULT_HANDLE, target }) => ({ source, handle, target }));
  return [...new Map(edges.map((edge) => [JSON.stringify([edge.source, edge.handle, edge.target]), edge])).values()];
}

function unknownHandle(outgoing: readonly CompiledEdge[], handles: readonly string[]): string | undefined {
  const known = new Set([...handles, ERROR_HANDLE, IN_DOUBT_HANDLE]);
  return outgoing.find((edge) => !known.has(edge.handle))?.handle;
}

function effectivePolicy(own: NodePolicy = {}, ofType: NodePolicy = {}, outgoing: readonly CompiledEdge[]): EffectivePolicy {
  const branches = outgoing.some((edge) => edge.handle === ERROR_HANDLE);
  return {
    effect: own.effect ?? ofType.effect,
    timeoutMs: own.timeoutMs ?? ofType.timeoutMs ?? 30_000,
    retry: { maxAttempts: 3, backoff: 'exponential', delayMs: 5_000, maxDelayMs: 300_000, jitter: true, ...ofType.retry, ...own.retry },
    onError: own.onError ?? (branches ? 'branch' : (ofType.onError ?? 'fail')),
  };
}

function inTopologicalOrder(nodes: readonly CompiledNode[]): ReadonlyMap<string, CompiledNode> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const missing = new Map(nodes.map((node) => [node.id, node.incoming.length]));
  const ordered = nodes.filter((node) => node.incoming.length === 0);
  for (const { outgoing } of ordered) {
    for (const { target } of outgoing) {
      const left = (missing.get(target) ?? 0) - 1;
      missing.set(target, left);
      const node = byId.get(target);
      if (left === 0 && node) ordered.push(node);
    }
  }
  const result = new Map(ordered.map((node) => [node.id, node]));
  const rest = nodes.filter((node) => !result.has(node.id)).map((node) => `"${node.id}"`);
  if (rest.length > 0) throw new GraphIsBroken(`The graph has a cycle; on it or behind it: ${rest.join(', ')}.`);
  return result;
}

function withReachability(nodes: ReadonlyMap<string, CompiledNode>): CompiledGraph {
  const known = new Map<string, ReadonlyMap<string, CompiledNode>>();

  const find = (entryNodeId: string) => {
    if (!nodes.has(entryNodeId)) throw new GraphIsBroken(`There is no node "${entryNodeId}" to begin with.`);
    const reached = new Set([entryNodeId]);
    const found = [...nodes].filter(([id, { outgoing }]) => {
      if (!reached.has(id)) return false;
      for (const { target } of outgoing) reached.add(target);
      return true;
    });
    return new Map(found);
  };
  const reachableFrom = (entryNodeId: string) => {
    const reachable = known.get(entryNodeId) ?? find(entryNodeId);
    known.set(entryNodeId, reachable);
    return reachable;
  };
  return { nodes, reachableFrom };
}
