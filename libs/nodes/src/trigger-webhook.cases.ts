import type { NodeCase } from './node-cases.js';

export const triggerWebhookCases: readonly NodeCase[] = [
  {
    says: 'Its output is the event, which every expression of the workflow can also read as `trigger`.',
    config: {},
    input: { kind: 'message', action: 'message', customerId: '9001', text: 'What does it cost?' },
    gives: {
      kind: 'done',
      handle: 'out',
      output: { kind: 'message', action: 'message', customerId: '9001', text: 'What does it cost?' },
    },
  },
  {
    says: 'Hands on what the provider sent as `payload`, whatever kind of event it is.',
    config: {},
    input: { kind: 'comment', action: 'comment', customerId: '9001', text: 'Nice!', payload: { media: { id: '17' } } },
    gives: { output: { kind: 'comment', action: 'comment', customerId: '9001', text: 'Nice!', payload: { media: { id: '17' } } } },
  },
  {
    says: 'Does not choose channel or events by its config: the webhooks registered for the node do.',
    config: { channelId: '01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e', actionTypes: ['message'] },
    gives: { refused: 'invalid_config' },
  },
];
