import type { NodeCase } from './node-cases.js';

export const triggerManualCases: readonly NodeCase[] = [
  {
    says: 'Its output is the input with which the run was asked for, which every expression of the workflow can also read as `trigger`.',
    config: {},
    input: { orderId: 7 },
    gives: { kind: 'done', handle: 'out', output: { orderId: 7 } },
  },
  { says: 'Puts out null if no input came.', config: {}, gives: { kind: 'done', handle: 'out', output: null } },
  {
    says: 'Takes no input from its config: a `data.set` behind it can.',
    config: { input: { orderId: 7 } },
    gives: { refused: 'invalid_config' },
  },
];
