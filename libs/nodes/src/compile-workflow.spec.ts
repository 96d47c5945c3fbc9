import type { Graph } from '@sluice/engine';
import type { Scope, SlowEvaluator } from '@sluice/expressions';
import type { Json, JsonObject } from '@sluice/kernel';
import { compileWorkflow, evaluateConfig } from './compile-workflow.js';

const scope: Scope = {
  trigger: { text: 'price?', customerId: '9' },
  input: { total: 12, items: [{ price: 5 }, { price: 7 }] },
  nodes: { ask: { output: { status: 200 } } },
  execution: {},
  workflow: {},
  customer: {},
  env: { host: 'api.example.com' },
};
const noSlow: SlowEvaluator = () => Promise.reject(new Error('the slow evaluator was not meant to be asked'));

const workflow = (type: string, config: JsonObject): Graph => ({
  nodes: [
    { id: 'start', type: 'trigger.manual', config: {} },
    { id: 'it', type, config },
  ],
  edges: [{ source: 'start', target: 'it' }],
});

function evaluate(type: string, config: JsonObject, slow = noSlow, seen = scope) {
  const program = compileWorkflow(workflow(type, config)).programs.get('it');
  if (!program) throw new Error('no program');
  return evaluateConfig(program, seen, slow);
}

describe('evaluateConfig', () => {
  it('fills in templates at once', () => {
    expect(
      evaluate('data.set', {
        values: { total: '{{ input.total }}', text: 'Sum: {{ input.total }}', none: '{{ input.nothing }}', plain: true },
        keepInput: false,
      }),
    ).toEqual({ values: { total: 12, text: 'Sum: 12', plain: true }, keepInput: false });
  });

  it.each<[string, string, JsonObject, JsonObject]>([
    ['bare', 'logic.if', { condition: 'input.total > 10' }, { condition: true }],
    ['in braces', 'logic.if', { condition: '{{ input.total > 10 }}' }, { condition: true }],
    ['an object', 'data.transform', { expression: '{"a": {"b": input.total}}' }, { expression: { a: { b: 12 } } }],
    ['with braces in a text', 'data.transform', { expression: '"}} {{" & trigger.text' }, { expression: '}} {{price?' }],
  ])('evaluates the fields that are expressions: %s', (_what, type, config, evaluated) => {
    expect(evaluate(type, config)).toEqual(evaluated);
  });

  it('tells expressions from texts by where they stand', () => {
    expect(
      evaluate('logic.switch', {
        value: 'input.total',
        cases: [
          { name: 'a', equals: 'input.total' },
          { name: 'b', when: 'input.total = 12' },
        ],
      }),
    ).toEqual({
      value: 12,
      cases: [
        { name: 'a', equals: 'input.total' },
        { name: 'b', when: true },
      ],
    });
  });

  it('leaves deferred fields as they were written, so that a node sees whether they were', () => {
    const url = 'https://x.test/';
    expect(evaluate('http.request', { url, nextPage: '{{ item.links.next }}' })).toEqual({
      url,
      nextPage: 'item.links.next',
      pageItems: 'item.body',
    });
    expect(evaluate('http.request', { url })).not.toHaveProperty('nextPage');
  });

  it('tells an expression that was left out from one that finds nothing', () => {
    expect(evaluate('data.filter', { condition: 'true' })).toEqual({ items: scope.input, condition: 'true' });
    expect(evaluate('data.filter', { items: 'input.nothing', condition: 'true' })).toEqual({ condition: 'true' });
  });

  it('fails where a field finds nothing that decides whether something is written', () => {
    const config = { scope: 'tenant', key: 'a', value: 1 };
    expect(evaluate('state.set', { ...config, ifVersion: '{{ input.total }}' })).toEqual({ ...config, ifVersion: 12 });
    const problem = '`ifVersion` has no value: its expression found nothing';
    expect(() => evaluate('state.set', { ...config, ifVersion: '{{ input.nothing }}' })).toThrow(problem);
    const slowly = evaluate('state.set', { ...config, ifVersion: '{{ $map(input, function($i) { $i }) }}' }, () => Promise.resolve(null));
    return expect(slowly).rejects.toThrow(problem);
  });

  it('B-11: ends when all expressions together take too much, and keeps nobody waiting until then', async () => {
    const long: Scope = { ...scope, trigger: 'x'.repeat(2_000_000) };
    const values = Array.from({ length: 200 }, () => "{{ $contains(trigger, 'y') }}");
    let turns = 0;
    let turn = setImmediate(function next() {
      turns += 1;
      turn = setImmediate(next);
    });
    await expect(evaluate('data.set', { values: { values } }, noSlow, long)).rejects.toMatchObject({ code: 'expression_timeout' });
    clearImmediate(turn);
    expect(turns).toBeGreaterThan(3);
  });

  it('gives a promise when an expression needs the slow evaluator', async () => {
    const asked: string[] = [];
    const slow: SlowEvaluator = (source): Promise<Json> => {
      asked.push(source);
      return Promise.resolve([5]);
    };
    const config = evaluate('data.transform', { expression: '$map(input.items, function($i) { $i.price })' }, slow);
    expect(config).toBeInstanceOf(Promise);
    expect(await config).toEqual({ expression: [5] });
    expect(asked).toEqual(['$map(input.items, function($i) { $i.price })']);
  });
});

describe('compileWorkflow', () => {
  it('joins the engine’s graph and the catalogue', () => {
    const compiled = compileWorkflow(workflow('http.request', { url: 'https://{{ env.host }}/' }));
    expect([...compiled.nodes.keys()]).toEqual(['start', 'it']);
    expect(compiled.programs.get('it')?.type.kind).toBe('effect');
    expect(compiled.programs.get('it')?.config.paths).toEqual([['env', 'host']]);
    expect(compiled.nodes.get('it')?.policy.effect).toBe('at_least_once');
    expect(compiled.reachableFrom('start').size).toBe(2);
  });

  it('B-09 fails cleanly on what publishing would have refused', () => {
    expect(() => compileWorkflow(workflow('logic.iff', {}))).toThrow('"it" has a type that does not exist: "logic.iff".');
    expect(() => compileWorkflow(workflow('logic.if', { condition: '(' }))).toThrow('"it" has an expression that cannot be read');
    const { nodes, edges } = workflow('data.set', { values: {} });
    expect(() => compileWorkflow({ nodes, edges: [...edges, { source: 'it', target: 'start' }] })).toThrow('cycle');
  });
});
