import type { Json } from '@sluice/kernel';
import fc from 'fast-check';
import jsonata from 'jsonata';

import { compileExpression } from './expression.js';
import { scanExpression } from './scan.js';
import { ExpressionFailed, type Scope } from './scope.js';

// Few names, so that paths of random expressions meet something in random documents.
const names = ['a', 'a', 'a', 'b', 'b', 'c', 'constructor'];
const name = fc.constantFrom(...names, '`__proto__`');
const key = fc.constantFrom(...names, '__proto__');
const text = fc.constantFrom('', 'a', 'b', 'ab c', ' x  y ', '10', '-2.50', '1e3', '0x1F', 'true', 'ß😀é', 'a,b,,c');
const number = fc.oneof(fc.integer({ min: -3, max: 4 }), fc.constantFrom(0.5, 1.5, 2.5, -0.5, 0.1, 0.2, 1e21, 123456789012345680, 1.005));

const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 3 });

const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(text, number, fc.boolean(), fc.constant(null)),
    list(tie('json')),
    list(fc.dictionary(key, tie('json'), { maxKeys: 3 })),
    fc.dictionary(key, tie('json'), { maxKeys: 4 }),
    list(number),
    list(text),
  ),
}));

const records = list(fc.record({ a: json, b: fc.oneof(text, number), c: list(fc.record({ a: number, b: json })) }));
const rest = { nodes: {}, execution: { id: 'e1' }, workflow: {}, customer: {}, env: { LIMIT: 2 } };

const scope = fc
  .record({ trigger: json, input: fc.oneof(json, records, records, list(records), fc.record({ a: records, b: json, c: text })) })
  .map((document): Scope => ({ ...document, ...rest }));

const words = (row: string): string[] => row.split(' ');
const oneArgument = words(
  'exists boolean not type string number length uppercase lowercase trim abs floor ceil round sum average max min count keys merge join',
);
const twoArguments = words('string substring substringBefore substringAfter contains split join round append lookup');
const roots = words('trigger input input input input.a $ $$.input a b (input) input[]');
const operators = words('+ - * / % = != < <= > >= & in and or ?? ?:');

const quoted = text.map((value) => JSON.stringify(value));
const call = (builtIns: readonly string[], ...args: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...builtIns), fc.constantFrom('', '', '', '[]', '[0]'), ...args)
    .map(([builtIn, suffix, ...values]) => `$${builtIn}(${values.join(', ')})${suffix}`);

const { expression } = fc.letrec<{ expression: string; path: string; step: string }>((tie) => {
  const expression = tie('expression');
  const joined = list(expression).map((parts) => parts.join(', '));
  return {
    step: fc.oneof(
      { arbitrary: name, weight: 6 },
      { arbitrary: fc.tuple(name, fc.integer({ min: -2, max: 2 })).map(([step, index]) => `${step}[${index}]`), weight: 2 },
      { arbitrary: fc.tuple(name, expression).map(([step, condition]) => `${step}[${condition}]`), weight: 2 },
      fc.tuple(name, name, fc.constantFrom(...operators), number).map(([step, ...condition]) => `${step}[${condition.join(' ')}]`),
      name.map((step) => `${step}[]`),
      expression.map((block) => `(${block})`),
      fc.constantFrom('$', '$$', '$[a]', '$.b', '$string()', '$uppercase()', '$keys()', '$type($)', '$count(c)', '(b & a)'),
      fc.constant('{"k": a, "l": c.a[0]}'),
    ),
    path: fc.tuple(fc.constantFrom(...roots), list(tie('step'))).map((steps) => steps.flat().join('.')),
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { arbitrary: tie('path'), weight: 5 },
      { arbitrary: fc.oneof(number.map(String), quoted, fc.constantFrom('true', 'false', 'null', '1/0')), weight: 3 },
      { arbitrary: tie('path'), weight: 5 },
      fc.tuple(expression, fc.constantFrom(...operators), expression).map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      fc.tuple(expression, expression, expression).map(([condition, then, otherwise]) => `(${condition} ? ${then} : ${otherwise})`),
      fc.tuple(expression, expression).map(([condition, then]) => `(${condition} ? ${then})`),
      joined.map((items) => `[${items}]`),
      joined.map((items) => `(${items.replaceAll(', ', '; ')})`),
      expression.map((value) => `-${value}`),
      fc.tuple(expression, fc.integer({ min: -2, max: 2 })).map(([value, index]) => `(${value})[${index}]`),
      expression.map((value) => `(${value})[]`),
      list(fc.tuple(fc.oneof(quoted, expression), expression)).map((pairs) => `{${pairs.map((pair) => pair.join(': ')).join(', ')}}`),
      call(oneArgument, fc.option(expression, { nil: '', freq: 8 })),
      call(twoArguments, expression, expression),
      call(['substring', 'split'], expression, expression, expression),
    ),
  };
});

