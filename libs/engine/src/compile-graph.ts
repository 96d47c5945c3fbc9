import { DomainError } from '@sluice/kernel';
import {
  DEFAULT_HANDLE,
  ERROR_HANDLE,
  type Graph,
  type GraphNode,
  IN_DOUBT_HANDLE,
  ITEM_HANDLE,
  type JoinRule,
  type LoopRule,
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
  /** Its type is a loop: what lies behind its handle `item` runs for each item. */
  readonly loop?: LoopRule;
  /** Without duplicates, so that a source counts once however it was drawn */
  readonly incoming: readonly CompiledEdge[];
  readonly outgoing: readonly CompiledEdge[];
}

export interface CompiledGraph {
  /** In topological order: a node comes after all that lead to it. */
  readonly nodes: ReadonlyMap<string, CompiledNode>;
  /** The nodes that take part in a run from this entry, itself included, in topological order; bodies of loops are runs of their own. */
  reachableFrom(entryNodeId: string): ReadonlyMap<string, CompiledNode>;
  /** What runs for each item of a loop, in topological order, without the bodies of loops within. */
  bodyOf(loopId: string): ReadonlyMap<string, CompiledNode>;
}

/** What a node's type says about a node; `error` and `in_doubt` are handles of every node. */
export interface NodeTraits {
  /** The rule of a join; nothing for others, which wait for all live edges */
  readonly join?: JoinRule;
  readonly loop?: LoopRule;
  /** If they shall be checked */
  readonly handles?: readonly string[];
  /** What the type prescribes; the node's own policy goes first */
  readonly policy?: NodePolicy;
}

/** Publishing refuses such graphs with all findings; whoever compiles one all the same gets the first. */
export class GraphIsBroken extends DomainError {
  constructor(problem: string) {
    super('invalid', 'graph_is_broken', problem);
  }
}

/** What the engine needs of a graph, worked out once per version. */
export function compileGraph(graph: Graph, traitsOf: (node: GraphNode) => NodeTraits): CompiledGraph {
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
    const { join, loop, handles, policy } = traitsOf(node);
    const unknown = handles && unknownHandle(outgoing, handles);
    if (unknown !== undefined) throw new GraphIsBroken(`"${node.id}" has no handle "${unknown}".`);
    if (join?.mode === 'kOf' && !(join.count >= 1)) throw new GraphIsBroken(`Join "${node.id}" must wait for one branch at least.`);
    if (loop && !(loop.concurrency >= 1)) throw new GraphIsBroken(`Loop "${node.id}" must run one item at a time at least.`);
    return {
      ...node,
      policy: effectivePolicy(node.policy, policy, outgoing),
      join: join ?? { mode: 'all' },
      joined: join !== undefined,
      ...(loop === undefined ? {} : { loop }),
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
  const retry = { maxAttempts: 3, backoff: 'exponential', delayMs: 5_000, jitter: true, ...ofType.retry, ...own.retry } as const;
  return {
    effect: own.effect ?? ofType.effect,
    timeoutMs: own.timeoutMs ?? ofType.timeoutMs ?? 30_000,
    retry: { maxDelayMs: Math.max(300_000, retry.delayMs), ...retry },
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
  const leadsIntoBody = ({ source, handle }: CompiledEdge) => handle === ITEM_HANDLE && nodes.get(source)?.loop !== undefined;

  const closureOf = (starts: readonly string[]) => {
    const reached = new Set(starts);
    const found = [...nodes].filter(([id, { outgoing }]) => {
      if (!reached.has(id)) return false;
      for (const edge of outgoing) if (!leadsIntoBody(edge)) reached.add(edge.target);
      return true;
    });
    return new Map(found);
  };
  return {
    nodes,
    reachableFrom: remembered((entryNodeId) => {
      if (!nodes.has(entryNodeId)) throw new GraphIsBroken(`There is no node "${entryNodeId}" to begin with.`);
      return closureOf([entryNodeId]);
    }),
    bodyOf: remembered((loopId) => closureOf((nodes.get(loopId)?.outgoing ?? []).filter(leadsIntoBody).map(({ target }) => target))),
  };
}

function remembered<Value>(find: (key: string) => Value): (key: string) => Value {
  const known = new Map<string, Value>();
  return (key) => {
    const value = known.get(key) ?? find(key);
    known.set(key, value);
    return value;
  };
}
