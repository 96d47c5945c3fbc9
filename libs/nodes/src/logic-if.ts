import { truthy } from '@sluice/expressions';
import type { PureNodeType } from './node-type.js';

export const logicIf: PureNodeType = {
  type: 'logic.if',
  kind: 'pure',
  title: 'If',
  description: 'Goes on by `true` or by `false`. Nothing, null, 0 and an empty text, list or object are false. Its output is its input.',
  configSchema: {
    title: 'If',
    type: 'object',
    properties: {
      condition: {
        title: 'Condition',
        description: 'An expression; what it evaluates to decides.',
        type: 'string',
        format: 'expression',
        minLength: 1,
        examples: ["trigger.text = 'hello'", 'input.status >= 400', "$contains($lowercase(trigger.text), 'price')"],
      },
    },
    required: ['condition'],
    additionalProperties: false,
    examples: [{ condition: "trigger.text = 'hello'" }],
  },
  handles: () => ['true', 'false'],
  run: ({ config, input }) => ({ kind: 'done', handle: truthy(config['condition']) ? 'true' : 'false', output: input }),
};
