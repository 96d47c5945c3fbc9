import { DEFAULT_HANDLE } from '@sluice/engine';
import type { TriggerNodeType } from './node-type.js';

export const triggerManual: TriggerNodeType = {
  type: 'trigger.manual',
  kind: 'trigger',
  title: 'Manual start',
  description: 'Starts a run when a person or a program asks for it. Its output is the input that came with the request.',
  configSchema: {
    title: 'Manual start',
    type: 'object',
    properties: {},
    additionalProperties: false,
    examples: [{}],
  },
  handles: () => [DEFAULT_HANDLE],
};
