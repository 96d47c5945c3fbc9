import type { NodeCase } from './node-cases.js';

const orders = [
  { id: 1, total: 50, open: true },
  { id: 2, total: 150, open: false },
  { id: 3, total: 200, open: true },
];

export const dataFilterCases: readonly NodeCase[] = [
  {
    says: 'Keeps the items of its input for which the condition holds.',
    config: { condition: 'item.total > 100' },
    input: orders,
    gives: { kind: 'done', handle: 'out', output: orders.slice(1) },
  },
  {
    says: 'Takes the list from wherever an expression finds it.',
    config: { items: '{{ trigger.payload.orders }}', condition: 'item.open' },
    trigger: { payload: { orders } },
    gives: { kind: 'done', handle: 'out', output: [orders[0] ?? null, orders[2] ?? null] },
  },
  {
    says: 'Keeps the others with `rest`.',
    config: { condition: 'item.open', keep: 'rest' },
    input: orders,
    gives: { kind: 'done', handle: 'out', output: orders.slice(1, 2) },
  },
  {
    says: 'Keeps the first ones only, with a limit.',
    config: { condition: 'item.total >= 50', limit: 2 },
    input: orders,
    gives: { kind: 'done', handle: 'out', output: orders.slice(0, 2) },
  },
  {
    says: 'Tells the condition the place of the item, from 0, and everything else that expressions see.',
    config: { items: 'input.names', condition: 'index > 0 and item != input.mine' },
    input: { names: ['Ada', 'Ada', 'Bob', 'Cy'], mine: 'Bob' },
    gives: { kind: 'done', handle: 'out', output: ['Ada', 'Cy'] },
  },
  {
    says: 'Makes an empty list of nothing, whatever its input is.',
    config: { items: 'input.orders', condition: 'true' },
    input: { customers: [1] },
    gives: { kind: 'done', handle: 'out', output: [] },
  },
  {
    says: 'Refuses what is no list.',
    config: { condition: 'item.open' },
    input: { orders },
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Fails for an item that the condition cannot be evaluated for.',
    config: { condition: 'item.total > 100' },
    input: [{ total: 150 }, { total: 'much' }],
    gives: { fails: 'expression_type' },
  },
];
