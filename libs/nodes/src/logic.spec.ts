import type { Json, JsonObject } from '@sluice/kernel';
import { logicIf } from './logic-if.js';
import { logicMerge } from './logic-merge.js';
import { logicStop } from './logic-stop.js';
import { logicSwitch } from './logic-switch.js';

const node = (config: JsonObject, input: Json = null) => ({ config, input, trigger: null, now: new Date(0), evaluate: () => undefined });

describe('logic.if', () => {
  it.each<[Json, string]>([
    [true, 'true'],
    [1, 'true'],
    ['no', 'true'],
    [[0, 1], 'true'],
    [false, 'false'],
    [0, 'false'],
    ['', 'false'],
    [null, 'false'],
    [[], 'false'],
    [{}, 'false'],
  ])('leaves by what the condition evaluated to: %j by "%s"', (condition, handle) => {
    expect(logicIf.run(node({ condition }, 'input'))).toEqual({ kind: 'done', handle, output: 'input' });
  });

  it('takes a condition that found nothing as false', () => {
    expect(logicIf.run(node({}))).toMatchObject({ handle: 'false' });
  });
});

describe('logic.switch', () => {
  const config = {
    value: 'paid',
    cases: [
      { name: 'open', equals: 'open' },
      { name: 'paid', equals: 'paid' },
      { name: 'also paid', equals: 'paid' },
    ],
  };

  it('has a handle for each case and one for the rest', () => {
    expect(logicSwitch.handles(config)).toEqual(['open', 'paid', 'also paid', 'default']);
  });

  it('leaves by the first case that fits, with its input as output', () => {
    expect(logicSwitch.run(node(config, { a: 1 }))).toEqual({ kind: 'done', handle: 'paid', output: { a: 1 } });
  });

  it('leaves by `default` when none fits', () => {
    expect(logicSwitch.run(node({ ...config, value: 'lost' }))).toMatchObject({ handle: 'default' });
  });

  it('takes conditions instead of values, as they were evaluated', () => {
    const cases = [
      { name: 'big', when: false },
      { name: 'urgent', when: 1 },
    ];
    expect(logicSwitch.run(node({ cases }))).toMatchObject({ handle: 'urgent' });
  });

  it.each<[Json, Json, boolean]>([
    [{ a: [1, { b: null }] }, { a: [1, { b: null }] }, true],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [1, '1', false],
    [null, false, false],
    [[1, 2], [2, 1], false],
    [{}, [], false],
    [{ a: 1 }, { a: 1, b: 1 }, false],
  ])('compares type and content: %j with %j', (value, equals, same) => {
    expect(logicSwitch.run(node({ value, cases: [{ name: 'same', equals }] }))).toMatchObject({ handle: same ? 'same' : 'default' });
  });

  it('does not take two missing paths for equal', () => {
    expect(logicSwitch.run(node({ cases: [{ name: 'same' }] }))).toMatchObject({ handle: 'default' });
  });
});

describe('logic.merge', () => {
  it.each<[JsonObject, object]>([
    [{}, { mode: 'all' }],
    [{ mode: 'all' }, { mode: 'all' }],
    [{ mode: 'any' }, { mode: 'any' }],
    [
      { mode: 'kOf', count: 2 },
      { mode: 'kOf', count: 2 },
    ],
  ])('tells the engine how to join: %j', (config, rule) => {
    expect(logicMerge.join?.(config)).toEqual(rule);
  });

  it('hands on what the branches brought', () => {
    const input = { price: { amount: 3 }, stock: 7 };
    expect(logicMerge.run(node({ mode: 'all' }, input))).toEqual({ kind: 'done', handle: 'out', output: input });
  });
});

describe('logic.stop', () => {
  it('ends the run as completed, with an output if one is given', () => {
    expect(logicStop.run(node({}))).toEqual({ kind: 'stop', status: 'completed' });
    expect(logicStop.run(node({ status: 'failed', output: { reason: 'closed' } }))).toEqual({
      kind: 'stop',
      status: 'failed',
      output: { reason: 'closed' },
    });
  });

  it('leads nowhere', () => expect(logicStop.handles({})).toEqual([]));

  it('refuses a status that a template made up', () => {
    expect(() => logicStop.run(node({ status: 'paused' }))).toThrow('`status` must be "completed" or "failed"');
  });
});
