import type { Json } from '@sluice/kernel';
import type { CompiledGraph, CompiledNode } from './compile-graph.js';
import { frameOf, type Iteration, keyOf } from './frames.js';
import { edgeState, type Region } from './joins.js';
import type { RunState } from './run-state.js';

/** What runs together with a node in this frame. */
export function regionOf(graph: CompiledGraph, state: RunState, iteration: Iteration): Region {
  const frame = frameOf(iteration);
  return { iteration, nodes: frame ? graph.bodyOf(frame.loopId) : graph.reachableFrom(state.entryNodeId), runs: state.nodes };
}

/** Whose outputs are this node's input: its live predecessors, in the order of its edges. None: it gets the run's input, or the item. */
export function inputFrom(graph: CompiledGraph, state: RunState, nodeId: string, iteration: Iteration = ''): readonly string[] {
  const remembered = state.nodes.get(keyOf(nodeId, iteration))?.inputFrom;
  if (remembered) return remembered;
  const frame = frameOf(iteration);
  if (!frame && nodeId === state.entryNodeId) return [];
  const region = regionOf(graph, state, iteration);
  const incoming = region.nodes.get(nodeId)?.incoming ?? [];
  return incoming.filter((edge) => edgeState(edge, region) === 'live' && edge.source !== frame?.loopId).map((edge) => edge.source);
}

/**
 * Its predecessor's output; after a join an object by node id. A node that failed and was left all the same puts out `{error}`.
 * @param item within a loop, the item of the frame
 */
export function inputOf(graph: CompiledGraph, state: RunState, nodeId: string, iteration: Iteration = '', item: Json = null): Json {
  const [first, ...others] = inputFrom(graph, state, nodeId, iteration);
  if (first === undefined) return iteration === '' ? state.input : item;
  const joined = graph.nodes.get(nodeId)?.joined || others.length > 0;
  return joined ? outputsById(state, iteration, [first, ...others]) : outputOf(state, iteration, first);
}

/**
 * The nodes where a run, or an item, ended: those that were left by a handle that leads nowhere, be it completed or failed with the failure
 * passed on.
 */
export function lastNodes({ iteration, nodes, runs }: Region): string[] {
  const isLast = ({ id, outgoing }: CompiledNode) => {
    const handle = runs.get(keyOf(id, iteration))?.handle;
    return handle !== undefined && outgoing.every((edge) => edge.handle !== handle);
  };
  return [...nodes.values()].filter(isLast).map((node) => node.id);
}

/** The output of the node where it ended; of several, an object by node id. */
export function outputOfNodes(state: RunState, iteration: Iteration, [first, ...others]: readonly string[]): Json {
  if (first === undefined) return null;
  return others.length > 0 ? outputsById(state, iteration, [first, ...others]) : outputOf(state, iteration, first);
}

const outputOf = (state: RunState, iteration: Iteration, nodeId: string): Json => state.nodes.get(keyOf(nodeId, iteration))?.output ?? null;

const outputsById = (state: RunState, iteration: Iteration, nodeIds: readonly string[]): Json =>
  Object.fromEntries(nodeIds.map((nodeId) => [nodeId, outputOf(state, iteration, nodeId)]));
