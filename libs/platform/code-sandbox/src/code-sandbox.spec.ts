import type { JsonObject } from '@sluice/kernel';
import { allCases, catalogue, NodeFailure, runCase } from '@sluice/nodes';
import { readdirSync, readFileSync } from 'node:fs';

import { CodeSandbox, CodeSandboxUnavailable } from './code-sandbox.js';

const limits = { timeoutMs: 1000, memoryMb: 32 };
const quick = { ...limits, timeoutMs: 100 };

let sandbox: CodeSandbox;
beforeAll(() => void (sandbox = new CodeSandbox({ size: 2, graceMs: 500 })));
afterAll(() => sandbox.close());

const run = (source: string, values: JsonObject = {}, within = limits) => sandbox.run(source, values, within);

async function failure(source: string, values: JsonObject = {}, within = limits): Promise<NodeFailure> {
  const outcome = await run(source, values, within).catch((error: unknown) => error);
  if (outcome instanceof NodeFailure) return outcome;
  throw new Error(`${source} did not fail but gave ${String(outcome)}`);
}

/** Ids of this process' children that run the sandbox */
function sandboxProcesses(): number[] {
  return readdirSync('/proc').flatMap((id) => {
    if (!/^\d+$/.test(id)) return [];
    try {
      const parentId = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1];
      return parentId === String(process.pid) && readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('sandbox-child') ? [Number(id)] : [];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

describe('code.javascript, as its documentation says', () => {
  it.each((allCases.get('code.javascript') ?? []).map((one) => [one.says, one] as const))('%s', async (_says, nodeCase) => {
    const type = catalogue.get('code.javascript');
    if (type === undefined) throw new Error('the catalogue has no code.javascript');
    const { gives } = await runCase(type, nodeCase, { runCode: (source, values, within) => sandbox.run(source, values, within) });
    expect(gives).toMatchObject(nodeCase.gives);
  });
});

describe('code', () => {
  it.each<[string, string, unknown]>([
    ['is the body of a function', 'const two = 2;\nreturn { sum: 1 + two };', { sum: 3 }],
    ['sees its values as constants', 'return input.items.map((item) => item.price * factor);', [4, 6]],
    ['may change its copy of them', 'input.items.push({ price: 1 }); return input.items.length;', 3],
    ['may await what settles by itself', 'const all = await Promise.all([1, Promise.resolve(2)]); return all;', [1, 2]],
    ['may define and await functions', 'async function twice(n) { await null; return 2 * n; }\nreturn await twice(21);', 42],
    ['gives null for nothing', 'const nothing = 1;', null],
    ['gives a date as text', 'return { at: new Date(0) };', { at: '1970-01-01T00:00:00.000Z' }],
    ['leaves out members that are undefined', 'return { a: undefined, b: [undefined, 1] };', { b: [null, 1] }],
    ['gives what toJSON gives', 'return { toJSON: () => ({ a: 1 }) };', { a: 1 }],
    ['gives the members of instances', 'class Order { constructor() { this.id = 7; } }\nreturn new Order();', { id: 7 }],
    ['gives what a proxy shows', 'return new Proxy({ a: 1 }, { get: () => 2 });', { a: 2 }],
    ['knows the standard built-ins', 'return Object.groupBy([1, 2, 3], (n) => (n % 2 ? "odd" : "even"));', { odd: [1, 3], even: [2] }],
    ['may have {{ }} in it', 'const { a } = {a: {b: 1}}; return "{{ not a template }}" + a.b;', '{{ not a template }}1'],
    ['may end with a comment', 'return 1; // done', 1],
    ['has chance and a clock', 'return Math.random() < 1 && Date.now() > 1e12;', true],
    ['is not cut at half of an emoji', 'return "\\ud83d" + "\\ude00";', '😀'],
  ])('%s', async (_says, source, result) => {
    expect(await run(source, { input: { items: [{ price: 2 }, { price: 3 }] }, factor: 2 })).toEqual(result);
  });

  it('keeps `__proto__` an inert key on the way in and out (B-03)', async () => {
    const input = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 2}');
    expect(JSON.stringify(await run('return input;', { input }))).toBe('{"__proto__":{"polluted":true},"constructor":2}');
    expect(await run('return { plain: {}.polluted ?? "clean" };', { input })).toEqual({ plain: 'clean' });
  });

  it('works on many inputs at once, each its own', async () => {
    const numbers = Array.from({ length: 40 }, (_, index) => index);
    expect(await Promise.all(numbers.map((input) => run('return input * input;', { input })))).toEqual(numbers.map((n) => n * n));
  });
});

describe('an error says what and where', () => {
  it.each<[string, string, string, number | undefined]>([
    ['const a = null;\nreturn a.b;', 'code_threw', "TypeError: cannot read property 'b' of null (line 2)", 2],
    ['\n\nthrow new Error("No stock");', 'code_threw', 'No stock (line 3)', 3],
    ['await null;\nthrow new RangeError("far");', 'code_threw', 'RangeError: far (line 2)', 2],
    ['throw { status: 7 };', 'code_threw', '{"status":7}', undefined],
    ['throw "plain";', 'code_threw', 'plain', undefined],
    ['throw { get message() { throw 1; }, toJSON() { throw 2; } };', 'code_threw', 'Something was thrown that cannot be shown', undefined],
    ['return input.missing.name;', 'code_threw', "TypeError: cannot read property 'name' of undefined (line 1)", 1],
    ['input = 1;', 'code_threw', "TypeError: 'input' is read-only (line 1)", 1],
    ['mistyped = 1;', 'code_threw', "ReferenceError: 'mistyped' is not defined (line 1)", 1],
    ['const a = 1;\nlet 5;', 'code_syntax', 'SyntaxError: variable name expected (line 2)', 2],
    ['}); ({', 'code_syntax', 'SyntaxError: unexpected `}`', undefined],
    ['throw null;', 'code_out_of_memory', 'The code needs more than 32 MB of memory, or it has thrown null', undefined],
    ['(function f() { f(); })();', 'code_threw', expect.stringContaining('stack overflow'), expect.anything()],
  ])('%j', async (source, code, message, line) => {
    const error = await failure(source, { input: {} });
    expect({ code: error.code, message: error.message, ...error.options }).toEqual({
      code,
      message,
      retryable: false,
      ...(line === undefined ? {} : { details: { line } }),
    });
  });

  it('tells no more of a message than what a person reads', async () => {
    expect((await failure('throw new Error("x".repeat(1e6));')).message.length).toBeLessThan(600);
  });

  it('shows nothing of the host', async () => {
    const stack = String(await run('try { null.x } catch (error) { return error.stack; }'));
    expect(stack).toContain('code:');
    expect(stack).not.toMatch(/\/|node:|file:|sandbox/);
  });
});

describe('B-12: code reaches nothing outside its values', () => {
  it.each([
    'return constructor.constructor("return process")();',
    'return this.constructor.constructor("return process")();',
    'return (() => {}).constructor("return process")();',
    'return (async () => {}).constructor("return process")();',
    'return (function* () {}).constructor("return process")().next();',
    'return input.constructor.constructor("return this.process")();',
    'return globalThis.process ?? globalThis.require ?? globalThis.global ?? globalThis.WebAssembly;',
    'return Function("return this")().process;',
    'return new Function("return typeof process")() === "undefined" ? undefined : process;',
    'return (0, eval)("this").process;',
    'return await import("node:fs");',
    'return await import("fs").then((fs) => fs.readFileSync("/etc/passwd"));',
    'return import.meta.url;',
    'return require("node:child_process").execSync("id").toString();',
    'return process.env;',
    'return fetch("http://127.0.0.1/");',
    'return new XMLHttpRequest();',
    'return new Worker("data:,1");',
    'setTimeout(() => {}, 1);',
    'return std.getenv("PATH");',
    'return os.exec(["id"]);',
    'return \\u0070rocess.env;',
    'return globalThis["\\u0070rocess"];',
    'return globalThis[`pro${"cess"}`];',
    'return ((strings) => strings.constructor.constructor("return process")())`x`;',
    'Error.prepareStackTrace = (_, frames) => frames; const frames = new Error().stack; return frames[0].getThis().process;',
    'Error.prepareStackTrace = (_, frames) => frames[0].getFunction().constructor("return process")(); return new Error().stack.env;',
    'try { (function f() { f(); })(); } catch (error) { return error.constructor.constructor("return process")(); }',
    'return new Proxy({}, { get: (_, name, proxy) => proxy.constructor.constructor("return process")() }).x;',
    'return { [Symbol.toPrimitive]: (() => {}).constructor("return process") }[Symbol.toPrimitive]();',
    'return { get a() { return (() => {}).constructor("return process")(); } };',
    'return { toJSON: (() => {}).constructor("return process") };',
    'return { then: (() => {}).constructor("resolve", "resolve(process)") };',
    'class P extends Promise { static get [Symbol.species]() { return Function("return process")(); } }\nreturn P.resolve().then(() => 1);',
    'return Math.max(...{ *[Symbol.iterator]() { yield process.pid; } });',
    'return Reflect.construct(Function, ["return process"], Object)();',
    'return globalThis.define ?? globalThis.write ?? globalThis.explain ?? globalThis.prelude;',
    'return arguments.callee.caller;',
    'with (globalThis) { return process; }',
    '}); globalThis.escaped = process; (async () => {',
  ])('%s', async (source) => {
    const outcome = await run(source, { input: { a: 1 } }).catch((error: unknown) => error);
    if (outcome instanceof NodeFailure) {
      expect(['code_threw', 'code_syntax', 'code_result_invalid']).toContain(outcome.code);
      expect(outcome.message).not.toMatch(/\/work|node_modules|node:internal|file:/);
    } else expect(outcome).toBeNull();
  });

  it('finds the language and nothing else among its globals', async () => {
    const names = await run('return Object.getOwnPropertyNames(globalThis).filter((name) => !/^[A-Z]/.test(name)).sort();');
    expect(names).toEqual([
      'decodeURI',
      'decodeURIComponent',
      'encodeURI',
      'encodeURIComponent',
      'escape',
      'eval',
      'globalThis',
      'isFinite',
      'isNaN',
      'parseFloat',
      'parseInt',
      'undefined',
      'unescape',
    ]);
  });
});

describe('B-13: nothing of a run is left for the next, whoever comes', () => {
  it('forgets globals and changed built-ins', async () => {
    const narrow = new CodeSandbox({ size: 1 });
    const bad = `globalThis.stolen = 'secret';
      Object.prototype.polluted = true;
      Array.prototype.map = () => 'mine';
      JSON.parse = JSON.stringify = () => '"mine"';
      Promise.prototype.then = () => {};
      Object.defineProperty(Array.prototype, '0', { set() {}, configurable: true });
      return 1;`;
    await narrow.run(bad, {}, limits).catch(() => undefined);
    const look = 'return [typeof stolen, {}.polluted ?? null, [1].map((n) => n + 1), JSON.stringify(JSON.parse("[2]")), await null];';
    expect(await narrow.run(look, {}, limits)).toEqual(['undefined', null, [2], '[2]', null]);
    await narrow.close();
  });

  it('has a fresh memory each time', async () => {
    const narrow = new CodeSandbox({ size: 1 });
    for (let round = 0; round < 5; round += 1) {
      expect(await narrow.run('const a = []; for (let i = 0; i < 1e6; i++) a.push(i); return a.length;', {}, limits)).toBe(1e6);
    }
    await narrow.close();
  });

  it('gives its process no environment, no files, no user of power', async () => {
    await run('return 1;');
    const [id] = sandboxProcesses();
    // The user of a process cannot be read back from inside the sandbox; the kernel tells.
    const status = readFileSync(`/proc/${id}/status`, 'utf8');
    if (process.getuid?.() === 0) expect(/^Uid:\s+(.*)$/m.exec(status)?.[1]).toBe('65534\t65534\t65534\t65534');
    const environment = readFileSync(`/proc/${id}/environ`, 'utf8').split('\0').filter(Boolean);
    expect(environment.filter((entry) => !entry.startsWith('NODE_CHANNEL_'))).toEqual([]);
    expect(readFileSync(`/proc/${id}/cmdline`, 'utf8')).toContain('--permission');
  });
});

describe('B-13, T-16: a bomb ends at its limit, and others do not notice', () => {
  it.each<[string, string, string[]]>([
    ['an endless loop', 'while (true) {}', ['code_timeout']],
    ['an endless loop that catches', 'for (;;) { try { for (;;) {} } catch {} finally { continue; } }', ['code_timeout']],
    ['an endless loop in finally', 'try { throw 1; } finally { for (;;) {} }', ['code_timeout']],
    ['an endless chain of promises', 'const again = () => Promise.resolve().then(again); await again();', ['code_timeout']],
    [
      'an endless chain that nobody waits for',
      'const again = () => void Promise.resolve().then(again); again(); return 1;',
      ['code_timeout'],
    ],
    ['an endless loop in a promise', 'Promise.resolve().then(() => { for (;;) {} }); return 1;', ['code_timeout']],
    [
      'a promise that goes on after it was stopped',
      'const f = async () => { for (;;) {} }; for (;;) { try { await f(); } catch {} }',
      ['code_timeout'],
    ],
    ['a catastrophic regular expression', 'return /^(a+)+$/.test("a".repeat(40) + "!");', ['code_timeout']],
    ['an endless getter of the result', 'return { get a() { for (;;) {} } };', ['code_timeout']],
    ['an endless toJSON', 'return { toJSON() { for (;;) {} } };', ['code_timeout']],
    ['an endless thenable', 'return { then() { for (;;) {} } };', ['code_timeout']],
    [
      'an error that is endless to tell',
      'throw Object.assign(new Error(), { get message() { for (;;) {} } });',
      ['code_timeout', 'code_threw'],
    ],
    ['a native call that cannot be interrupted', 'return Array(2 ** 32 - 2).indexOf(1);', ['code_crashed']],
    ['endless recursion of native calls', 'const f = () => [1].map(f); f();', ['code_threw']],
    ['nesting without end', 'return eval("(".repeat(1e6));', ['code_threw']],
    ['a string that doubles', 'let s = "x"; for (;;) s += s;', ['code_threw', 'code_out_of_memory']],
    ['endless generators', 'return [...(function* () { for (;;) yield 1; })()];', ['code_timeout', 'code_out_of_memory']],
  ])('%s', async (_kind, source, codes) => {
    const bomb = failure(source, {}, quick);
    expect(await run('return 1;')).toBe(1);
    expect(codes).toContain((await bomb).code);
    expect(await run('return 2;')).toBe(2);
  });

  it.each<[string, string]>([
    ['an array that grows', 'const a = []; for (;;) a.push(new Array(1000).fill(1));'],
    ['a heap that fills', 'const a = []; for (;;) a.push({ n: [1, 2, 3] });'],
    ['a chain that grows', 'let a; for (;;) a = { a };'],
    ['a huge buffer', 'return new ArrayBuffer(1e9).byteLength;'],
    ['a huge array', 'return new Array(1e8).fill(0).length;'],
  ])('memory: %s', async (_kind, source) => {
    expect((await failure(source, {}, { timeoutMs: 10_000, memoryMb: 16 })).code).toBe('code_out_of_memory');
    expect(await run('return 2;')).toBe(2);
  });

  it('ends a job on one process while another finishes', async () => {
    const order: string[] = [];
    const bomb = failure('while (true) {}').then(() => order.push('bomb'));
    await run('return 1;').then(() => order.push('other'));
    await bomb;
    expect(order).toEqual(['other', 'bomb']);
  });
});

describe('B-14: a result that is no JSON is named', () => {
  it.each<[string, string]>([
    ['const a = { b: {} }; a.b.c = a; return a;', 'The result is no JSON: it has a circle: `b.c` is the whole result'],
    ['const a = []; a.push({ list: a }); return { a };', 'The result is no JSON: it has a circle: `a[0].list` is a'],
    ['return { total: 10n };', 'The result is no JSON: it has a BigInt at `total` (use Number or String)'],
    ['return () => 1;', 'The result is no JSON: it has a function'],
    ['return { rows: [{ "on click": () => 1 }] };', 'The result is no JSON: it has a function at `rows[0]["on click"]`'],
    ['return Symbol("x");', 'The result is no JSON: it has a symbol'],
    ['return new Proxy(() => 1, {});', 'The result is no JSON: it has a function'],
    ['return { average: 0 / 0 };', 'The result is no JSON: it has NaN at `average`'],
    ['return { later: Promise.resolve(1) };', 'The result is no JSON: it has a promise (await it) at `later`'],
    ['return new Map([[1, 2]]);', 'The result is no JSON: it has a Map (use Object.fromEntries)'],
    ['let deep = []; for (let i = 0; i < 1e4; i++) deep = [deep]; return deep;', 'The result is no JSON: it has more than 64 levels'],
    ['return { toJSON: () => 1n };', 'The result is no JSON: it has a BigInt (use Number or String)'],
    [
      'BigInt.prototype.toJSON = () => 1; Object.prototype.toJSON = undefined; return [1n];',
      'The result is no JSON: it has a BigInt at `[0]` (use Number or String)',
    ],
    ['return { then() {} };', 'The code waits for a promise that nothing settles: it has no timers and no network'],
    ['await new Promise(() => {});', 'The code waits for a promise that nothing settles: it has no timers and no network'],
  ])('%s', async (source, message) => {
    expect(await failure(source)).toMatchObject({ code: 'code_result_invalid', message });
  });

  it('refuses a result over the limit', async () => {
    expect(await failure('return "x".repeat(1024 * 1024);')).toMatchObject({
      code: 'code_result_invalid',
      message: 'The result has 1048578 bytes; 1048576 are allowed. Return what is needed',
    });
    expect(await failure('return "é".repeat(1024 * 600);')).toMatchObject({ code: 'code_result_invalid' });
    expect(await run('return "x".repeat(1024 * 1024 - 2);')).toHaveLength(1024 * 1024 - 2);
  });

  it.each(['return "x".repeat(1e9);', 'return Array(1e6).fill("x".repeat(1000));', 'return new Array(4e9);'])(
    'ends on a gigabyte: %s',
    async (source) => {
      expect(['code_out_of_memory', 'code_threw', 'code_timeout']).toContain((await failure(source)).code);
    },
  );

  it('refuses values over the limit', async () => {
    expect((await failure('return 1;', { input: 'x'.repeat(5 * 1024 * 1024) })).code).toBe('code_too_large');
  });

  it('is not deceived by built-ins that the code has replaced', async () => {
    const source = `JSON.stringify = () => 'no JSON'; Object.keys = () => { throw 1; }; Array.isArray = () => false;
      String.prototype.toJSON = () => 'mine'; Object.prototype.toJSON = function () { return this; };
      return { a: ['b'] };`;
    expect(await run(source)).toEqual({ a: ['b'] });
  });
});

describe('the processes', () => {
  /** A sandbox of one process, which has run, and its id. */
  async function ofOneProcess(options: { readonly graceMs?: number } = {}) {
    const narrow = new CodeSandbox({ size: 1, ...options });
    const others = new Set(sandboxProcesses());
    await narrow.run('return 1;', {}, limits);
    const [id = 0] = sandboxProcesses().filter((one) => !others.has(one));
    return { narrow, id };
  }

  it('outlive the violent end of one: its job fails, the next ones do not', async () => {
    const { narrow, id } = await ofOneProcess();
    const job = narrow.run('while (true) {}', {}, { ...limits, timeoutMs: 10_000 });
    process.kill(id, 'SIGKILL');
    await expect(job).rejects.toMatchObject({ code: 'code_crashed', options: { retryable: true } });
    expect(await narrow.run('return 2;', {}, limits)).toBe(2);
    await narrow.close();
  });

  it('may stand still longer than their time: computing is what counts', async () => {
    const { narrow, id } = await ofOneProcess({ graceMs: 200 });
    process.kill(id, 'SIGSTOP');
    const job = narrow.run('return 2;', {}, limits);
    setTimeout(() => process.kill(id, 'SIGCONT'), limits.timeoutMs + 400);
    expect(await job).toBe(2);
    await narrow.close();
  });

  it('that never answer are given up, and their jobs may be tried again', async () => {
    const { narrow, id } = await ofOneProcess({ graceMs: 200 });
    process.kill(id, 'SIGSTOP');
    await expect(narrow.run('return 2;', {}, quick)).rejects.toMatchObject({ code: 'code_crashed', options: { retryable: true } });
    expect(await narrow.run('return 3;', {}, limits)).toBe(3);
    await narrow.close();
  });

  it('are replaced when worn out', async () => {
    const narrow = new CodeSandbox({ size: 1, jobsMax: 2 });
    const others = new Set(sandboxProcesses());
    const seen = new Set<number>();
    for (let job = 0; job < 5; job += 1) {
      expect(await narrow.run('return input;', { input: job }, limits)).toBe(job);
      for (const id of sandboxProcesses()) if (!others.has(id)) seen.add(id);
    }
    await narrow.close();
    expect(seen.size).toBeGreaterThanOrEqual(2);
  });

  it('take no more than what may wait, without blaming the code', async () => {
    const narrow = new CodeSandbox({ size: 1, waitingMax: 1 });
    const outcomes = await Promise.allSettled([1, 2, 3].map((input) => narrow.run('return input;', { input }, limits)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: expect.any(CodeSandboxUnavailable) });
    await narrow.close();
  });

  it('T-16: are never all taken by one tenant, and others wait for none of what it has waiting', async () => {
    const shared = new CodeSandbox({ size: 2 });
    const calling = new AbortController();
    const endless = { ...limits, timeoutMs: 60_000 };
    const bombs = Promise.allSettled([1, 2, 3].map(() => shared.run('for (;;) {}', {}, endless, calling.signal, 'bomber')));
    expect(await shared.run('return 1;', {}, limits, undefined, 'neighbour')).toBe(1);
    expect(await shared.run('return 2;', {}, limits, undefined, 'neighbour')).toBe(2);
    calling.abort();
    expect((await bombs).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await shared.close();
  });

  it('stop what is called off, and do not begin what waits', async () => {
    const narrow = new CodeSandbox({ size: 1 });
    const calling = new AbortController();
    const reason = new Error('called off');
    const endless = { ...limits, timeoutMs: 60_000 };
    const jobs = Promise.allSettled(['while (true) {}', 'return 1;'].map((source) => narrow.run(source, {}, endless, calling.signal)));
    calling.abort(reason);
    expect(await jobs).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    await expect(narrow.run('return 1;', {}, limits, calling.signal)).rejects.toBe(reason);
    expect(await narrow.run('return 2;', {}, limits)).toBe(2);
    await narrow.close();
  });

  it('are gone after it closed, and everything is settled', async () => {
    const closing = new CodeSandbox({ size: 2 });
    const others = new Set(sandboxProcesses());
    await Promise.all([closing.run('return 1;', {}, limits), closing.run('return 1;', {}, limits)]);
    const own = sandboxProcesses().filter((id) => !others.has(id));
    expect(own).toHaveLength(2);
    const outcomes = Promise.allSettled(['for (;;) {}', 'for (;;) {}', 'return 1;'].map((source) => closing.run(source, {}, limits)));
    await closing.close();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(sandboxProcesses().filter((id) => own.includes(id))).toEqual([]);
    await expect(closing.run('return 1;', {}, limits)).rejects.toBeInstanceOf(CodeSandboxUnavailable);
  });
});
