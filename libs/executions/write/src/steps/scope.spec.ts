import type { Scope } from '@sluice/expressions';
import { partsOf } from './scope.js';

const scope: Scope = {
  trigger: { text: 'hello' },
  input: 7,
  nodes: { order: { output: { id: 1 } }, other: { output: 2 } },
  execution: { id: 'e' },
  workflow: { id: 'w' },
  customer: { id: 'c' },
  env: { shop: 'a', rate: 'b' },
  item: 'x',
  index: 3,
};

it.each<[string[][], object]>([
  [[['event', 'text']], {}],
  [[['input'], ['trigger', 'text']], { trigger: { text: 'hello' }, input: 7 }],
  [[['nodes', 'order', 'output', 'id']], { nodes: { order: { output: { id: 1 } } } }],
  [[['nodes', 'order'], ['nodes']], { nodes: scope.nodes }],
  [[['env', 'shop'], ['item'], ['index'], ['execution', 'id']], { env: { shop: 'a' }, item: 'x', index: 3, execution: { id: 'e' } }],
  [[['approvals']], {}],
  [[[]], scope],
])('what %j read of a scope', (paths, parts) => expect(partsOf(scope, paths)).toEqual(parts));
