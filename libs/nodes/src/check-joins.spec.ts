import type { GraphEdge, GraphNode } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { checkGraph } from './check-graph.js';

const node = (id: string, type = 'data.set', config: JsonObject = { values: {} }): GraphNode => ({ id, type, config });
const edge = (source: string, target: string, sourceHandle?: string): GraphEdge => ({ source, target, sourceHandle });
const start = node('start', 'trigger.manual', {});
const hook = node('hook', 'trigger.webhook', {});
const condition = (id: string) => node(id, 'logic.if', { condition: 'input.open' });
const cases = { value: 'input.kind', cases: ['x', 'y', 'z'].map((name) => ({ name, equals: name })) };
const join = (count: number) => node('join', 'logic.merge', { mode: 'kOf', count });

/** Whether `count` branches can arrive */
const can = (count: number, nodes: readonly GraphNode[], edges: readonly GraphEdge[]): boolean => {
  const findings = checkGraph({ nodes: [start, ...nodes, join(count)], edges: [...edges] });
  expect(findings.filter(({ code }) => code !== 'join_impossible')).toEqual([]);
  return findings.length === 0;
};
const mostOf = (...of: [readonly GraphNode[], readonly GraphEdge[]]) => [1, 2, 3, 4, 5].filter((count) => can(count, ...of)).length;
const [a, b, c] = [node('a'), node('b'), node('c')];

it('says why, and what to do', () => {
  const nodes = [start, condition('if'), a, b, join(2)];
  const edges = [edge('start', 'if'), edge('if', 'a', 'true'), edge('if', 'b', 'false'), edge('a', 'join'), edge('b', 'join')];
  expect(checkGraph({ nodes, edges })).toEqual([
    {
      path: 'nodes[4].config.count',
      code: 'join_impossible',
      message:
        '"join" waits for 2 of 2 branches, but at most 1 can arrive in one run, as the others exclude each other: lower `count`, or use the ' +
        'mode `any`',
    },
  ]);
});

describe('at most so many branches arrive together', () => {
  it('all of those that run side by side', () => {
    expect(
      mostOf(
        [a, b, c],
        ['a', 'b', 'c'].flatMap((id) => [edge('start', id), edge(id, 'join')]),
      ),
    ).toBe(3);
  });

  it('one of the cases of a switch', () => {
    const edges = ['x', 'y', 'z', 'default'].map((handle) => edge('switch', 'join', handle));
    expect(mostOf([node('switch', 'logic.switch', cases)], [edge('start', 'switch'), ...edges])).toBe(1);
  });

  it('one of each of two switches', () => {
    const nodes = [node('s', 'logic.switch', cases), node('t', 'logic.switch', cases)];
    const edges = ['s', 't'].flatMap((id) => [edge('start', id), ...['x', 'y'].map((handle) => edge(id, 'join', handle))]);
    expect(mostOf(nodes, edges)).toBe(2);
  });

  it('the wider side of a condition', () => {
    const edges = [edge('start', 'if'), edge('if', 'a', 'true'), edge('if', 'b', 'true'), edge('if', 'c', 'false')];
    expect(mostOf([condition('if'), a, b, c], [...edges, ...['a', 'b', 'c'].map((id) => edge(id, 'join'))])).toBe(2);
  });

  it('the result or the error of a node', () => {
    expect(mostOf([a], [edge('start', 'a'), edge('a', 'join'), edge('a', 'join', 'error')])).toBe(1);
  });

  it('those of one trigger', () => {
    expect(mostOf([hook, a, b], [edge('start', 'a'), edge('hook', 'b'), edge('a', 'join'), edge('b', 'join')])).toBe(1);
    expect(mostOf([hook, a, b], [edge('start', 'a'), edge('hook', 'a'), edge('hook', 'b'), edge('a', 'join'), edge('b', 'join')])).toBe(2);
  });
});

describe('no false alarm', () => {
  it('where a branch is reached on another way as well', () => {
    const edges = [edge('start', 'if'), edge('if', 'a', 'true'), edge('if', 'b', 'false'), edge('start', 'b')];
    expect(mostOf([condition('if'), a, b], [...edges, edge('a', 'join'), edge('b', 'join')])).toBe(2);
  });

  it('where branches of one condition meet before they part again', () => {
    const edges = [edge('start', 'if'), edge('if', 'a', 'true'), edge('if', 'a', 'false'), edge('a', 'b'), edge('a', 'c')];
    expect(mostOf([condition('if'), a, b, c], [...edges, edge('b', 'join'), edge('c', 'join')])).toBe(2);
  });

  it('where nodes hang on two conditions that may both hold', () => {
    const edges = [edge('start', 'i'), edge('start', 'j'), edge('i', 'a', 'true'), edge('j', 'b', 'false')];
    expect(mostOf([condition('i'), condition('j'), a, b], [...edges, edge('a', 'join'), edge('b', 'join')])).toBe(2);
  });
});
