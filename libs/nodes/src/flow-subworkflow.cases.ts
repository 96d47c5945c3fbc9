import type { NodeCase } from './node-cases.js';

const workflowId = '01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e';

export const flowSubworkflowCases: readonly NodeCase[] = [
  {
    says: 'Runs the newest version of another workflow with its own input.',
    config: { workflowId },
    input: { orderId: 7 },
    gives: { kind: 'call', workflowId, input: { orderId: 7 } },
  },
  {
    says: 'Runs the version that is named.',
    config: { workflowId, version: 3 },
    input: 'x',
    gives: { kind: 'call', workflowId, version: 3, input: 'x' },
  },
  {
    says: 'Hands over what the templates of `input` make.',
    config: { workflowId, input: { orderId: '{{ input.body.id }}', from: 'Order {{ trigger.text }}' } },
    input: { body: { id: 7 } },
    trigger: { text: '#7' },
    gives: { kind: 'call', workflowId, input: { orderId: 7, from: 'Order #7' } },
  },
  {
    says: 'Hands over null for a template that finds nothing, and not its own input.',
    config: { workflowId, input: '{{ input.order }}' },
    input: { customer: 7 },
    gives: { kind: 'call', workflowId, input: null },
  },
];
