import { DEFAULT_HANDLE } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { configFailure, optionalInteger } from './config-fields.js';
import type { EffectNodeType, StateChange } from './node-type.js';
import { stateAddressFields, stateAddressOf } from './state-address.js';

const CONFLICT_HANDLE = 'conflict';
const VALUE_BYTES_MAX = 64 * 1024;
/** JSON writes them as escapes; a backslash before one is itself escaped. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i;
const TTL_MS_MAX = 10 * 366 * 24 * 60 * 60 * 1000;

export const stateSet: EffectNodeType = {
  type: 'state.set',
  kind: 'effect',
  effect: 'idempotent',
  title: 'Set state',
  description:
    'Writes or deletes a value that `state.get` reads, in this run or a later one; however often it is tried, it is written once. Its ' +
    'output is `{value, version, written}`, as they are afterwards: null and 0 after deleting. With `ifVersion` it is left by `conflict` ' +
    'if another version is there; its output then tells which, and `written` is false.',
  configSchema: {
    title: 'Set state',
    type: 'object',
    properties: {
      ...stateAddressFields,
      value: {
        title: 'Value',
        description: `Anything; at most ${VALUE_BYTES_MAX} bytes as JSON. Templates are filled in.`,
        examples: ['{{ input.orderId }}', { count: '{{ input.value.count + 1 }}' }],
      },
      delete: { title: 'Delete', description: 'Deletes the value instead.', type: 'boolean', enum: [true], examples: [true] },
      ifVersion: {
        title: 'If version',
        handle: 'conflict',
        description: 'Writes only if the value has this version, as `state.get` gave it; 0: only if there is none.',
        type: 'integer',
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        needsValue: true,
        examples: ['{{ input.version }}', 0],
      },
      ttlMs: {
        title: 'Time to live',
        description: 'Milliseconds after which the value is forgotten. Without it: never.',
        type: 'integer',
        minimum: 1,
        maximum: TTL_MS_MAX,
        needsValue: true,
        examples: [86_400_000],
      },
    },
    required: ['scope', 'key'],
    oneOf: [{ required: ['value'] }, { required: ['delete'] }],
    additionalProperties: false,
    examples: [
      { scope: 'customer', key: 'last-order', value: '{{ input.orderId }}', ttlMs: 86_400_000 },
      { scope: 'workflow', key: 'counter', value: '{{ input.value + 1 }}', ifVersion: '{{ input.version }}' },
      { scope: 'customer', key: 'last-order', delete: true },
    ],
  },
  handles: ({ ifVersion }) => (ifVersion === undefined ? [DEFAULT_HANDLE] : [DEFAULT_HANDLE, CONFLICT_HANDLE]),
  async run({ config }, tools) {
    const { written, now } = await tools.writeState(stateAddressOf(config), changeOf(config));
    const output = { value: now?.value ?? null, version: now?.version ?? 0, written };
    return { kind: 'done', handle: written ? DEFAULT_HANDLE : CONFLICT_HANDLE, output };
  },
};

function changeOf(config: JsonObject): StateChange {
  const { value } = config;
  const ifVersion = optionalInteger(config, 'ifVersion', 0, Number.MAX_SAFE_INTEGER);
  const ttlMs = optionalInteger(config, 'ttlMs', 1, TTL_MS_MAX);
  const condition = ifVersion === undefined ? {} : { ifVersion };
  if (config['delete'] === true) return condition;
  if (value === undefined) throw configFailure('value', 'has no value: its expression found nothing. `delete` deletes');
  const json = JSON.stringify(value);
  if (UNSTORABLE.test(json)) throw configFailure('value', 'has a NUL character or half of an emoji in it: such texts cannot be kept');
  const bytes = Buffer.byteLength(json);
  if (bytes > VALUE_BYTES_MAX)
    throw configFailure('value', `has ${bytes} bytes as JSON, and at most ${VALUE_BYTES_MAX} are kept: shorten it`);
  return { value, ...condition, ...(ttlMs === undefined ? {} : { ttlMs }) };
}
