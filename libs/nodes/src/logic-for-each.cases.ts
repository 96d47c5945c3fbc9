import type { NodeCase } from './node-cases.js';

export const logicForEachCases: readonly NodeCase[] = [
  {
    says: 'Runs what lies behind `item` once for each item of the list that the expression gives.',
    config: { items: 'input.orders' },
    input: { orders: [{ id: 1 }, { id: 2 }] },
    gives: { kind: 'loop', items: [{ id: 1 }, { id: 2 }] },
  },
  {
    says: 'Takes its input as the list if nothing else is said.',
    config: {},
    input: ['a', 'b'],
    gives: { kind: 'loop', items: ['a', 'b'] },
  },
  {
    says: 'Has nothing to do for an empty list, and goes on by `done` at once.',
    config: { items: 'input' },
    input: [],
    gives: { kind: 'loop', items: [] },
  },
  {
    says: 'Takes an expression that finds nothing for an empty list, whatever its input is.',
    config: { items: 'input.orders' },
    input: { customers: [1] },
    gives: { kind: 'loop', items: [] },
  },
  {
    says: 'Takes a list from the event that began the run.',
    config: { items: '{{ trigger.payload.entries.id }}', concurrency: 10 },
    trigger: { payload: { entries: [{ id: 'x' }, { id: 'y' }] } },
    gives: { kind: 'loop', items: ['x', 'y'] },
  },
  {
    says: 'Takes the only match of a filter for a list of one if `[ … ]` stands around the expression.',
    config: { items: '[input.orders[open]]', onItemError: 'continue' },
    input: {
      orders: [
        { id: 1, open: true },
        { id: 2, open: false },
      ],
    },
    gives: { kind: 'loop', items: [{ id: 1, open: true }] },
  },
  {
    says: 'Refuses what is no list: the only match of a filter comes alone.',
    config: { items: 'input.orders[open]' },
    input: {
      orders: [
        { id: 1, open: true },
        { id: 2, open: false },
      ],
    },
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Refuses a list of more than 10 000 items.',
    config: {},
    input: Array.from({ length: 10_001 }, (_, index) => index),
    gives: { fails: 'too_many_items' },
  },
];
