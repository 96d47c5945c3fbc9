import type { Json } from '@sluice/kernel';
import type { CompiledGraph, CompiledNode } from './compile-graph.js';
import { edgeState } from './joins.js';
import type { RunState } from './run-state.js';

/** Whose outputs are this node's input: its live predecessors, in the order of its edges. None: it gets the run's input. */
export function inputFrom(graph: CompiledGraph, state: RunState, nodeId: string): readonly string[] {
  const remembered = state.nodes.get(nodeId)?.inputFrom;
  if (remembered) return remembered;
  if (nodeId === state.entryNodeId) return [];
  const reachable = graph.reachableFrom(state.entryNodeId);
  const incoming = reachable.get(nodeId)?.incoming ?? [];
  return incoming.filter((edge) => edgeState(edge, reachable, state.nodes) === 'live').map((edge) => edge.source);
}

/** Its predecessor's output; after a join an object by node id. A node that failed and was left all the same puts out `{error}`. */
export function inputOf(graph: CompiledGraph, state: RunState, nodeId: string): Json {
  const [first, ...others] = inputFrom(graph, state, nodeId);
  if (first === undefined) return state.input;
  const joined = graph.nodes.get(nodeId)?.joined || others.length > 0;
  return joined ? outputsById(state, [first, ...others]) : outputOf(state, first);
}

/**
 * The output of the node where the run ended; of several, an object by node id. It ends where a node was left by a handle that
 * leads nowhere, be it completed or failed with the failure passed on.
 */
export function runOutput(graph: CompiledGraph, state: RunState): Json {
  const isLast = ({ id, outgoing }: CompiledNode) => {
    const handle = state.nodes.get(id)?.handle;
    return handle !== undefined && outgoing.every((edge) => edge.handle !== handle);
  };
  const [first, ...others] = [...graph.reachableFrom(state.entryNodeId).values()].filter(isLast).map((node) => node.id);
  if (first === undefined) return null;
  return others.length > 0 ? outputsById(state, [first, ...others]) : outputOf(state, first);
}

const outputOf = (state: RunState, nodeId: string): Json => state.nodes.get(nodeId)?.output ?? null;

const outputsById = (state: RunState, nodeIds: readonly string[]): Json =>
  Object.fromEntries(nodeIds.map((nodeId) => [nodeId, outputOf(state, nodeId)]));
