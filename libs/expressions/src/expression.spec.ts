import type { Json } from '@sluice/kernel';

import { compileExpression, truthy } from './expression.js';
import { ExpressionFailed, type Scope } from './scope.js';

const scope: Scope = {
  trigger: {
    type: 'message',
    payload: {
      text: 'Hello',
      empty: '',
      count: 3,
      none: null,
      tags: ['a', 'b'],
      one: [{ id: 7 }],
      items: [{ name: 'x', price: 2, sizes: [1, 2] }, { name: 'y', price: 3, sizes: [3] }, { price: 4 }],
    },
  },
  input: JSON.parse('{"__proto__": {"polluted": 1}, "toString": "mine"}'),
  nodes: { fetch: { output: { status: 200, body: { ok: true } } }, 'with-dash': { output: 1 } },
  execution: { id: 'e1' },
  workflow: { id: 'w1' },
  customer: {},
  env: { LIMIT: 10 },
};

function evaluate(source: string, document: Scope = scope): Json | undefined {
  const expression = compileExpression(source);
  if (!expression.fast) throw new Error(`${source} is slow`);
  return expression.evaluate(document);
}

function failure(evaluation: () => unknown): ExpressionFailed {
  try {
    evaluation();
  } catch (error) {
    if (error instanceof ExpressionFailed) return error;
    throw error;
  }
  throw new Error('It did not fail');
}

describe('examples', () => {
  it.each<[string, Json | undefined]>([
    ['trigger.payload.text', 'Hello'],
    ['trigger.payload.missing.deeper', undefined],
    ['nodes.fetch.output.body', { ok: true }],
    ['nodes.`with-dash`.output', 1],
    ['trigger.payload.items.name', ['x', 'y']],
    ['trigger.payload.items.sizes', [1, 2, 3]],
    ['trigger.payload.one.id', 7],
    ['trigger.payload.one.id[]', [7]],
    ['trigger.payload.items[0].name', 'x'],
    ['trigger.payload.items[-1].price', 4],
    ['trigger.payload.items[price > 2].price', [3, 4]],
    ['trigger.payload.items[price = $$.trigger.payload.count].name', 'y'],
    ['trigger.payload.tags[$ != "a"]', 'b'],
    ['trigger.payload.items.(price * 2)', [4, 6, 8]],
    ['trigger.payload.items.{"n": name, "p": price}', [{ n: 'x', p: 2 }, { n: 'y', p: 3 }, { p: 4 }]],
    ['{"id": execution.id, "tags": [trigger.payload.tags, "c"], "no": missing}', { id: 'e1', tags: ['a', 'b', 'c'] }],
    ['trigger.payload.count + 1 > 3 and "a" in trigger.payload.tags', true],
    ['trigger.payload.text & " " & trigger.payload.count & missing', 'Hello 3'],
    ['trigger.payload.count > env.LIMIT ? "many" : "few"', 'few'],
    ['missing ?? trigger.payload.empty ?: "default"', 'default'],
    ['missing = missing', false],
    ['trigger.payload.none', null],
    ['$sum(trigger.payload.items.price)', 9],
    ['$uppercase($substring(trigger.payload.text, 0, 2))', 'HE'],
    ['$join(trigger.payload.tags, "-")', 'a-b'],
    ['$round(2.5)', 2],
    ['$exists(trigger.payload.missing)', false],
    ['0.1 + 0.2 & ""', '0.3'],
  ])('%s', (source, value) => expect(evaluate(source)).toEqual(value));
});

describe('what may take long goes to the slow evaluator', () => {
  it.each([
    '$map(trigger.payload.items, function($i) { $i.price })',
    '( $x := 1; $x + 1 )',
    '[1..10]',
    '$match(trigger.payload.text, /l+/)',
    '$contains(trigger.payload.text, /l+/)',
    '/l+/',
    'trigger.payload.items^(price)',
    'trigger.payload.items{name: price}',
    '**.price',
    'trigger.*',
    'trigger.payload.items.%',
    '$sum',
    '$now()',
    '$eval("1")',
    'trigger.payload.text ~> $uppercase',
    '$ ~> |trigger|{"a": 1}|',
    'trigger.payload.items#$i.name',
  ])('%s', async (source) => {
    const expression = compileExpression(source);
    expect(expression.fast).toBe(false);
    const value = expression.evaluate(scope, async (given, document) => (given === source && document === scope ? 'slow' : null));
    expect(await value).toBe('slow');
  });
});

