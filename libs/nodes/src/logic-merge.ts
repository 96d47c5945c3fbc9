import { DEFAULT_HANDLE, type JoinRule } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import type { PureNodeType } from './node-type.js';

export const logicMerge: PureNodeType = {
  type: 'logic.merge',
  kind: 'pure',
  title: 'Merge',
  description:
    'Waits for parallel branches; those that were not taken are not waited for. Its output is an object with the output of each ' +
    'branch that arrived, by the id of the node it came from.',
  configSchema: {
    title: 'Merge',
    type: 'object',
    properties: {
      mode: {
        title: 'Wait for',
        description: '`all` live branches, the first one (`any`), or a number of them (`kOf`).',
        type: 'string',
        literal: true,
        enum: ['all', 'any', 'kOf'],
        default: 'all',
      },
      count: { title: 'Branches', description: 'With `kOf`: how many branches must arrive.', type: 'integer', literal: true, minimum: 1 },
    },
    if: { properties: { mode: { const: 'kOf' } }, required: ['mode'] },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { required: ['count'] },
    additionalProperties: false,
    examples: [{ mode: 'all' }, { mode: 'kOf', count: 2 }],
  },
  handles: () => [DEFAULT_HANDLE],
  join: joinRule,
  run: ({ input }) => ({ kind: 'done', handle: DEFAULT_HANDLE, output: input }),
};

function joinRule({ mode, count }: JsonObject): JoinRule {
  if (mode === 'any') return { mode };
  return mode === 'kOf' && typeof count === 'number' ? { mode, count } : { mode: 'all' };
}
