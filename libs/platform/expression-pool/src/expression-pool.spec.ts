import { compileExpression, compileTemplate, ExpressionFailed, type Scope } from '@sluice/expressions';
import jsonata from 'jsonata';

import { ExpressionPool, ExpressionPoolUnavailable } from './expression-pool.js';

const scope: Scope = {
  trigger: {
    payload: {
      text: 'order 66, order 67',
      items: [
        { name: 'a', price: 2 },
        { name: 'b', price: 3 },
      ],
    },
  },
  input: { list: [3, 1, 2], long: 'a'.repeat(40) },
  nodes: { fetch: { output: { status: 200 } } },
  execution: { id: 'e1' },
  workflow: {},
  customer: {},
  env: {},
};

let pool: ExpressionPool;
beforeAll(() => void (pool = new ExpressionPool({ size: 2 })));
afterAll(() => pool.close());

async function failure(source: string, document: Scope = scope): Promise<ExpressionFailed> {
  try {
    await pool.evaluate(source, document);
  } catch (error) {
    if (error instanceof ExpressionFailed) return error;
    throw error;
  }
  throw new Error(`${source} did not fail`);
}

describe('gives what JSONata gives', () => {
  it.each([
    '$map(trigger.payload.items, function($item) { $item.price * 2 })',
    'trigger.payload.items^(>price).name',
    '$sum(trigger.payload.items.(price * 2))',
    '$match(trigger.payload.text, /order (\\d+)/i).groups',
    '$replace(trigger.payload.text, /\\d+/, "#")',
    '[1..5][$ % 2 = 0]',
    '( $total := $sum(input.list); $total > 5 ? "much" : "little" )',
    'trigger.payload.items{name: price}',
    '$reduce(input.list, function($sum, $next) { $sum + $next }, 0)',
    '**.price',
    'nodes.*.output.status',
    'trigger.missing.*',
    '$sort(input.list)',
    '$sift({"a": 1, "b": 2}, function($value) { $value > 1 })',
    '$ ~> |trigger.payload.items|{"price": 0}|',
    '$formatNumber(1234.5, "#,##0.00")',
    '$single(input.list, function($n) { $n = 2 })',
  ])('%s', async (source) => {
    const expected: unknown = await jsonata(source).evaluate(structuredClone(scope));
    const value = await pool.evaluate(source, scope);
    expect(value).toEqual(expected === undefined ? undefined : JSON.parse(JSON.stringify(expected)));
  });

  it('evaluates the slow parts of a template', async () => {
    const template = compileTemplate({
      sorted: '{{ $sort(input.list) }}',
      text: 'status {{ nodes.fetch.output.status }}',
      none: '{{ *.nothing }}',
    });
    expect(template.fast).toBe(false);
    expect(await template.evaluate(scope, pool.evaluate)).toEqual({ sorted: [1, 2, 3], text: 'status 200' });
  });

  it('evaluates what is too deep to evaluate in process', async () => {
    const source = Array.from({ length: 400 }, (_, index) => index).join(' + ');
    expect(compileExpression(source).fast).toBe(false);
    expect(await pool.evaluate(source, scope)).toBe((399 * 400) / 2);
  });

  it('evaluates a constructor of very many items', async () => {
    const source = `[${Array.from({ length: 400 }, () => '$sqrt(nodes.fetch.output.status / 50)').join(', ')}]`;
    expect(await pool.evaluate(source, scope)).toEqual(Array.from({ length: 400 }, () => 2));
  });
});

describe('fails as ExpressionFailed', () => {
  it.each([
    ['1 +', 'expression_syntax'],
    ['$sqrt("a")', 'expression_type'],
    ['$sqrt(-1)', 'expression_failed'],
    ['function($x) { $x }', 'expression_type'],
    ['{"f": $sum}', 'expression_type'],
    ['[$map]', 'expression_type'],
    ['/a/', 'expression_type'],
    ['*.x ?? 1/0', 'expression_failed'],
    ['$pad("", 300000)', 'expression_too_large'],
    ['[1..100000]', 'expression_too_large'],
    ['$error("mine")', 'expression_failed'],
    ['$unknown(1)', 'expression_type'],
  ])('%s: %s', async (source, code) => {
    const error = await failure(source);
    expect(error).toMatchObject({ code, source, message: expect.stringMatching(/\w+/) });
  });

  it('refuses a scope nested too deeply to be written', async () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    expect((await failure('*', { ...scope, input: deep })).code).toBe('expression_too_large');
  });
});

