import type { GraphEdge, GraphNode } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { diffDefinitions } from './diff-definitions.js';

const node = (id: string, config: JsonObject = {}): GraphNode => ({ id, type: 'data.set', config });
const of = (nodes: readonly GraphNode[], edges: readonly GraphEdge[] = [], settings: JsonObject = {}) => ({ nodes, edges, settings });
const nothing = { added: [], removed: [], changed: [] };

it('finds nothing between equal definitions, in whatever order', () => {
  const edges = [
    { source: 'a', target: 'b' },
    { id: 'e', source: 'b', target: 'c' },
  ];
  const before = of([node('a', { x: 1, y: [1, { z: null }] }), node('b')], edges, { n: 1 });
  const after = of([node('b'), node('a', { y: [1, { z: null }], x: 1 })], edges.toReversed(), { n: 1 });
  expect(diffDefinitions(before, after)).toEqual({ identical: true, nodes: nothing, edges: nothing, settings: [] });
});

it('names added and removed nodes whole, and each change in the others by its path', () => {
  const before = of([node('a', { cases: [{ name: 'x' }, { name: 'y' }], 'a.b': 1, old: true }), node('gone')]);
  const after = of([node('a', { cases: [{ name: 'x' }, { name: 'z' }, { name: 'new' }], 'a.b': 2 }), node('new')]);
  expect(diffDefinitions(before, after)).toEqual({
    identical: false,
    nodes: {
      added: [node('new')],
      removed: [node('gone')],
      changed: [
        {
          id: 'a',
          changes: [
            { path: 'config.cases[1].name', kind: 'changed', from: 'y', to: 'z' },
            { path: 'config.cases[2]', kind: 'added', to: { name: 'new' } },
            { path: 'config["a.b"]', kind: 'changed', from: 1, to: 2 },
            { path: 'config.old', kind: 'removed', from: true },
          ],
        },
      ],
    },
    edges: nothing,
    settings: [],
  });
});

it('takes a value of another kind for changed, and null for a value', () => {
  const changes = diffDefinitions(of([], [], { a: {}, b: null }), of([], [], { a: [], b: 0, c: null })).settings;
  expect(changes).toEqual([
    { path: 'a', kind: 'changed', from: {}, to: [] },
    { path: 'b', kind: 'changed', from: null, to: 0 },
    { path: 'c', kind: 'added', to: null },
  ]);
});

it('knows an edge by its id, else by what it connects', () => {
  const before = of(
    [],
    [
      { id: 'e1', source: 'a', target: 'b' },
      { source: 'a', target: 'c' },
      { source: 'a', target: 'd', sourceHandle: 'true' },
    ],
  );
  const after = of(
    [],
    [
      { id: 'e1', source: 'a', target: 'x' },
      { source: 'a', target: 'c', sourceHandle: 'out' },
      { source: 'a', target: 'd', sourceHandle: 'false' },
    ],
  );
  expect(diffDefinitions(before, after).edges).toEqual({
    added: [{ source: 'a', target: 'd', sourceHandle: 'false' }],
    removed: [{ source: 'a', target: 'd', sourceHandle: 'true' }],
    changed: [{ id: 'e1', changes: [{ path: 'target', kind: 'changed', from: 'b', to: 'x' }] }],
  });
});

it('counts edges that connect the same', () => {
  const twice = [
    { source: 'a', target: 'b' },
    { source: 'a', target: 'b' },
  ];
  expect(diffDefinitions(of([], twice), of([], twice.slice(1))).edges).toEqual({ ...nothing, removed: [{ source: 'a', target: 'b' }] });
});

it('is the reverse of the way back', () => {
  const before = of([node('a', { x: 1 }), node('b')], [{ source: 'a', target: 'b' }], { s: 1 });
  const after = of([node('a', { y: 1 }), node('c')], [{ source: 'a', target: 'c' }], {});
  const [there, back] = [diffDefinitions(before, after), diffDefinitions(after, before)];
  expect(there.nodes.added).toEqual(back.nodes.removed);
  expect(there.edges.added).toEqual(back.edges.removed);
  expect(there.settings).toEqual([{ path: 's', kind: 'removed', from: 1 }]);
  expect(back.settings).toEqual([{ path: 's', kind: 'added', to: 1 }]);
});

it('B-03: a key like __proto__ is a key', () => {
  const hostile: JsonObject = JSON.parse('{"__proto__": {"x": 1}, "constructor": 1}');
  expect(diffDefinitions(of([], [], {}), of([], [], hostile)).settings.map(({ path }) => path)).toEqual(['__proto__', 'constructor']);
});
