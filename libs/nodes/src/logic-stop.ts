import { configFailure, optionalText } from './config-fields.js';
import type { PureNodeType } from './node-type.js';

export const logicStop: PureNodeType = {
  type: 'logic.stop',
  kind: 'pure',
  title: 'Stop',
  description: 'Ends the run at once, other branches included.',
  configSchema: {
    title: 'Stop',
    type: 'object',
    properties: {
      status: { title: 'Status', description: 'How the run ends.', type: 'string', enum: ['completed', 'failed'], default: 'completed' },
      output: { title: 'Output', description: "The run's output. Templates are filled in.", examples: [{ reason: '{{ input.reason }}' }] },
    },
    additionalProperties: false,
    examples: [{}, { status: 'failed', output: { reason: 'No such order: {{ input.orderId }}' } }],
  },
  handles: () => [],
  run({ config }) {
    const status = optionalText(config, 'status') ?? 'completed';
    if (status !== 'completed' && status !== 'failed') throw configFailure('status', 'must be "completed" or "failed"');
    const output = config['output'];
    return { kind: 'stop', status, ...(output === undefined ? {} : { output }) };
  },
};
