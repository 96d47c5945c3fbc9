import type { NodeCase } from './node-cases.js';

const items = [
  { name: 'tea', price: 3 },
  { name: 'cake', price: 6 },
  { name: 'pie', price: 7 },
];

export const dataTransformCases: readonly NodeCase[] = [
  {
    says: 'Puts out what the expression evaluates to.',
    config: { expression: 'input.items[price > 5].name' },
    input: { items },
    gives: { kind: 'done', handle: 'out', output: ['cake', 'pie'] },
  },
  {
    says: 'Makes an object.',
    config: { expression: '{ "customer": trigger.customerId, "total": $sum(input.items.price) }' },
    trigger: { customerId: '9001' },
    input: { items },
    gives: { output: { customer: '9001', total: 16 } },
  },
  {
    says: 'Takes functions of its own; braces around it make no difference.',
    config: { expression: '{{ $map(input.items, function($item) { $item.name & ": " & $string($item.price) }) }}' },
    input: { items },
    gives: { output: ['tea: 3', 'cake: 6', 'pie: 7'] },
  },
  {
    says: 'A filter with one match gives it alone.',
    config: { expression: 'input.items[price > 6].name' },
    input: { items },
    gives: { output: 'pie' },
  },
  {
    says: '`[ … ]` around it always gives a list.',
    config: { expression: '[input.items[price > 6].name]' },
    input: { items },
    gives: { output: ['pie'] },
  },
  {
    says: 'Puts out null when the expression finds nothing.',
    config: { expression: 'input.items[price > 100]' },
    input: { items },
    gives: { output: null },
  },
  {
    says: 'Fails when a function is given what it cannot take.',
    config: { expression: '$sum(input.items.name)' },
    input: { items },
    gives: { fails: 'expression_type' },
  },
  {
    says: 'An expression that cannot be read is found at publish.',
    config: { expression: 'input.items[' },
    gives: { refused: 'invalid_expression' },
  },
];
