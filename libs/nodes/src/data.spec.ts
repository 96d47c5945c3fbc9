import type { Json, JsonObject } from '@sluice/kernel';
import { dataSet } from './data-set.js';
import { dataTransform } from './data-transform.js';

const node = (config: JsonObject, input: Json = null) => ({ config, input, trigger: null, now: new Date(0), evaluate: () => undefined });

describe('data.set', () => {
  it('puts out the values', () => {
    expect(dataSet.run(node({ values: { name: 'Ada', age: 36 } }, { old: true }))).toEqual({
      kind: 'done',
      handle: 'out',
      output: { name: 'Ada', age: 36 },
    });
  });

  it('adds them to the input if asked to, its own going first', () => {
    const outcome = dataSet.run(node({ values: { age: 36 }, keepInput: true }, { name: 'Ada', age: 35 }));
    expect(outcome).toMatchObject({ output: { name: 'Ada', age: 36 } });
  });

  it.each<[Json, string]>([
    [null, 'null'],
    [[1], 'a list'],
    ['text', 'a string'],
  ])('cannot add to what is no object: %j', (input, kind) => {
    expect(() => dataSet.run(node({ values: {}, keepInput: true }, input))).toThrow(`needs an object as input, not ${kind}`);
  });

  it('keeps hostile names as names', () => {
    const values: JsonObject = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}');
    const outcome = dataSet.run(node({ values, keepInput: true }, { a: 1 }));
    expect(JSON.stringify(outcome)).toContain('"__proto__":{"polluted":true}');
    expect('polluted' in {}).toBe(false);
  });
});

describe('data.transform', () => {
  it('puts out what the expression evaluated to', () => {
    expect(dataTransform.run(node({ expression: [1, 2] }))).toEqual({ kind: 'done', handle: 'out', output: [1, 2] });
  });

  it('puts out null for nothing', () => {
    expect(dataTransform.run(node({}))).toMatchObject({ output: null });
  });
});
