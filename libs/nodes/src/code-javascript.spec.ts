import type { Graph } from '@sluice/engine';
import type { Scope, SlowEvaluator } from '@sluice/expressions';
import type { Json, JsonObject } from '@sluice/kernel';
import { catalogue } from './catalogue.js';
import { checkGraph } from './check-graph.js';
import { codeJavascript } from './code-javascript.js';
import { codeIsOff, codeNodesIn } from './code-off.js';
import { compileWorkflow, evaluateConfig } from './compile-workflow.js';
import type { TaskTools } from './node-type.js';

const graphWith = (config: JsonObject): Graph => ({
  nodes: [
    { id: 'start', type: 'trigger.manual', config: {} },
    { id: 'it', type: 'code.javascript', config },
  ],
  edges: [{ source: 'start', target: 'it' }],
});

const findings = (config: JsonObject) =>
  checkGraph(graphWith(config)).map(({ path, message }) => `${path.replace('nodes[1].', '')} – ${message}`);

const scope: Scope = {
  trigger: { text: 'hi' },
  input: { price: 3 },
  nodes: { fetch: { output: { status: 200 } } },
  execution: {},
  workflow: {},
  customer: {},
  env: { rate: 1.2 },
};

function evaluated(config: JsonObject, slow: SlowEvaluator = () => Promise.reject(new Error('not here'))) {
  const program = compileWorkflow(graphWith(config)).programs.get('it');
  if (program === undefined) throw new Error('The node is missing');
  return evaluateConfig(program, scope, slow);
}

/** What the sandbox is asked for */
async function asked(config: JsonObject) {
  const calls: Parameters<TaskTools['runCode']>[] = [];
  const tools: TaskTools = {
    signal: new AbortController().signal,
    runCode(...call) {
      calls.push(call);
      return Promise.resolve('result');
    },
    readState: () => Promise.resolve(undefined),
    respond: () => Promise.resolve(false),
  };
  const node = { config, input: 'in', trigger: 'event', now: new Date(0), evaluate: () => undefined };
  const outcome = await codeJavascript.run(node, tools);
  expect(outcome).toEqual({ kind: 'done', handle: 'out', output: 'result' });
  return calls;
}

describe('code.javascript', () => {
  it('is in the catalogue, as a task', () => {
    expect(catalogue.get('code.javascript')).toBe(codeJavascript);
    expect(codeJavascript.kind).toBe('task');
  });

  it('hands the code its source, input, trigger, values and limits', async () => {
    expect(await asked({ source: 'return 1;' })).toEqual([
      ['return 1;', { input: 'in', trigger: 'event' }, { timeoutMs: 1000, memoryMb: 32 }],
    ]);
    expect(await asked({ source: 'return 1;', values: { rate: 2 }, timeoutMs: 50, memoryMb: 8 })).toEqual([
      ['return 1;', { rate: 2, input: 'in', trigger: 'event' }, { timeoutMs: 50, memoryMb: 8 }],
    ]);
  });

  it.each<Json>([{ 'no name': 1 }, { input: 1 }, { undefined: 1 }, { trigger: 1 }, 'text', [1]])(
    'refuses values that give no constants: %j',
    async (values) => {
      await expect(asked({ source: 'return 1;', values })).rejects.toMatchObject({ code: 'config_invalid' });
    },
  );
});

describe('its source is code, never a template (B-12)', () => {
  const source = 'const text = "{{ input.price }}";\nconst { a } = {a: {b: {{}}}}; return `{{ unclosed ${text}`;'.replace('{{}}', '{}');

  it('is neither refused for `{{` at publish nor filled in when it runs', () => {
    expect(findings({ source })).toEqual([]);
    expect(evaluated({ source })).toEqual({ source });
  });

  it('stays so beside values that are filled in, at once or later', async () => {
    expect(evaluated({ source, values: { rate: '{{ env.rate }}', n: 1 } })).toEqual({ source, values: { rate: 1.2, n: 1 } });
    const slow = '{{ $sort([3, 1]) }}';
    expect(await evaluated({ source, values: { slow } }, () => Promise.resolve([1, 3]))).toEqual({ source, values: { slow: [1, 3] } });
  });

  it('does not make the worker read what only looks like an expression', () => {
    const paths = compileWorkflow(graphWith({ source: 'return "{{ nodes.fetch.output }}";' })).programs.get('it')?.config.paths;
    expect(paths).toEqual([]);
  });
});

describe('publishing', () => {
  it.each<[string, string]>([
    ['return 1 +;', 'config.source – `source` cannot be read: line 1, column 11: Unexpected token'],
    ['const a = 1;\nlet a = 2;', "config.source – `source` cannot be read: line 2, column 5: Identifier 'a' has already been declared"],
    ['return "{{ a";\n}', 'config.source – `source` cannot be read: line 2, column 1: Unexpected token'],
    ['}); (() => {', 'config.source – `source` cannot be read: line 1, column 1: Unexpected token'],
    ['return "a', 'config.source – `source` cannot be read: line 1, column 8: Unterminated string constant'],
    ['with (input) {}', "config.source – `source` cannot be read: line 1, column 1: 'with' in strict mode"],
    ['{'.repeat(60_000), expect.stringContaining('Not enough stack space')],
    [
      'import fs from "fs";',
      "config.source – `source` cannot be read: line 1, column 1: 'import' and 'export' may appear only with 'sourceType: module'",
    ],
  ])('says where code cannot be read: %.20j', (source, finding) => {
    expect(findings({ source })).toEqual([finding]);
  });

  it('passes everything that the body of an async function may hold', () => {
    const source = `for await (const n of [1, 2]) if (n > 1) return n;
      label: for (const [a, b = 1, ...c] of []) { continue label; }
      class A { static #x = 1; static { this.y = A.#x ?? 0; } get z() { return this?.y; } }
      const re = /(?<year>\\d{4})[\\p{L}--[a-z]]/v;
      await null; return { ...input, [re.source]: 1_000n ** 2n, async *gen() { yield* []; } };`;
    expect(findings({ source })).toEqual([]);
  });

  it.each<[JsonObject, string]>([
    [{}, 'config.source – `source` is missing: give it a value'],
    [{ source: ' \n' }, 'config.source – `source` has characters that are not allowed here'],
    [{ source: `return "${'{{'.repeat(40_000)}";` }, 'config.source – `source` has more than 65536 bytes in UTF-8: shorten it'],
    [{ source: 'return 1;', timeoutMs: 60_000 }, 'config.timeoutMs – `timeoutMs` must be <= 10000'],
    [
      { source: 'return 1;', memoryMb: '{{ env.memory }}' },
      'config.memoryMb – `memoryMb` must be written out: a template is not allowed here',
    ],
    [{ source: 'return 1;', values: { input: 1 } }, 'config.values.input – `values.input` is not a valid name'],
    [{ source: 'return 1;', values: { a: '{{ nodes. }}' } }, expect.stringContaining('config.values.a – ')],
  ])('names what is wrong with a config: %.60j', (config, finding) => {
    expect(findings(config)).toContainEqual(finding);
  });

  it('names each code node where code is switched off', () => {
    expect(codeNodesIn(graphWith({ source: 'return 1;' }))).toEqual([
      { path: 'nodes[1].type', code: 'code_off', message: expect.stringContaining('CODE_NODES=on') },
    ]);
    expect(codeNodesIn({ nodes: [{ id: 'start', type: 'trigger.manual', config: {} }], edges: [] })).toEqual([]);
    expect(codeIsOff()).toMatchObject({ code: 'code_off', options: { retryable: false } });
  });
});
