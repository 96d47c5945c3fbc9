import { DEFAULT_HANDLE } from '@sluice/engine';
import type { PureNodeType } from './node-type.js';

export const dataTransform: PureNodeType = {
  type: 'data.transform',
  kind: 'pure',
  title: 'Transform',
  description: 'Its output is what the expression evaluates to; null if that is nothing.',
  configSchema: {
    title: 'Transform',
    type: 'object',
    properties: {
      expression: {
        title: 'Expression',
        description: 'JSONata.',
        type: 'string',
        format: 'expression',
        minLength: 1,
        examples: ['input.items[price > 10].name', '{ "id": trigger.customerId, "total": $sum(input.items.price) }'],
      },
    },
    required: ['expression'],
    additionalProperties: false,
    examples: [{ expression: 'input.items[price > 10].name' }],
  },
  handles: () => [DEFAULT_HANDLE],
  run: ({ config }) => ({ kind: 'done', handle: DEFAULT_HANDLE, output: config['expression'] ?? null }),
};