describe('what an expression reads is known before it runs', () => {
  it.each<[string, string[][]]>([
    ['nodes.a.output.x.y', [['nodes', 'a', 'output', 'x', 'y']]],
    [
      'nodes.a.output[0].x + nodes.b.output',
      [
        ['nodes', 'a', 'output'],
        ['nodes', 'b', 'output'],
      ],
    ],
    [
      'trigger.items[id = $$.input.id].name',
      [
        ['trigger', 'items'],
        ['input', 'id'],
      ],
    ],
    ['trigger.x = trigger', [['trigger']]],
    [
      '$map(trigger.items, function($i) { $i.price * env.RATE })',
      [
        ['trigger', 'items'],
        ['env', 'RATE'],
      ],
    ],
    ['"a" & 1', []],
    ['$now()', []],
    ['nodes.*.output', [['nodes']]],
    ['$.trigger.x', [['trigger', 'x']]],
    ['trigger.items{name: $sum(price)}', [['trigger', 'items']]],
    ['nodes.a@$x.b', [['nodes']]],
    ['trigger.a.%.b', [[]]],
    ['$$', [[]]],
    ['**', [[]]],
    ['$string()', [[]]],
    ['$lookup("trigger")', [[]]],
    ['$eval("trigger")', [[]]],
  ])('%s', (source, paths) => expect(compileExpression(source).paths).toEqual(paths));
});

describe('a failure is an ExpressionFailed that says what and where', () => {
  it.each([
    ['trigger.', 'expression_syntax', /Unexpected end of expression/],
    ['(1 + 2', 'expression_syntax', /Expected "\)" before end of expression at character 6/],
    ['"open', 'expression_syntax', /String literal must be terminated/],
    ['   ', 'expression_syntax', /empty/],
    ['a }} b', 'expression_syntax', /}} at character 3/],
    ['/(/', 'expression_syntax', /./],
    ['function($x)<n:n>{ $x }', 'expression_syntax', /signatures/],
    ['trigger.payload.text + 1', 'expression_type', /left side of the \+ operator/],
    ['trigger.payload.count < "a"', 'expression_type', /same data type/],
    ['$uppercase(1)', 'expression_type', /\$uppercase/],
    ['$number("x")', 'expression_failed', /Unable to cast/],
    ['1 / 0', 'expression_failed', /out of range/],
    ['{"a": 1, "a": 2}', 'expression_failed', /same key/],
  ])('%s', (source, code, message) => {
    const error = failure(() => evaluate(source));
    expect(error).toMatchObject({ code, source });
    expect(error.message).toMatch(message);
  });
});

describe('truthiness is that of $boolean', () => {
  it.each<[Json | undefined, boolean]>([
    [undefined, false],
    [null, false],
    ['', false],
    ['0', true],
    [0, false],
    [-1, true],
    [[], false],
    [[0, ''], false],
    [[0, 'x'], true],
    [{}, false],
    [{ a: null }, true],
  ])('%j: %s', (value, expected) => expect(truthy(value)).toBe(expected));
});

describe('B-03: names of prototypes are names like any other', () => {
  it.each<[string, Json | undefined]>([
    ['input.`__proto__`', { polluted: 1 }],
    ['input.`__proto__`.polluted', 1],
    ['trigger.`__proto__`', undefined],
    ['trigger.constructor', undefined],
    ['trigger.constructor.prototype', undefined],
    ['trigger.payload.text.length', undefined],
    ['input.toString', 'mine'],
    ['trigger.toString', undefined],
    ['$lookup(trigger, "__proto__")', undefined],
    ['$lookup(trigger, "constructor")', undefined],
    ['$keys(input)', ['__proto__', 'toString']],
  ])('%s', (source, value) => {
    const result = evaluate(source);
    if (value === undefined) expect(result).toBeUndefined();
    else expect(JSON.stringify(result)).toBe(JSON.stringify(value));
  });

  it.each(['{"__proto__": {"polluted": true}}', '$merge([input, {"__proto__": {"polluted": true}}])', '{"a": input}.a'])(
    '%s makes an own key',
    (source) => {
      const result = evaluate(source);
      expect(Object.hasOwn(Object(result), '__proto__')).toBe(true);
      expect(Object.getPrototypeOf(result)).toBe(Object.getPrototypeOf({}));
      expect('polluted' in Object.prototype).toBe(false);
    },
  );
});

