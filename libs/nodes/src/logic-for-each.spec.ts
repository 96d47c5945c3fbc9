import { isJsonObject, type JsonObject } from '@sluice/kernel';
import { compileWorkflow, evaluateConfig } from './compile-workflow.js';
import { logicForEach } from './logic-for-each.js';
import { logicForEachCases } from './logic-for-each.cases.js';
import type { NodeCase } from './node-cases.js';
import { NodeFailure } from './node-type.js';

/** As a run would have it: the config evaluated, then the node */
async function outcome({ config, input = null, trigger = null }: NodeCase) {
  const program = compileWorkflow({ nodes: [{ id: 'it', type: logicForEach.type, config }], edges: [] }).programs.get('it');
  if (program === undefined) throw new Error('nothing was compiled');
  const scope = { trigger, input, nodes: {}, execution: {}, workflow: {}, customer: {}, env: {} };
  try {
    const evaluated = await evaluateConfig(program, scope, () => Promise.reject(new Error('not here')));
    return await logicForEach.run({ config: evaluated, input, trigger, now: new Date(0), evaluate: () => undefined });
  } catch (error) {
    if (error instanceof NodeFailure) return { fails: error.code, message: error.message, retryable: error.options.retryable };
    throw error;
  }
}

it.each(logicForEachCases.map((one) => [one.says, one] as const))('%s', async (_, one) => {
  expect(await outcome(one)).toMatchObject(isJsonObject(one.gives) ? one.gives : {});
});

it('takes exactly 10 000 items', async () => {
  const input = Array.from({ length: 10_000 }, () => 0);
  expect(await outcome({ says: '', config: {}, input, gives: {} })).toEqual({ kind: 'loop', items: input });
});

it('says what to do about what is no list, and does not try again', async () => {
  expect(await outcome({ says: '', config: {}, input: { id: 1 }, gives: {} })).toEqual({
    fails: 'config_invalid',
    message: '`items` must be a list, not an object. An expression that finds one thing gives it alone: write [ … ] around it',
    retryable: false,
  });
  expect(await outcome({ says: '', config: {}, input: Array.from({ length: 10_001 }, () => 0), gives: {} })).toMatchObject({
    message: 'The list has 10001 items, and a loop at most 10000: split the list',
    retryable: false,
  });
});

it.each<[JsonObject, object]>([
  [{}, { concurrency: 1, onItemError: 'fail' }],
  [
    { concurrency: 10, onItemError: 'continue' },
    { concurrency: 10, onItemError: 'continue' },
  ],
])('tells the engine how to loop: %j', (config, rule) => expect(logicForEach.loop?.(config)).toEqual(rule));

it('is left by each item, and when all are done', () => expect(logicForEach.handles({})).toEqual(['item', 'done']));
