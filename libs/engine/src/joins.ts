import type { CompiledEdge, CompiledNode } from './compile-graph.js';
import type { JoinRule } from './graph.js';
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

/** @param starved the starved nodes among those before the edge's target */
export function edgeState(
  edge: CompiledEdge,
  reachable: ReadonlyMap<string, CompiledNode>,
  runs: ReadonlyMap<string, NodeRun>,
  starved = none,
): EdgeState {
  if (!reachable.has(edge.source)) return 'dead';
  const run = runs.get(edge.source);
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
