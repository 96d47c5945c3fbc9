import type { NodeCase } from './node-cases.js';

export const logicMergeCases: readonly NodeCase[] = [
  {
    says: 'Waits for all branches that are taken and puts out what each brought, by the id of its last node.',
    config: {},
    input: { price: { amount: 42 }, stock: { pieces: 7 } },
    gives: { kind: 'done', handle: 'out', output: { price: { amount: 42 }, stock: { pieces: 7 } } },
  },
  {
    says: 'Does not wait for a branch that was not taken, such as the other side of a `logic.if`.',
    config: { mode: 'all' },
    input: { 'was-true': { answer: 'yes' } },
    gives: { output: { 'was-true': { answer: 'yes' } } },
  },
  {
    says: 'Goes on with the first branch that arrives; the others end at it.',
    config: { mode: 'any' },
    input: { fast: { from: 'cache' } },
    gives: { handle: 'out', output: { fast: { from: 'cache' } } },
  },
  {
    says: 'Goes on once a number of branches has arrived.',
    config: { mode: 'kOf', count: 2 },
    input: { anna: 'yes', bert: 'yes' },
    gives: { handle: 'out', output: { anna: 'yes', bert: 'yes' } },
  },
  { says: 'Needs `count` with `kOf`.', config: { mode: 'kOf' }, gives: { refused: 'invalid_config' } },
  {
    says: 'How it joins is known before anything runs, so a template cannot say it.',
    config: { mode: 'kOf', count: '{{ input.votes }}' },
    gives: { refused: 'invalid_config' },
  },
];
