import type { CompiledEdge, CompiledNode } from './compile-graph.js';
import { frameOf, type Iteration, keyOf } from './frames.js';
import { ITEM_HANDLE, type JoinRule } from './graph.js';
import type { NodeRun } from './run-state.js';

const none: ReadonlySet<string> = new Set();

/** `starved`: its source will never run, yet was not skipped either. */
export type EdgeState = 'live' | 'dead' | 'open' | 'starved';

const bySource = (run: NodeRun, handle: string): EdgeState => {
  switch (run.status) {
    case 'completed':
    case 'failed':
      return run.handle === handle ? 'live' : 'dead';
    case 'skipped':
      return 'dead';
    case 'running':
    case 'waiting':
    case 'in_doubt':
      return 'open';
  }
};

/** The nodes that run together in one frame of a run, and the runs of all. */
export interface Region {
  readonly iteration: Iteration;
  readonly nodes: ReadonlyMap<string, CompiledNode>;
  readonly runs: ReadonlyMap<string, NodeRun>;
}

/** @param starved the starved nodes among those before the edge's target */
export function edgeState(edge: CompiledEdge, { iteration, nodes, runs }: Region, starved = none): EdgeState {
  if (edge.source === frameOf(iteration)?.loopId) return edge.handle === ITEM_HANDLE ? 'live' : 'dead';
  if (!nodes.has(edge.source)) return 'dead';
  const run = runs.get(keyOf(edge.source, iteration));
  if (run) return bySource(run, edge.handle);
  return starved.has(edge.source) ? 'starved' : 'open';
}

/** What becomes of a node that has not run yet. Joins never hang: once no edge is open, it is anything but `wait`. */
export function judge(rule: JoinRule, edges: readonly EdgeState[]): 'run' | 'wait' | 'skip' | 'starve' {
  const count = (state: EdgeState) => edges.filter((edge) => edge === state).length;
  const live = count('live');
  const open = count('open');
  const starved = count('starved');

  const enough = rule.mode === 'all' ? live > 0 && open + starved === 0 : live >= (rule.mode === 'any' ? 1 : rule.count);
  if (enough) return 'run';
  if (open > 0) return 'wait';
  return live + starved > 0 ? 'starve' : 'skip';
}