const failed = Symbol('failed');

/** What the pool does with a result: JSON has neither functions nor infinite numbers. */
function asJson(value: unknown): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(
    JSON.stringify(value, (_key, part: unknown) => {
      if (typeof part === 'number' && !Number.isFinite(part)) throw new Error('not JSON');
      return part;
    }),
  );
}

async function byJsonata(source: string, document: Scope): Promise<unknown> {
  try {
    return asJson(await jsonata(source).evaluate(structuredClone(document)));
  } catch {
    return failed;
  }
}

function inProcess(source: string, document: Scope): unknown {
  try {
    const compiled = compileExpression(source);
    if (!compiled.fast) throw new Error(`${source} should be fast`);
    return compiled.evaluate(document);
  } catch (error) {
    if (error instanceof ExpressionFailed) return failed;
    throw error;
  }
}

it('gives what JSONata gives, or fails where it fails', async () => {
  const numRuns = Number(process.env['EXPRESSION_CASES'] ?? 400);
  await fc.assert(
    fc.asyncProperty(expression, scope, async (source, document) => {
      const before = JSON.stringify(document);
      const value = inProcess(source, document);
      expect(value).toEqual(await byJsonata(source, document));
      expect(JSON.stringify(document)).toBe(before);
    }),
    { numRuns },
  );
});

describe('does so where JSONata surprises', () => {
  const document: Scope = { trigger: { one: [{ a: [1] }], many: [{ a: 1 }, { a: [2, 3] }], nested: [[1, 2], [3]] }, input: [], ...rest };

  it.each([
    '$keys({"a": 1})[]',
    '(trigger.one.a)[]',
    'trigger.one[].a',
    'trigger.one.a',
    'trigger.many.a[0]',
    '(trigger.many.a)[0]',
    'trigger.nested[0]',
    'trigger.nested[1=1][1]',
    '[trigger.nested, [trigger.nested]]',
    'trigger.missing[1=1]',
    'trigger.many.b[1=1]',
    'trigger.many[[0, 0, -1]].a',
    'trigger.many[a]',
    'trigger.many.{"k": a}',
    'trigger.many in [trigger.many]',
    'trigger.one[0] in trigger.one',
    '1[1]',
    '"a"[0]',
    'null ?: 1',
    'input',
    '$append(input, input)',
    '$append(trigger.missing, 1)',
    '$substring("hello", -3, 2)',
    '$split("a b", "")',
    '$round(-2.5) & $round(12.345, 2) & $round(1234, -2)',
    '$number("0x1F") + $number("0b101")',
    '$max([]) ?? $sum([])',
    'and and or',
    '-$count(input)',
    '"\\u00e9" & "é"',
  ])('%s', async (source) => expect(inProcess(source, document)).toEqual(await byJsonata(source, document)));
});

it('finds the end of any of them in a template', () => {
  fc.assert(
    fc.property(expression, (source) => {
      expect(scanExpression(`${source}}} "`, 0)).toMatchObject({ end: source.length, closed: true });
    }),
  );
});
