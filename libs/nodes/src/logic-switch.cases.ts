import type { NodeCase } from './node-cases.js';

const byKind = {
  value: 'trigger.kind',
  cases: [
    { name: 'story', equals: 'story_reply' },
    { name: 'message', equals: 'message' },
  ],
};

export const logicSwitchCases: readonly NodeCase[] = [
  {
    says: 'Goes on by the case whose `equals` is the value; its output is its input.',
    config: byKind,
    trigger: { kind: 'message' },
    input: { text: 'Hi' },
    gives: { kind: 'done', handle: 'message', output: { text: 'Hi' } },
  },
  {
    says: 'Goes on by `default` when no case fits.',
    config: byKind,
    trigger: { kind: 'comment' },
    gives: { kind: 'done', handle: 'default' },
  },
  {
    says: 'Takes conditions instead of values; the first case that fits counts.',
    config: {
      cases: [
        { name: 'large', when: 'input.total > 100' },
        { name: 'medium', when: 'input.total > 10' },
      ],
    },
    input: { total: 500 },
    gives: { handle: 'large' },
  },
  {
    says: 'Mixes both: `value` is only for the cases with `equals`.',
    config: {
      value: 'input.status',
      cases: [
        { name: 'gone', equals: 404 },
        { name: 'broken', when: 'input.status >= 500' },
      ],
    },
    input: { status: 502 },
    gives: { handle: 'broken' },
  },
  {
    says: 'Fills in templates in `equals`.',
    config: { value: 'input.owner', cases: [{ name: 'own', equals: '{{ trigger.customerId }}' }] },
    input: { owner: '9001' },
    trigger: { customerId: '9001' },
    gives: { handle: 'own' },
  },
  {
    says: 'Compares type and content: the text "200" is not the number 200.',
    config: { value: 'input.status', cases: [{ name: 'ok', equals: 200 }] },
    input: { status: '200' },
    gives: { handle: 'default' },
  },
  {
    says: 'A value that finds nothing fits no case.',
    config: { value: 'input.status', cases: [{ name: 'none', equals: '{{ input.expected }}' }] },
    input: {},
    gives: { handle: 'default' },
  },
  {
    says: 'A case has `equals` or `when`, not both.',
    config: { value: 'input.status', cases: [{ name: 'ok', equals: 200, when: 'input.body' }] },
    gives: { refused: 'invalid_config' },
  },
  {
    says: 'Each case has a name of its own: it is a handle.',
    config: {
      value: 'input.status',
      cases: [
        { name: 'ok', equals: 200 },
        { name: 'ok', equals: 201 },
      ],
    },
    gives: { refused: 'invalid_handle' },
  },
];
