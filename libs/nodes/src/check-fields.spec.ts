import type { Graph } from '@sluice/engine';
import type { Json } from '@sluice/kernel';
import { checkFields } from './check-fields.js';

const drawing = (expression: string, trigger = 'trigger.webhook'): Graph => ({
  nodes: [
    { id: 'in', type: trigger, config: {} },
    { id: 'it', type: 'data.set', config: { values: { a: `{{ ${expression} }}` } } },
  ],
  edges: [{ source: 'in', target: 'it' }],
});
const events: Json[] = [
  { kind: 'message', customerId: '9', text: 'price?', payload: { message: { mid: 'm', attachments: [] } } },
  {
    kind: 'story_reply',
    customerId: null,
    payload: { message: { mid: 'n', attachments: [{ type: 'image' }, { type: 'video', url: 'u' }] } },
  },
];
const found = (expression: string, samples = events) => [...checkFields(drawing(expression), samples)].map(({ message }) => message);

it.each([
  'trigger',
  'trigger.text',
  'trigger.customerId',
  'trigger.payload.message.mid',
  'trigger.payload.message.attachments.url',
  "trigger.payload.message.attachments[type = 'image'].url",
  'trigger.*.message',
  'input.nothing',
])('says nothing of a field that one of the events has: %s', (expression) => expect(found(expression)).toEqual([]));

it.each<[string, string]>([
  ['trigger.txet', 'None of the 2 newest events has a field "trigger.txet": did you mean "trigger.text"?'],
  ['trigger.message.mid', 'None of the 2 newest events has a field "trigger.message.mid": did you mean "trigger.payload.message.mid"?'],
  [
    'trigger.payload.message.attachments.urls',
    'None of the 2 newest events has a field "trigger.payload.message.attachments.urls": did you mean "trigger.payload.message.attachments.url"?',
  ],
  ['trigger.body', 'None of the 2 newest events has a field "trigger.body": check its spelling'],
  ['trigger.text.length', 'None of the 2 newest events has a field "trigger.text.length": check its spelling'],
])('warns of %s, and names what was meant', (expression, message) => {
  expect([...checkFields(drawing(expression), events)]).toEqual([
    { path: 'nodes[1].config.values.a', code: 'unknown_field', message, severity: 'warning' },
  ]);
});

it('says nothing without events', () => expect(found('trigger.txet', [])).toEqual([]));

it('says nothing of a run that no event begins', () => {
  expect([...checkFields(drawing('trigger.txet', 'trigger.manual'), events)]).toEqual([]);
});

it('survives events and expressions of any shape', () => {
  const deep: Json = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`);
  const wide: Json = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`field${index}`, index]));
  expect(found('trigger.b', [deep, wide, null, 'x', []])).toHaveLength(1);
  expect(found('1 +')).toEqual([]);
});
