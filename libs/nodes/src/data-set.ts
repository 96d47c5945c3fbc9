import { DEFAULT_HANDLE } from '@sluice/engine';
import { isJsonObject } from '@sluice/kernel';
import { configFailure, kindOf, optionalObject } from './config-fields.js';
import type { PureNodeType } from './node-type.js';

export const dataSet: PureNodeType = {
  type: 'data.set',
  kind: 'pure',
  title: 'Set values',
  description: 'Makes an object of the given values.',
  configSchema: {
    title: 'Set values',
    type: 'object',
    properties: {
      values: {
        title: 'Values',
        description: 'Templates are filled in. A value that is one whole expression keeps its type; one that finds nothing is left out.',
        type: 'object',
        examples: [
          { name: '{{ trigger.payload.name }}', greeting: 'Hello {{ trigger.payload.name }}', total: '{{ $sum(input.items.price) }}' },
        ],
      },
      keepInput: {
        title: 'Keep the input',
        description: "Adds the values to the input's fields instead of replacing them. The input must be an object then.",
        type: 'boolean',
        default: false,
      },
    },
    required: ['values'],
    additionalProperties: false,
    examples: [{ values: { customer: '{{ trigger.customerId }}' }, keepInput: true }],
  },
  handles: () => [DEFAULT_HANDLE],
  run({ config, input }) {
    const values = optionalObject(config, 'values');
    if (config['keepInput'] !== true) return { kind: 'done', handle: DEFAULT_HANDLE, output: values };
    if (!isJsonObject(input)) throw configFailure('keepInput', `needs an object as input, not ${kindOf(input)}`);
    return { kind: 'done', handle: DEFAULT_HANDLE, output: { ...input, ...values } };
  },
};
