import { DEFAULT_HANDLE } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { configFailure, optionalObject, requiredText } from './config-fields.js';
import type { TaskNodeType } from './node-type.js';

const TIMEOUT_MS = 1000;
const MEMORY_MB = 32;

/** `input` and `trigger` are the node's own; the others cannot be defined anew, or are words of the language. */
const NAME = '^(?!(?:input|trigger|undefined|NaN|Infinity|globalThis)$)[A-Za-z_$][A-Za-z0-9_$]*$';
const name = new RegExp(NAME);

export const codeJavascript: TaskNodeType = {
  type: 'code.javascript',
  kind: 'task',
  title: 'JavaScript',
  description:
    'Runs JavaScript in a sandbox; its output is what the code returns, as JSON. The code sees `input`, `trigger`, its own `values` and the ' +
    'built-ins of the language: no network, files, timers, modules, environment or console. Nothing is left of a run for the next. The ' +
    'result is recorded; an attempt that was interrupted is repeated, with other random numbers and another time. Operators switch ' +
    'code on (`CODE_NODES`).',
  configSchema: {
    title: 'JavaScript',
    type: 'object',
    properties: {
      source: {
        title: 'Code',
        description:
          'The body of an async function in strict mode: `return` what the output shall be. It is code, not a template: `{{ }}` means nothing ' +
          'in it. What it needs from elsewhere comes in by `values`.',
        type: 'string',
        format: 'code',
        syntax: 'javascript',
        pattern: '\\S',
        bytesMax: 65_536,
        examples: ['return { total: input.items.reduce((sum, item) => sum + item.price, 0) };'],
      },
      values: {
        title: 'Values',
        description:
          'Further constants of the code, by name. Templates are filled in; one that finds nothing leaves its name out, ' +
          '`{{ input.note ?? null }}` keeps it.',
        type: 'object',
        propertyNames: { pattern: NAME },
        additionalProperties: true,
        examples: [{ order: '{{ nodes.fetch.output.body }}', rate: '{{ env.rate }}', country: 'DE' }],
      },
      timeoutMs: {
        title: 'Time limit',
        description: 'Milliseconds of computing time.',
        type: 'integer',
        minimum: 1,
        maximum: 10_000,
        default: TIMEOUT_MS,
        literal: true,
      },
      memoryMb: {
        title: 'Memory limit',
        description: 'Megabytes.',
        type: 'integer',
        minimum: 4,
        maximum: 128,
        default: MEMORY_MB,
        literal: true,
      },
    },
    required: ['source'],
    additionalProperties: false,
    examples: [
      {
        source: 'const total = input.items.reduce((sum, item) => sum + item.price, 0);\nreturn { total, taxed: total * rate };',
        values: { rate: '{{ env.rate }}' },
      },
    ],
  },
  handles: () => [DEFAULT_HANDLE],
  async run({ config, input, trigger }, tools) {
    const limits = { timeoutMs: integer(config, 'timeoutMs', TIMEOUT_MS), memoryMb: integer(config, 'memoryMb', MEMORY_MB) };
    const output = await tools.runCode(requiredText(config, 'source'), { ...valuesOf(config), input, trigger }, limits);
    return { kind: 'done', handle: DEFAULT_HANDLE, output };
  },
};

/** It was written out and checked at publish. */
function integer(config: JsonObject, field: string, otherwise: number): number {
  const value = config[field];
  return typeof value === 'number' ? value : otherwise;
}

function valuesOf(config: JsonObject): JsonObject {
  const values = optionalObject(config, 'values');
  const unfit = Object.keys(values).find((one) => !name.test(one));
  if (unfit !== undefined) throw configFailure('values', `has ${JSON.stringify(unfit)}, which is no name for a constant`);
  return values;
}
