import { compileGraph, type Graph, type NodeRunStatus, type RunStatus } from '@sluice/engine';
import { type Footprint, type MoveGraph, whatStandsInTheWay } from './move.js';

const drawn: Graph = {
  nodes: ['in', 'wait', 'after', 'loop', 'body'].map((id) => ({ id, type: id, config: {} })),
  edges: [
    { source: 'in', target: 'wait' },
    { source: 'wait', target: 'after' },
    { source: 'after', target: 'loop' },
    { source: 'loop', target: 'body', sourceHandle: 'item' },
  ],
};

function graph(version: number, change: (graph: Graph) => Graph = (same) => same): MoveGraph {
  const { nodes, edges } = change(drawn);
  const compiled = compileGraph({ nodes, edges }, ({ type }) => (type === 'loop' ? { loop: { concurrency: 1, onItemError: 'fail' } } : {}));
  return { version, compiled, handles: new Map(nodes.map(({ id }) => [id, ['out', 'item', 'done']])) };
}

const at = (nodeId: string, status: NodeRunStatus, more: Partial<Footprint> = {}): Footprint => ({
  nodeId,
  loops: [],
  status,
  handle: status === 'completed' ? 'out' : null,
  isLoop: false,
  ...more,
});
const waiting = [at('in', 'completed'), at('wait', 'waiting')];
const inTheWay = (to: MoveGraph, footprints: readonly Footprint[] = waiting, status: RunStatus = 'waiting') =>
  whatStandsInTheWay(status, 'in', footprints, graph(1), to);

const retyped = (id: string) => (same: Graph) => ({
  ...same,
  nodes: same.nodes.map((one) => (one.id === id ? { ...one, type: 'new' } : one)),
});
const without = (id: string) => (same: Graph) => ({
  nodes: same.nodes.filter((one) => one.id !== id),
  edges: same.edges.filter(({ source, target }) => source !== id && target !== id),
});

it('lets pass what changes behind the nodes that a run is at', () => {
  expect(inTheWay(graph(2, without('body')))).toBeUndefined();
  expect(inTheWay(graph(2, retyped('after')))).toBeUndefined();
});

it.each<[string, MoveGraph, string]>([
  ['the entry is gone', graph(2, without('in')), 'Version 2 has no node "in".'],
  ['a node where it waits is another', graph(2, retyped('wait')), 'In version 2 the node "wait" is a new, not a wait.'],
  [
    'a node that it left leads to a further one',
    graph(2, (same) => ({ ...same, edges: [...same.edges, { source: 'in', target: 'after' }] })),
    'It left "in" by "out", which leads elsewhere in version 2.',
  ],
  ['a handle is gone', { ...graph(2), handles: new Map([['in', ['other']]]) }, 'It left "in" by "out", which version 2 does not have.'],
])('refuses when %s', (_what, to, reason) => {
  expect(inTheWay(to)).toBe(reason);
});

it('refuses a node that has left its loop', () => {
  const inLoop = [at('loop', 'running', { isLoop: true }), at('body', 'waiting', { loops: ['loop'] })];
  expect(inTheWay(graph(2), inLoop, 'running')).toBeUndefined();
  const outside = graph(2, (same) => ({
    ...same,
    edges: same.edges.map((edge) => (edge.target === 'body' ? { source: 'wait', target: 'body' } : edge)),
  }));
  expect(inTheWay(outside, inLoop, 'running')).toBe('In version 2 "body" is not in the loop "loop".');
});

it('moves only what stands still', () => {
  const working = [at('in', 'completed'), at('wait', 'running')];
  expect(inTheWay(graph(2), working, 'running')).toBe('Its node "wait" is running. Pause it, or try again later.');
  expect(inTheWay(graph(2), working, 'paused')).toBeUndefined();
  expect(inTheWay(graph(2), [], 'running')).toBe('It is about to begin. Try again in a moment.');
  expect(inTheWay(graph(2), waiting, 'failed')).toBe('It is over: failed.');
});
