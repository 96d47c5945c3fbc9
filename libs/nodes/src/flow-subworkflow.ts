import { DEFAULT_HANDLE } from '@sluice/engine';
import { requiredText } from './config-fields.js';
import type { PureNodeType } from './node-type.js';

export const flowSubworkflow: PureNodeType = {
  type: 'flow.subworkflow',
  kind: 'pure',
  title: 'Run a workflow',
  description:
    'Runs another workflow of the tenant, from its manual start, and waits for its end. Its output is what that run put out; it fails if ' +
    'that run failed.',
  configSchema: {
    title: 'Run a workflow',
    type: 'object',
    properties: {
      workflowId: {
        title: 'Workflow',
        description: 'Its id. It must be published, have a node of type trigger.manual, and not lead back here.',
        type: 'string',
        format: 'uuid',
        literal: true,
      },
      version: {
        title: 'Version',
        description: 'Without it, the newest one at the time of the call.',
        type: 'integer',
        literal: true,
        minimum: 1,
        maximum: 2_147_483_647,
      },
      input: {
        title: 'Input',
        description: "The run's input. Templates are filled in; one that finds nothing gives null. Without it, the node's own input.",
        default: '{{ input }}',
        examples: [{ orderId: '{{ input.body.id }}' }],
      },
    },
    required: ['workflowId'],
    additionalProperties: false,
    examples: [
      { workflowId: '01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e' },
      { workflowId: '01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e', version: 3, input: { orderId: '{{ input.body.id }}' } },
    ],
  },
  handles: () => [DEFAULT_HANDLE],
  run({ config }) {
    const { version, input = null } = config;
    const workflowId = requiredText(config, 'workflowId').toLowerCase();
    return { kind: 'call', workflowId, ...(typeof version === 'number' ? { version } : {}), input };
  },
};
