import { compileExpression, ExpressionFailed } from '@sluice/expressions';
import type { Json, JsonObject } from '@sluice/kernel';
import { dataFilter } from './data-filter.js';
import type { NodeInput } from './node-type.js';
import { runCase } from './run-case.js';

const scope = { trigger: null, input: null, nodes: {}, execution: {}, workflow: {}, customer: {}, env: {} };
const noSlow = () => Promise.reject(new Error('the slow evaluator was not meant to be asked'));

const filter = async (config: JsonObject, evaluate: NodeInput['evaluate']) =>
  dataFilter.run({ config, input: null, trigger: null, now: new Date(0), evaluate });
/** With a condition that is evaluated in process */
const filterBy = (condition: string, config: JsonObject) => {
  const compiled = compileExpression(condition);
  return filter({ condition, ...config }, (_field, locals) => compiled.evaluate({ ...scope, ...locals }, noSlow));
};
const output = (list: Json) => ({ kind: 'done', handle: 'out', output: list });

const cheap: JsonObject = { id: 1, total: 50 };
const dear: JsonObject = { id: 2, total: 150 };
const open: JsonObject = { id: 3 };
const dearer: JsonObject = { id: 4, total: 200 };
const orders: Json = [cheap, dear, open, dearer];

describe('data.filter', () => {
  it('keeps the items for which the condition holds, in their order', async () => {
    expect(await filterBy('item.total > 100', { items: orders })).toEqual(output([dear, dearer]));
    expect(await filterBy('item.total', { items: orders })).toEqual(output([cheap, dear, dearer]));
  });

  it('keeps the others if asked to', async () => {
    expect(await filterBy('item.total > 100', { items: orders, keep: 'rest' })).toEqual(output([cheap, open]));
  });

  it('tells the condition the place of each item', async () => {
    expect(await filterBy('index % 2 = 1', { items: Array.from({ length: 70 }, (_, index) => index) })).toEqual(
      output(Array.from({ length: 35 }, (_, index) => 2 * index + 1)),
    );
  });

  it('keeps null and lists as items', async () => {
    expect(await filterBy('true', { items: [null, [1], false] })).toEqual(output([null, [1], false]));
  });

  it.each([[[]], [null], [undefined]])('makes an empty list of nothing (%j)', async (items) => {
    expect(await filterBy('true', items === undefined ? {} : { items })).toEqual(output([]));
  });

  it('looks no further than its limit: what is wrong behind it is not seen', async () => {
    expect(await filterBy('item > 2', { items: [1, 3, 4, 'x'], limit: 2 })).toEqual(output([3, 4]));
    await expect(filterBy('item > 2', { items: [1, 3, 4, 'x'], limit: 3 })).rejects.toThrow(ExpressionFailed);
  });

  it('names the item at which the condition failed, the first of them', async () => {
    await expect(filterBy('item > 2', { items: [1, 'x', 'y'] })).rejects.toMatchObject({
      name: 'ExpressionFailed',
      code: 'expression_type',
      message: expect.stringMatching(/^`condition` failed for item 1: /),
    });
  });

  it('hands on what is no fault of the condition as it is', async () => {
    const busy = new Error('all workers are busy');
    await expect(filter({ items: [1] }, () => Promise.reject(busy))).rejects.toBe(busy);
  });

  it('B-11: ends when its conditions take too much together', async () => {
    const { gives } = await runCase(dataFilter, {
      says: '',
      config: { condition: "$contains(trigger, 'y')" },
      trigger: 'x'.repeat(2_000_000),
      input: Array.from({ length: 5_000 }, () => 0),
      gives: {},
    });
    expect(gives).toEqual({ fails: 'expression_timeout' });
  });

  it('T-16: lets others have a turn between its items', async () => {
    let turns = 0;
    let turn = setImmediate(function next() {
      turns += 1;
      turn = setImmediate(next);
    });
    await filter({ items: Array.from({ length: 200 }, () => 0) }, () => {
      const until = performance.now() + 1;
      while (performance.now() < until);
      return true;
    });
    clearImmediate(turn);
    expect(turns).toBeGreaterThan(10);
  });

  it('B-11: a condition that looks through what it was given is paid for as well', async () => {
    const wide: Json = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, 0]));
    await expect(filter({ items: Array.from({ length: 20_000 }, () => 0) }, () => wide)).rejects.toMatchObject({
      code: 'expression_timeout',
    });
  });

  it('has room for an ordinary condition on as many items as it takes', async () => {
    const items = Array.from({ length: 100_000 }, (_, id) => ({ id, status: 'paid', total: id, email: `customer-${id}@shop.example.com` }));
    const { gives } = await runCase(dataFilter, {
      says: '',
      config: { condition: "item.status = 'paid' and item.total >= 99990 and $contains(item.email, '@shop.')" },
      input: items,
      gives: {},
    });
    expect(gives).toMatchObject({ handle: 'out', output: items.slice(99_990) });
  });

  it('asks the slow evaluator for 32 items at a time, and keeps their order whichever comes first', async () => {
    let waiting = 0;
    let most = 0;
    const items = Array.from({ length: 100 }, (_, index) => index);
    const outcome = await filter({ items }, async (_field, { index = 0 }) => {
      most = Math.max(most, (waiting += 1));
      for (let turn = 0; turn < 40 - (index % 32); turn += 1) await Promise.resolve();
      waiting -= 1;
      return index % 10 === 0;
    });
    expect(outcome).toEqual(output([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]));
    expect(most).toBe(32);
  });

  it.each<[JsonObject, string]>([
    [
      { items: { a: 1 } },
      '`items` must be a list, not an object. An expression that finds one thing gives it alone: write [ … ] around it',
    ],
    [{ items: 'abc' }, '`items` must be a list, not a string'],
    [{ items: [], keep: 'some' }, '`keep` must be one of matching, rest'],
    [{ items: [], limit: 0 }, '`limit` must be a whole number from 1 to 100000'],
  ])('fails for good on %j', async (config, problem) => {
    await expect(filterBy('true', config)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(problem),
      options: { retryable: false },
    });
  });

  it('takes 100 000 items and no more', async () => {
    const items = Array.from({ length: 100_000 }, () => 1);
    expect(await filterBy('item = 2', { items })).toEqual(output([]));
    await expect(filterBy('item = 2', { items: [...items, 1] })).rejects.toMatchObject({
      code: 'too_many_items',
      options: { retryable: false },
    });
  });
});
