import type { NodeCase } from './node-cases.js';

export const dataSetCases: readonly NodeCase[] = [
  {
    says: 'Puts out the values instead of its input.',
    config: { values: { name: 'Ada', vip: true } },
    input: { old: 1 },
    gives: { kind: 'done', handle: 'out', output: { name: 'Ada', vip: true } },
  },
  {
    says: 'Fills in templates; a value that is one whole expression keeps its type, in mixed text it becomes text.',
    config: { values: { total: '{{ input.total }}', text: 'It is {{ input.total }} EUR', items: '{{ input.items }}' } },
    input: { total: 12, items: ['a', 'b'] },
    gives: { output: { total: 12, text: 'It is 12 EUR', items: ['a', 'b'] } },
  },
  {
    says: 'Calculates with any JSONata.',
    config: {
      values: { total: '{{ $sum(input.items.price) }}', dear: '{{ $map(input.items[price > 5], function($item) { $item.name }) }}' },
    },
    input: {
      items: [
        { name: 'tea', price: 3 },
        { name: 'cake', price: 6 },
        { name: 'pie', price: 7 },
      ],
    },
    gives: { output: { total: 16, dear: ['cake', 'pie'] } },
  },
  {
    says: 'Leaves out a value that finds nothing; in mixed text it is empty, in a list null.',
    config: { values: { name: '{{ input.name }}', greeting: 'Hello {{ input.name }}!', names: ['{{ input.name }}'] } },
    input: {},
    gives: { output: { greeting: 'Hello !', names: [null] } },
  },
  {
    says: 'Adds the values to the fields of its input with `keepInput`; a value of the same name takes the place of the old one.',
    config: { values: { status: 'paid' }, keepInput: true },
    input: { id: 7, status: 'open' },
    gives: { output: { id: 7, status: 'paid' } },
  },
  {
    says: 'Replaces a field as a whole: objects are not merged within.',
    config: { values: { address: { city: 'Graz' } }, keepInput: true },
    input: { address: { city: 'Linz', street: 'Hauptplatz 1' } },
    gives: { output: { address: { city: 'Graz' } } },
  },
  {
    says: 'Cannot keep an input that is no object.',
    config: { values: { status: 'paid' }, keepInput: true },
    input: ['a', 'b'],
    gives: { fails: 'config_invalid' },
  },
  { says: 'Wants the fields under `values`.', config: { name: 'Ada' }, gives: { refused: 'invalid_config' } },
];
