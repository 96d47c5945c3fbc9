import type { NodeCase } from './node-cases.js';

const items = [
  { name: 'cup', price: 4 },
  { name: 'pot', price: 11 },
];

export const codeJavascriptCases: readonly NodeCase[] = [
  {
    says: 'Its output is what the code returns.',
    config: { source: 'const total = input.items.reduce((sum, item) => sum + item.price, 0);\nreturn { total };' },
    input: { items },
    gives: { kind: 'done', handle: 'out', output: { total: 15 } },
  },
  {
    says: 'Sees the event that began the run as `trigger`, and `values` with templates filled in as further constants.',
    config: {
      source: 'return `${greeting} ${trigger.customerId}: ${names.join(", ")}`;',
      values: { greeting: 'Hello', names: '{{ input.items.name }}' },
    },
    input: { items },
    trigger: { customerId: '42' },
    gives: { kind: 'done', handle: 'out', output: 'Hello 42: cup, pot' },
  },
  {
    says: 'Leaves `{{ }}` in the code alone: code is no template.',
    config: { source: 'return "Dear {{ name }}".replace("{{ name }}", input.name);' },
    input: { name: 'Ada' },
    gives: { kind: 'done', handle: 'out', output: 'Dear Ada' },
  },
  {
    says: 'May await promises of its own; a date becomes text, nothing becomes null.',
    config: {
      source: 'const [a, b] = await Promise.all([1, Promise.resolve(2)]);\nreturn { sum: a + b, at: new Date(0), none: [undefined] };',
    },
    gives: { kind: 'done', handle: 'out', output: { sum: 3, at: '1970-01-01T00:00:00.000Z', none: [null] } },
  },
  {
    says: 'Fails with the message and the line of what the code throws.',
    config: { source: 'if (input.stock === 0)\n  throw new Error("Nothing left");\nreturn input;' },
    input: { stock: 0 },
    gives: { fails: 'code_threw' },
  },
  {
    says: 'Has no network, timers or modules: what another node is for.',
    config: { source: 'return (await fetch("https://example.com")).json();' },
    gives: { fails: 'code_threw' },
  },
  {
    says: 'Is stopped when its time is over.',
    config: { source: 'while (true) {}', timeoutMs: 50 },
    gives: { fails: 'code_timeout' },
  },
  {
    says: 'Is stopped when its memory is full.',
    config: { source: 'const all = [];\nfor (;;) all.push(new Array(1000).fill(1));', timeoutMs: 10_000, memoryMb: 8 },
    gives: { fails: 'code_out_of_memory' },
  },
  {
    says: 'Refuses a result that is no JSON, and says where: a circle, a function, a BigInt, a Map, NaN.',
    config: { source: 'const order = { items: [] };\norder.items.push({ order });\nreturn order;' },
    gives: { fails: 'code_result_invalid' },
  },
  {
    says: 'Refuses values whose names are no constants.',
    config: { source: 'return 1;', values: '{{ input }}' },
    input: { 'not a name': 1 },
    gives: { fails: 'config_invalid' },
  },
];
