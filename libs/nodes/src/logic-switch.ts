import { truthy } from '@sluice/expressions';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { isList } from './config-fields.js';
import type { PureNodeType } from './node-type.js';

const OTHERWISE = 'default';

export const logicSwitch: PureNodeType = {
  type: 'logic.switch',
  kind: 'pure',
  title: 'Switch',
  description: 'Goes on by the handle of the first case that fits, else by `default`. Its output is its input.',
  configSchema: {
    title: 'Switch',
    type: 'object',
    properties: {
      value: {
        title: 'Value',
        description: 'An expression; the cases with `equals` are compared with what it evaluates to. Not needed if every case has `when`.',
        type: 'string',
        format: 'expression',
        minLength: 1,
        examples: ['trigger.kind', '{{ input.body.status }}'],
      },
      cases: {
        title: 'Cases',
        description: 'Tried from the first to the last.',
        type: 'array',
        minItems: 1,
        maxItems: 50,
        items: {
          title: 'Case',
          type: 'object',
          properties: {
            name: {
              title: 'Name',
              description: 'The handle by which the node is left.',
              type: 'string',
              literal: true,
              handle: true,
              minLength: 1,
              maxLength: 64,
            },
            equals: {
              title: 'Equals',
              description: 'Fits when the value is this one: same type, same content.',
              examples: ['story_reply', 200, true],
            },
            when: {
              title: 'When',
              description: 'Fits when this expression is true.',
              type: 'string',
              format: 'expression',
              minLength: 1,
              examples: ['input.total > 100'],
            },
          },
          required: ['name'],
          oneOf: [{ required: ['equals'] }, { required: ['when'] }],
          additionalProperties: false,
        },
      },
    },
    required: ['cases'],
    additionalProperties: false,
    examples: [
      {
        value: 'trigger.kind',
        cases: [
          { name: 'story', equals: 'story_reply' },
          { name: 'long', when: '$length(trigger.text) > 200' },
        ],
      },
    ],
  },
  handles: (config) => [...casesOf(config).flatMap(({ name }) => (typeof name === 'string' ? [name] : [])), OTHERWISE],
  run({ config, input }) {
    const value = config['value'];
    const fitting = casesOf(config).find((one) => ('when' in one ? truthy(one['when']) : isSame(one['equals'], value)));
    const name = fitting?.['name'];
    return { kind: 'done', handle: typeof name === 'string' ? name : OTHERWISE, output: input };
  },
};

function casesOf(config: JsonObject): readonly JsonObject[] {
  const cases = config['cases'] ?? [];
  return isList(cases) ? cases.filter(isJsonObject) : [];
}

/** An `equals` that found nothing fits nothing, not even a value that found nothing. */
function isSame(left: Json | undefined, right: Json | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (isList(left) || isList(right)) {
    return isList(left) && isList(right) && left.length === right.length && left.every((item, index) => isSame(item, right[index]));
  }
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && isSame(left[key], right[key]));
}
