import type { NodeCase } from './node-cases.js';

export const logicIfCases: readonly NodeCase[] = [
  {
    says: 'Goes on by `true` when the condition holds; its output is its input.',
    config: { condition: "trigger.text = 'hello'" },
    trigger: { text: 'hello' },
    input: { step: 1 },
    gives: { kind: 'done', handle: 'true', output: { step: 1 } },
  },
  {
    says: 'Goes on by `false` when it does not.',
    config: { condition: 'input.status >= 400' },
    input: { status: 200 },
    gives: { kind: 'done', handle: 'false', output: { status: 200 } },
  },
  {
    says: 'Takes the condition with or without braces.',
    config: { condition: '{{ input.total > 100 and input.paid }}' },
    input: { total: 120, paid: true },
    gives: { handle: 'true' },
  },
  {
    says: 'Looks for a word, in capitals or not.',
    config: { condition: "$contains($lowercase(trigger.text), 'price')" },
    trigger: { text: 'Price?' },
    gives: { handle: 'true' },
  },
  {
    says: 'Takes a path that finds nothing for false.',
    config: { condition: 'input.customer.isVip' },
    input: { customer: {} },
    gives: { handle: 'false' },
  },
  {
    says: 'Takes an empty list for false: a filter that leaves nothing does not hold.',
    config: { condition: 'input.orders[open]' },
    input: { orders: [{ id: 1, open: false }] },
    gives: { handle: 'false' },
  },
  {
    says: 'Takes the text "false" for true, as it does any text but the empty one: compare it.',
    config: { condition: 'input.subscribed' },
    input: { subscribed: 'false' },
    gives: { handle: 'true' },
  },
  {
    says: 'Compares by type, too: the text "5" is not the number 5. `$number(…)` makes one.',
    config: { condition: 'input.count = 5' },
    input: { count: '5' },
    gives: { handle: 'false' },
  },
  {
    says: 'Fails when what is to be compared is neither two numbers nor two texts.',
    config: { condition: 'input.count > 5' },
    input: { count: '7' },
    gives: { fails: 'expression_type' },
  },
  { says: 'Equality is one `=`.', config: { condition: "trigger.text == 'hello'" }, gives: { refused: 'invalid_expression' } },
];
