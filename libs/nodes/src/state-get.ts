import { DEFAULT_HANDLE } from '@sluice/engine';
import type { TaskNodeType } from './node-type.js';
import { stateAddressFields, stateAddressOf } from './state-address.js';

export const stateGet: TaskNodeType = {
  type: 'state.get',
  kind: 'task',
  title: 'Get state',
  description:
    'Reads a value that `state.set` wrote, in this run or an earlier one. Its output is `{value, version, found}`. Where there is none, ' +
    '`found` is false, `value` is the default and `version` is 0: with `ifVersion`, `state.set` writes only what nobody else changed since.',
  configSchema: {
    title: 'Get state',
    type: 'object',
    properties: {
      ...stateAddressFields,
      default: {
        title: 'Default',
        description: 'The value where there is none; without it null. Templates are filled in.',
        examples: [0, [], { count: 0 }],
      },
    },
    required: ['scope', 'key'],
    additionalProperties: false,
    examples: [
      { scope: 'customer', key: 'last-order' },
      { scope: 'workflow', key: 'counter', default: 0 },
    ],
  },
  handles: () => [DEFAULT_HANDLE],
  async run({ config }, tools) {
    const stored = await tools.readState(stateAddressOf(config));
    const output = stored
      ? { value: stored.value, version: stored.version, found: true }
      : { value: config['default'] ?? null, version: 0, found: false };
    return { kind: 'done', handle: DEFAULT_HANDLE, output };
  },
};
