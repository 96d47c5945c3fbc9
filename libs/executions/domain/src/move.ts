import { type CompiledGraph, executionIsOver, type NodeRunStatus, type RunStatus } from '@sluice/engine';

/** What a run has done at a node, all items of a loop together. */
export interface Footprint {
  readonly nodeId: string;
  /** The loops around it, from the outside in; an item's own run lies in its loop */
  readonly loops: readonly string[];
  readonly status: NodeRunStatus;
  readonly handle: string | null;
  /** A loop, or an item of one: it runs for as long as its nodes do */
  readonly isLoop: boolean;
}

/** A version as far as it matters to runs that are under way. */
export interface MoveGraph {
  readonly version: number;
  readonly compiled: CompiledGraph;
  /** By node id, all by which it can be left; `error` and `in_doubt` are handles of every node. */
  readonly handles: ReadonlyMap<string, readonly string[]>;
}

/**
 * Why a run cannot go on in another version; nothing when it can. What it has done must be the same there: each node it has run exists with
 * the same type, in the same loop, with the handle by which it was left, and leads from there to the same nodes. What is still to come may
 * differ. Runs that work at this moment are not moved: only what waits, or is paused, stands still.
 */
export function whatStandsInTheWay(
  status: RunStatus,
  entryNodeId: string,
  footprints: readonly Footprint[],
  from: MoveGraph,
  to: MoveGraph,
): string | undefined {
  if (executionIsOver({ status })) return `It is over: ${status}.`;
  if (!to.compiled.nodes.has(entryNodeId)) return missing(entryNodeId, to);
  for (const footprint of footprints) {
    const reason = atNode(status, footprint, from, to);
    if (reason !== undefined) return reason;
  }
  if (footprints.length === 0 && status === 'running') return 'It is about to begin. Try again in a moment.';
  return undefined;
}

const missing = (nodeId: string, { version }: MoveGraph) => `Version ${version} has no node "${nodeId}".`;

function atNode(
  runStatus: RunStatus,
  { nodeId, loops, status, handle, isLoop }: Footprint,
  from: MoveGraph,
  to: MoveGraph,
): string | undefined {
  if (status === 'running' && !isLoop && runStatus !== 'paused') return `Its node "${nodeId}" is running. Pause it, or try again later.`;
  if (status === 'skipped') return undefined;
  const was = from.compiled.nodes.get(nodeId);
  const is = to.compiled.nodes.get(nodeId);
  if (was === undefined || is === undefined) return missing(nodeId, to);
  if (was.type !== is.type) return `In version ${to.version} the node "${nodeId}" is a ${is.type}, not a ${was.type}.`;
  for (const [index, loopId] of loops.entries()) {
    const inner = loops[index + 1] ?? nodeId;
    if (inner !== loopId && !to.compiled.bodyOf(loopId).has(inner))
      return `In version ${to.version} "${inner}" is not in the loop "${loopId}".`;
  }
  if (loops.length === 0 && isInALoop(nodeId, to)) return `In version ${to.version} "${nodeId}" is in a loop.`;
  const isItem = loops.at(-1) === nodeId;
  if (handle === null || isItem) return undefined;
  if (![...(to.handles.get(nodeId) ?? []), 'error', 'in_doubt'].includes(handle)) {
    return `It left "${nodeId}" by "${handle}", which version ${to.version} does not have.`;
  }
  const targets = ({ compiled }: MoveGraph) =>
    (compiled.nodes.get(nodeId)?.outgoing ?? []).flatMap((edge) => (edge.handle === handle ? [edge.target] : [])).toSorted();
  const [before, after] = [targets(from), targets(to)];
  if (before.length === after.length && before.every((target, index) => target === after[index])) return undefined;
  return `It left "${nodeId}" by "${handle}", which leads elsewhere in version ${to.version}.`;
}

const isInALoop = (nodeId: string, { compiled }: MoveGraph): boolean =>
  [...compiled.nodes.values()].some((node) => node.loop !== undefined && compiled.bodyOf(node.id).has(nodeId));
