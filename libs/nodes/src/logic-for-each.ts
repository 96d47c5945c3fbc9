import { DONE_HANDLE, ITEM_HANDLE } from '@sluice/engine';
import type { Json } from '@sluice/kernel';
import { configFailure, isList, kindOf } from './config-fields.js';
import { NodeFailure, type PureNodeType } from './node-type.js';

const ITEMS_MAX = 10_000;

export const logicForEach: PureNodeType = {
  type: 'logic.forEach',
  kind: 'pure',
  title: 'For each',
  description:
    'Runs what lies behind its handle `item` once for each item of a list, then goes on by `done` with the list of their results, in the ' +
    "order of the items. A way behind `item` ends where nothing follows: what its last node puts out is the item's result. Expressions " +
    'there can read `item` and `index`, its place from 0.',
  configSchema: {
    title: 'For each',
    type: 'object',
    properties: {
      items: {
        title: 'Items',
        description: `An expression that gives a list of at most ${ITEMS_MAX} items. Nothing counts as an empty list.`,
        type: 'string',
        format: 'expression',
        minLength: 1,
        default: 'input',
        examples: ['input.body.orders', 'trigger.payload.entries', '[input.orders[open]]'],
      },
      concurrency: {
        title: 'At a time',
        description: 'How many items are under way at once.',
        type: 'integer',
        literal: true,
        minimum: 1,
        maximum: 100,
        default: 1,
      },
      onItemError: {
        title: 'When an item fails',
        description: '`fail`: the loop fails, and the other items are given up. `continue`: the result of that item is `{error}`.',
        type: 'string',
        literal: true,
        enum: ['fail', 'continue'],
        default: 'fail',
      },
    },
    additionalProperties: false,
    examples: [{ items: 'input.body.orders' }, { items: 'trigger.payload.entries', concurrency: 10, onItemError: 'continue' }],
  },
  handles: () => [ITEM_HANDLE, DONE_HANDLE],
  loop: ({ concurrency, onItemError }) => ({
    concurrency: typeof concurrency === 'number' ? concurrency : 1,
    onItemError: onItemError === 'continue' ? 'continue' : 'fail',
  }),
  run: ({ config }) => ({ kind: 'loop', items: itemsOf(config['items'] ?? null) }),
};

function itemsOf(value: Json): readonly Json[] {
  if (value === null) return [];
  if (!isList(value)) {
    throw configFailure(
      'items',
      `must be a list, not ${kindOf(value)}. An expression that finds one thing gives it alone: write [ … ] around it`,
    );
  }
  if (value.length <= ITEMS_MAX) return value;
  throw new NodeFailure('too_many_items', `The list has ${value.length} items, and a loop at most ${ITEMS_MAX}: split the list`, {
    retryable: false,
  });
}