/** Of this process, so that other work on the machine does not count. */
const processorMs = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
};

describe('B-11: bombs end soon', () => {
  const many = Array.from({ length: 20_000 }, (_, id) => ({ id, text: 'x'.repeat(5) }));
  const large: Scope = { ...scope, input: { many, long: 'x'.repeat(200_000) } };
  const times = (count: number, part: string, separator: string): string => Array.from({ length: count }, () => part).join(separator);

  it.each([
    ['every item with every other', 'input.many[id in $$.input.many.id]'],
    ['a long text searched per item', 'input.many[$contains($$.input.long, text & "y")]'],
    ['long texts compared per item', 'input.many[$$.input.long = $$.input.long & ""]'],
    ['a long separator', '$join(input.many.text, input.long)'],
    ['the document as text, often', `[${times(1000, '$string($)', ', ')}]`],
    ['the document, often', `$string([${times(4000, '$', ', ')}])`],
    ['copies of copies', `${'['.repeat(60)}input.many${', input.many]'.repeat(60)}`],
    ['a text that doubles', `(${times(100, 'input.long', ' & ')})`],
  ])('%s', (_kind, source) => {
    const before = process.cpuUsage();
    expect(['expression_timeout', 'expression_too_large']).toContain(failure(() => evaluate(source, large)).code);
    expect(processorMs(before)).toBeLessThan(1000);
  });

  it.each([
    ['nesting that JSONata would copy at each level', `${'('.repeat(60)}a${' ?? b)'.repeat(60)}`],
    ['the same beside texts that imitate brackets', `${'('.repeat(40)}$contains(a, /[(]"/)${' ?: ")")'.repeat(40)}`],
    ['brackets without end', '('.repeat(16_000)],
    ['operators without end', `1${'+1'.repeat(8_000)}`],
    ['a source without end', 'a.'.repeat(10_000)],
  ])('%s is refused at compile time', (_kind, source) => {
    const before = process.cpuUsage();
    expect(failure(() => compileExpression(source)).code).toBe('expression_syntax');
    expect(processorMs(before)).toBeLessThan(1000);
  });

  it('many defaults beside each other are not nesting', () => {
    const pairs = Array.from({ length: 100 }, (_, index) => `"k${index}": $string(missing) ?? (missing ?? ${index})`);
    expect(evaluate(`{${pairs.join(', ')}}`)).toMatchObject({ k0: 0, k99: 99 });
  });

  it('what is too deep for this stack is slow, not fatal', () => {
    expect(compileExpression(times(1000, '1', ' + ')).fast).toBe(false);
  });
});

describe('B-12: no expression reaches the program', () => {
  it.each([
    'constructor.constructor("return process")()',
    '"".constructor.constructor("return process")()',
    '$string.constructor("return process")()',
    'trigger.constructor("x")',
    'process.env',
    'global',
    'globalThis.process',
    'require("fs")',
    'import("fs")',
    'Error.prepareStackTrace',
    'trigger.__defineGetter__("x", 1)',
    'trigger["__proto__"]["polluted"]',
    '`__proto__`.`constructor`',
    '\\u0063onstructor',
    'trigger.payload.tags.map',
    'trigger.payload.tags.length',
    '`${process}`',
    'this',
    'arguments',
    'Symbol.iterator',
  ])('%s', (source) => {
    let value: Json | undefined;
    try {
      const expression = compileExpression(source);
      value = expression.fast ? expression.evaluate(scope) : undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(ExpressionFailed);
    }
    expect(value === undefined || JSON.stringify(value) === JSON.stringify(scope.trigger)).toBe(true);
  });
});
