import type { GraphEdge, GraphNode } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { checkGraph } from './check-graph.js';

const about = (type: string, config: JsonObject) =>
  checkGraph({
    nodes: [
      { id: 'start', type: 'trigger.manual', config: {} },
      { id: 'it', type, config },
    ],
    edges: [{ source: 'start', target: 'it' }],
  }).map(({ path, code, severity = 'error' }) => `${path.replace('nodes[1].config.', '')}: ${code} (${severity})`);
const cases = (...list: JsonObject[]) =>
  about('logic.switch', { value: 'input.kind', cases: list.map((one, index) => ({ name: `c${index}`, ...one })) });

describe('a case of logic.switch', () => {
  it.each<[string, JsonObject, JsonObject, string]>([
    ['the same text', { equals: 'a' }, { equals: 'a' }, 'equals'],
    ['the same number', { equals: 1 }, { equals: 1.0 }, 'equals'],
    ['an equal object', { equals: { a: 1, b: [2] } }, { equals: { b: [2], a: 1 } }, 'equals'],
    ['the same template', { equals: '{{ env.kind }}' }, { equals: '{{ env.kind }}' }, 'equals'],
    ['the same condition', { when: 'input.total > 3' }, { when: '{{ input.total > 3 }}' }, 'when'],
  ])('can never fit behind %s', (_, one, other, member) => {
    expect(cases(one, { equals: 'between' }, other)).toEqual([`cases[2].${member}: unreachable_handle (error)`]);
  });

  it.each<[JsonObject, JsonObject]>([
    [{ equals: 1 }, { equals: '1' }],
    [{ equals: [1, 2] }, { equals: [2, 1] }],
    [{ when: 'input.a' }, { when: 'input.b' }],
    [{ when: '$random() > 0.5' }, { when: '$random() > 0.5' }],
    [{ equals: 'input.a' }, { when: 'input.a' }],
  ])('may stand behind another one: %j, %j', (one, other) => expect(cases(one, other)).toEqual([]));

  it('says which one comes first', () => {
    const config = {
      value: 'input',
      cases: [
        { name: 'a', equals: 1 },
        { name: 'b', equals: 1 },
      ],
    };
    const nodes: GraphNode[] = [
      { id: 'start', type: 'trigger.manual', config: {} },
      { id: 'it', type: 'logic.switch', config },
    ];
    expect(checkGraph({ nodes, edges: [{ source: 'start', target: 'it' }] })).toMatchObject([
      { message: 'The case "b" can never fit, since cases[0] says the same and is tried first: remove one or change it' },
    ]);
  });

  it('is worth a warning when it is decided already', () => {
    expect(cases({ when: 'false' }, { equals: 1 })).toEqual(['cases[0].when: unreachable_handle (warning)']);
    expect(cases({ when: 'true' }, { equals: 1 }, { equals: 1 })).toEqual(['cases[0].when: unreachable_handle (warning)']);
  });
});

it.each(['true', 'false', '{{ true }}'])('a condition that is always %s is worth a warning', (condition) => {
  expect(about('logic.if', { condition })).toEqual(['condition: unreachable_handle (warning)']);
});

it('a condition that only looks so is not', () => {
  expect(about('logic.if', { condition: "'true'" })).toEqual([]);
  expect(about('logic.if', { condition: 'input.`true`' })).toEqual([]);
});

describe('an edge from `error`', () => {
  const drawn = (onError: 'fail' | 'continue' | 'branch'): { nodes: GraphNode[]; edges: GraphEdge[] } => ({
    nodes: [
      { id: 'start', type: 'trigger.manual', config: {} },
      { id: 'a', type: 'data.set', config: { values: {} }, policy: { onError } },
      { id: 'b', type: 'data.set', config: { values: {} } },
    ],
    edges: [
      { source: 'start', target: 'a' },
      { source: 'a', target: 'b', sourceHandle: 'error' },
    ],
  });

  it('is never taken where the policy says otherwise', () => {
    for (const onError of ['fail', 'continue'] as const) {
      expect(checkGraph(drawn(onError))).toMatchObject([{ path: 'edges[1].sourceHandle', code: 'unreachable_handle' }]);
    }
    expect(checkGraph(drawn('branch'))).toEqual([]);
  });
});