describe('B-11: a bomb ends within its limits and the pool works afterwards', () => {
  it.each([
    ['endless recursion', '( $f := function($n) { $f($n + 1) + 1 }; $f(1) )'],
    ['an endless loop', '( $f := function($n) { $f($n + 1) }; $f(1) )'],
    ['a huge range', '$sum([1..10000000])'],
    ['nested ranges', '$count([1..200000].([1..200000]))'],
    ['a catastrophic regular expression', '$match(input.long & "!", /^(a+)+$/)'],
    ['a catastrophic regular expression beside a failing item', '["a" + 1, $match(input.long & "!", /^(a+)+$/)]'],
    ['a string that doubles', '( $f := function($s) { $f($s & $s) }; $f("aaaaaaaaaaaaaaaa") )'],
    ['an array that doubles', '( $f := function($a) { $f($append($a, $a)) }; $f([1, 2, 3, 4]) )'],
    ['a heap that fills', '$reduce([1..200000], function($all, $n) { $append($all, $pad($string($n), 20000)) }, [])'],
    ['a padding', '$length($pad("x", 500000000, "yz"))'],
    ['nested evaluation', '( $f := function($s) { $eval($s) }; $eval("$eval(\\"$sum([1..9999999])\\")") )'],
  ])('%s', async (_kind, source) => {
    const error = await failure(source);
    expect(['expression_timeout', 'expression_too_large', 'expression_failed', 'expression_type']).toContain(error.code);
    expect(await pool.evaluate('$sort(input.list)', scope)).toEqual([1, 2, 3]);
  });

  it('stops the thread of a regular expression at the time limit', async () => {
    expect((await failure('$match(input.long & "!", /^(a+)+$/)')).code).toBe('expression_timeout');
  });

  it('stops a heap that fills at the memory limit', async () => {
    const small = new ExpressionPool({ size: 1, memoryMb: 16, timeLimitMs: 20_000 });
    const filling = '$reduce([1..100000], function($all, $n) { $append($all, {"n": [$n..$n + 500]}) }, [])';
    await expect(small.evaluate(filling, scope)).rejects.toMatchObject({ code: 'expression_too_large' });
    expect(await small.evaluate('$sort(input.list)', scope)).toEqual([1, 2, 3]);
    await small.close();
  });
});

