import { compileGraph, GraphIsBroken } from './compile-graph.js';
import type { Graph, GraphEdge, GraphNode, NodePolicy } from './graph.js';

const node = (id: string, policy?: NodePolicy): GraphNode => ({ id, type: 'test', config: {}, policy });
const edge = (source: string, target: string, sourceHandle?: string): GraphEdge => ({ source, target, sourceHandle });
const graphOf = (ids: string, ...edges: GraphEdge[]): Graph => ({ nodes: [...ids].map((id) => node(id)), edges });
const plain = () => ({});

describe('A compiled graph', () => {
  it('has its nodes in topological order, whatever order they were drawn in', () => {
    const { nodes } = compileGraph(graphOf('dcba', edge('c', 'd'), edge('b', 'd'), edge('a', 'b'), edge('a', 'c')), plain);
    expect([...nodes.keys()].join('')).toBe('abcd');
  });

  it('knows what each entry reaches', () => {
    const graph = compileGraph(graphOf('abxc', edge('a', 'b'), edge('b', 'c'), edge('x', 'c')), plain);
    expect([...graph.reachableFrom('a').keys()].join('')).toBe('abc');
    expect([...graph.reachableFrom('x').keys()].join('')).toBe('xc');
    expect(graph.reachableFrom('a')).toBe(graph.reachableFrom('a'));
    expect(() => graph.reachableFrom('y')).toThrow(GraphIsBroken);
  });

  it('has the bodies of loops apart, also of a loop within another', () => {
    const edges = [edge('a', 'b', 'item'), edge('b', 'c', 'item'), edge('b', 'd', 'done'), edge('a', 'e', 'done')];
    const loops = ({ id }: GraphNode) => ('ab'.includes(id) ? { loop: { concurrency: 1, onItemError: 'fail' as const } } : {});
    const drawn = graphOf('abcde', ...edges);
    const graph = compileGraph(drawn, loops);
    expect([...graph.reachableFrom('a').keys()].join('')).toBe('ae');
    expect([...graph.bodyOf('a').keys()].join('')).toBe('bd');
    expect([...graph.bodyOf('b').keys()].join('')).toBe('c');
    expect(compileGraph(drawn, plain).reachableFrom('a').size).toBe(5);
  });

  it('fills in every policy', () => {
    const { nodes } = compileGraph(graphOf('a'), plain);
    expect(nodes.get('a')?.policy).toEqual({
      effect: undefined,
      timeoutMs: 30_000,
      retry: { maxAttempts: 3, backoff: 'exponential', delayMs: 5_000, maxDelayMs: 300_000, jitter: true },
      onError: 'fail',
    });
  });

  it('prefers the node’s own policy to its type’s, and that to the defaults', () => {
    const ofType = () => ({ timeoutMs: 1, effect: 'at_most_once', retry: { maxAttempts: 1, jitter: false } }) as const;
    const graph = { nodes: [node('a', { timeoutMs: 2, retry: { maxAttempts: 5 } })], edges: [] };
    const { nodes } = compileGraph(graph, () => ({ policy: ofType() }));
    expect(nodes.get('a')?.policy).toMatchObject({
      timeoutMs: 2,
      effect: 'at_most_once',
      retry: { maxAttempts: 5, jitter: false, delayMs: 5_000 },
    });
  });

  it('waits as long as the author said before it tries again, however long that is', () => {
    const [hour, day] = [3_600_000, 86_400_000];
    const policies = [{ delayMs: hour }, { delayMs: hour, maxDelayMs: day }, { delayMs: 1_000 }, { maxDelayMs: 1_000 }];
    const graph = { nodes: policies.map((retry, index) => node(`n${index}`, { retry })), edges: [] };
    const { nodes } = compileGraph(graph, plain);
    expect([...nodes.values()].map(({ policy }) => policy.retry.maxDelayMs)).toEqual([hour, day, 300_000, 1_000]);
    expect(compileGraph(graphOf('a'), () => ({ policy: { retry: { delayMs: hour } } })).nodes.get('a')?.policy.retry.maxDelayMs).toBe(hour);
  });

  it('branches on error where the error handle is connected, unless told otherwise', () => {
    const edges = [edge('a', 'c', 'error'), edge('b', 'c', 'error')];
    const { nodes } = compileGraph({ nodes: [node('a'), node('b', { onError: 'fail' }), node('c')], edges }, plain);
    expect([...nodes.values()].map(({ id, policy }) => `${id} ${policy.onError}`)).toEqual(['a branch', 'b fail', 'c fail']);
  });

  it.each<[string, Graph]>([
    ['An edge of "a" leads to a node that does not exist: "z".', graphOf('a', edge('a', 'z'))],
    ['An edge to "a" leaves a node that does not exist: "z".', graphOf('a', edge('z', 'a'))],
    ['Two nodes have the same id.', graphOf('aa')],
    ['The graph has a cycle; on it or behind it: "b", "c".', graphOf('abc', edge('a', 'b'), edge('b', 'c'), edge('c', 'b'))],
    ['"a" has no handle "maybe".', graphOf('ab', edge('a', 'b', 'maybe'))],
  ])('refuses what cannot run: %s', (message, graph) => {
    expect(() => compileGraph(graph, () => ({ handles: ['out'] }))).toThrow(new GraphIsBroken(message));
  });

  it('refuses a loop that has no item under way', () => {
    const traits = () => ({ loop: { concurrency: 0, onItemError: 'fail' as const } });
    expect(() => compileGraph(graphOf('a'), traits)).toThrow('one item at a time at least');
  });

  it('refuses a join that waits for nobody', () => {
    expect(() => compileGraph(graphOf('a'), () => ({ join: { mode: 'kOf', count: 0 } }))).toThrow('at least');
  });
});
