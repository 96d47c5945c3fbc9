import { compileExpression, stripExpression } from '@sluice/expressions';
import { isJsonObject, type JsonObject } from '@sluice/kernel';
import { compile } from './check-expressions.js';
import { configChecker } from './config-schema.js';
import { type Finding, under } from './finding.js';

const NODE_RUNS_MAX = 200_000;
const KEY_ROOTS = ['trigger', 'customer'];

const literal = (type: string, title: string, description: string, rules: JsonObject): JsonObject => ({
  title,
  description,
  type,
  literal: true,
  ...rules,
});

/** JSON Schema of a workflow's settings, as of a node's config */
const settingsSchema: JsonObject = {
  title: 'Settings',
  type: 'object',
  properties: {
    deadlineMs: literal('integer', 'Deadline', 'Milliseconds after which a run is given up.', {
      minimum: 1_000,
      maximum: 366 * 24 * 60 * 60 * 1_000,
    }),
    errorWorkflow: literal('string', 'Error workflow', 'The workflow that is started when a run fails.', { format: 'uuid' }),
    priority: literal('string', 'Priority', 'Which runs of the same queue go first.', {
      enum: ['high', 'normal', 'low'],
      default: 'normal',
    }),
    queue: literal('string', 'Queue', "Which of a tenant's runs go first while more is waiting than can be done.", {
      enum: ['critical', 'default', 'bulk'],
      default: 'default',
    }),
    concurrency: {
      title: 'Concurrency',
      description: 'How many runs with the same key may be under way.',
      type: 'object',
      properties: {
        key: {
          title: 'Key',
          description: 'An expression over `trigger` and `customer`.',
          type: 'string',
          format: 'expression',
          minLength: 1,
          examples: ['customer.id'],
        },
        limit: literal('integer', 'Limit', 'Runs with the same key at a time.', { minimum: 1, maximum: 100, default: 1 }),
        onLimit: literal('string', 'At the limit', 'What happens to one more run.', {
          enum: ['queue', 'drop', 'cancelRunning'],
          default: 'queue',
        }),
      },
      required: ['key'],
      additionalProperties: false,
    },
    limits: {
      title: 'Limits',
      description: 'What a run may use at most.',
      type: 'object',
      properties: {
        nodeRuns: literal('integer', 'Node runs', 'Nodes that a run may run, each item of a loop counted.', {
          minimum: 1,
          maximum: NODE_RUNS_MAX,
        }),
        events: literal('integer', 'Events', 'Events that a run may write.', { minimum: 1 }),
        outputBytes: literal('integer', 'Output', "Bytes that all outputs of a run's nodes may have as JSON.", { minimum: 1 }),
      },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
};

const check = configChecker(settingsSchema);

/** What is wrong with a workflow's settings, at once. */
export function checkSettings(settings: JsonObject): Finding[] {
  const problems = [...check(settings), ...keyProblems(settings)];
  return problems.map(({ path, message }) => ({ path: under('settings', path), code: 'invalid_settings', message }));
}

function keyProblems({ concurrency }: JsonObject) {
  const key = isJsonObject(concurrency) ? concurrency['key'] : undefined;
  if (typeof key !== 'string' || key === '') return [];
  const path = 'concurrency.key';
  const compiled = compile(() => compileExpression(stripExpression(key)));
  if (typeof compiled === 'string') return [{ path, message: compiled }];
  const others = new Set(compiled.paths.map(([root]) => root).filter((root) => root !== undefined && !KEY_ROOTS.includes(root)));
  return [...others].map((root) => ({
    path,
    message: `"${root}" is not known before the run begins: the key can read ${KEY_ROOTS.join(' and ')}`,
  }));
}