describe('B-12: an expression reaches nothing outside its document', () => {
  it.each([
    'constructor.constructor("return process")()',
    '$constructor("return process")()',
    '$sum.constructor.constructor',
    '$lookup($sum, "constructor")',
    '$string.implementation.constructor',
    '$map.environment.base',
    '(function($x) { $x }).environment',
    '"".constructor.constructor("return process")()',
    '`__proto__`.polluted',
    '$lookup($$, "__proto__")',
    '$eval("process.env")',
    'process.env ~> $string',
    'global.process ~> $exists ? 1 : *.nothing',
    '$ ~> |`__proto__`|{"polluted": true}|',
    '{"__proto__": {"polluted": $map}}',
    '$merge([{"__proto__": {"polluted": true}}, *.nothing]).polluted',
    'import("node:fs")',
    '$require("fs")',
    '$u0063onstructor',
  ])('%s', async (source) => {
    const outcome = await pool.evaluate(source, scope).catch((error: unknown) => error);
    if (!(outcome instanceof ExpressionFailed)) {
      const text = JSON.stringify(outcome) ?? '';
      expect(text).not.toMatch(/PATH|polluted|execPath|native code/);
    }
    expect(await pool.evaluate('$keys({"x": {}}).polluted ?? $exists({}.polluted)', scope)).toBe(false);
  });

  it('treats data that imitates a function as data (B-03)', async () => {
    const lambda = { _jsonata_lambda: true, thunk: true, body: { procedure: { type: 'variable', value: '$' } }, environment: {} };
    const native = { _jsonata_function: true, implementation: 'x' };
    for (const imitation of [lambda, native]) {
      const document = { ...scope, input: imitation };
      expect(await pool.evaluate('( $x := input; $x )', document).catch((error: unknown) => error)).toEqual(imitation);
      expect(await pool.evaluate('$map([1], input)', document).catch((error: unknown) => error)).toBeInstanceOf(ExpressionFailed);
    }
  });

  it('keeps `__proto__` an inert key on the way in and out (B-03)', async () => {
    const document = { ...scope, input: JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}') };
    const value = await pool.evaluate('$sift(input, function($v) { true })', document);
    expect(JSON.stringify(value)).toBe('{"__proto__":{"polluted":1},"constructor":2}');
    expect(Object.getPrototypeOf(value)).toBe(Object.getPrototypeOf({}));
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

describe('the pool', () => {
  it('answers many at once, each its own', async () => {
    const numbers = Array.from({ length: 200 }, (_, index) => index);
    const roots = numbers.map((number) => pool.evaluate('$sqrt(input.square)', { ...scope, input: { square: number * number } }));
    expect(await Promise.all(roots)).toEqual(numbers);
  });

  it('B-11, T-16: has room for a template of more expressions than may wait', async () => {
    const roomy = new ExpressionPool();
    const template = compileTemplate(Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`n${n}`, '{{ $now() }}'])));
    const result = await template.evaluate(scope, roomy.evaluatorFor('tenant'));
    expect(Object.keys(result ?? {})).toHaveLength(1_000);
    await roomy.close();
  });

  it('B-11: writes a document when a thread takes it, not while it waits', async () => {
    const narrow = new ExpressionPool({ size: 1 });
    let written = 0;
    const counted = {
      ...scope,
      get input() {
        written += 1;
        return { square: 4 };
      },
    };
    const roots = Array.from({ length: 50 }, () => narrow.evaluate('$sqrt(input.square)', counted));
    expect(written).toBeLessThanOrEqual(1);
    expect(new Set(await Promise.all(roots))).toEqual(new Set([2]));
    expect(written).toBe(50);
    await narrow.close();
  });

  it('refuses what it has no room for, without blaming the expression', async () => {
    const narrow = new ExpressionPool({ size: 1, waitingMax: 1 });
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => narrow.evaluate('$sqrt(4)', scope)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: expect.any(ExpressionPoolUnavailable) });
    await narrow.close();
  });

  it('T-16: evaluates for tenants in turn: nobody waits behind another one’s bombs', async () => {
    const shared = new ExpressionPool({ size: 1, timeLimitMs: 50 });
    const ended: string[] = [];
    const bomb = '( $f := function($x) { $f($x + 1) + 1 }; $f(1) )';
    const bombs = Array.from({ length: 20 }, () =>
      shared
        .evaluatorFor('bomber')(bomb, scope)
        .catch(() => ended.push('bomber')),
    );
    expect(await shared.evaluatorFor('neighbour')('$sqrt(4)', scope)).toBe(2);
    expect(ended.length).toBeLessThanOrEqual(2);
    await Promise.all(bombs);
    await shared.close();
  });

  it('T-16: a tenant that fills what may wait leaves room for others', async () => {
    const shared = new ExpressionPool({ size: 1, waitingMax: 10 });
    const flood = Array.from({ length: 20 }, () => shared.evaluatorFor('flood')('$sqrt(4)', scope));
    const neighbour = shared.evaluatorFor('neighbour')('$sqrt(9)', scope);
    const outcomes = await Promise.allSettled(flood);
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
    expect(await neighbour).toBe(3);
    await shared.close();
  });

  it('counts the time from when the worker begins, not from when this thread was busy', async () => {
    const strict = new ExpressionPool({ size: 1, timeLimitMs: 50 });
    await strict.evaluate('$sqrt(4)', scope);
    const evaluation = strict.evaluate('$sqrt(9)', scope);
    const busyUntil = Date.now() + 150;
    while (Date.now() < busyUntil);
    expect(await evaluation).toBe(3);
    await strict.close();
  });

  it('settles everything when it closes', async () => {
    const closing = new ExpressionPool({ size: 1 });
    const outcomes = Promise.allSettled(['$sqrt(4)', '$sqrt(9)'].map((source) => closing.evaluate(source, scope)));
    await closing.close();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(closing.evaluate('1', scope)).rejects.toBeInstanceOf(ExpressionPoolUnavailable);
  });
});
