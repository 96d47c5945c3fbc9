import type { Json } from '@sluice/kernel';

import { ExpressionFailed, type Scope } from './scope.js';
import { compileTemplate, stripExpression } from './template.js';

const scope: Scope = {
  trigger: { text: 'Hello', count: 3, list: [1, 'x'], none: null, braces: '{{ trigger.text }}' },
  input: {},
  nodes: { a: { output: { id: 5 } } },
  execution: {},
  workflow: {},
  customer: {},
  env: {},
};

const never = async (): Promise<Json> => {
  throw new Error('No slow expression here');
};

describe('examples', () => {
  it.each<[Json, Json | undefined]>([
    ['plain', 'plain'],
    [5, 5],
    [null, null],
    ['{{ trigger.count }}', 3],
    ['{{trigger.list}}', [1, 'x']],
    ['{{ trigger.missing }}', undefined],
    [' {{ trigger.count }}', ' 3'],
    ['{{ trigger.text }}, {{ trigger.count + 1 }}!', 'Hello, 4!'],
    ['list {{ trigger.list }} none {{ trigger.none }} missing {{ trigger.missing }}.', 'list [1,"x"] none null missing .'],
    ['{{ "}}" }}{{ \'{{\' }}', '}}{{'],
    ['{{ {"a": {"b": trigger.count}} }}', { a: { b: 3 } }],
    ['{{ trigger.braces }}', '{{ trigger.text }}'],
    ['{"json": "{{ trigger.text }}"}', '{"json": "Hello"}'],
    ['}} {', '}} {'],
    [
      { a: '{{ trigger.count }}', b: { c: '{{ missing }}', d: 1 } },
      { a: 3, b: { d: 1 } },
    ],
    [
      ['{{ nodes.a.output.id }}', '{{ missing }}'],
      [5, null],
    ],
    [{ '{{ key }}': true }, { '{{ key }}': true }],
  ])('%j', (value, expected) => {
    const template = compileTemplate(value);
    expect(template.fast).toBe(true);
    expect(template.evaluate(scope, never)).toEqual(expected);
  });
});

it('lists what its expressions read', () => {
  const template = compileTemplate({ a: '{{ trigger.text }} {{ nodes.a.output.id }}', b: ['{{ trigger.text }}'] });
  expect(template.paths).toEqual([
    ['trigger', 'text'],
    ['nodes', 'a', 'output', 'id'],
  ]);
});

it('hands out a template without expressions as it is', () => {
  const value = { deep: [{ text: 'constant' }] };
  expect(compileTemplate(value).evaluate(scope, never)).toBe(value);
});

describe('with slow expressions', () => {
  const value = { slow: '{{ *.a }}', mixed: 'is {{ *.b }} and {{ trigger.count }}', gone: '{{ *.missing }}' };

  it('gives a promise of the same', async () => {
    const template = compileTemplate(value);
    expect(template.fast).toBe(false);
    const result = template.evaluate(scope, async (source) => (source === '*.missing' ? undefined : source));
    expect(result).toBeInstanceOf(Promise);
    expect(await result).toEqual({ slow: '*.a', mixed: 'is *.b and 3' });
  });

  it('B-11: asks for 16 of them at a time, however many there are, and keeps their places', async () => {
    let waiting = 0;
    let most = 0;
    const places = Array.from({ length: 1_000 }, (_, place) => place);
    const template = compileTemplate(places.map((place) => `{{ *.p${place} }}`));
    const slow = async (source: string): Promise<Json> => {
      most = Math.max(most, (waiting += 1));
      const place = Number(source.slice(3));
      for (let turn = 0; turn < 20 - (place % 16); turn += 1) await Promise.resolve();
      waiting -= 1;
      return place;
    };
    expect(await template.evaluate(scope, slow)).toEqual(places);
    expect(most).toBe(16);
  });

  it('fails with the first that fails and leaves no rejection behind', async () => {
    const slow = async (source: string): Promise<Json> => {
      throw new ExpressionFailed('expression_timeout', 'slow', source);
    };
    await expect(compileTemplate(value).evaluate(scope, slow)).rejects.toMatchObject({ code: 'expression_timeout' });
    expect(() => compileTemplate(['{{ *.a }}', '{{ 1 + "a" }}']).evaluate(scope, slow)).toThrow(ExpressionFailed);
  });
});

describe('refuses at compile time', () => {
  const nested = (depth: number): Json => (depth === 0 ? '{{ trigger }}' : [nested(depth - 1)]);

  it.each<[string, Json]>([
    ['an expression without end', 'a {{ trigger.text'],
    ['a syntax error', { deep: ['{{ 1 + }}'] }],
    ['nothing between the braces', '{{ }}'],
    ['B-11: templates nested in templates', nested(1_000)],
  ])('%s', (_kind, value) => {
    expect(() => compileTemplate(value)).toThrow(expect.objectContaining({ name: 'ExpressionFailed', code: 'expression_syntax' }));
  });
});

it('B-11: a text that grows too long fails', () => {
  const template = compileTemplate('{{ input.long }}'.repeat(100) + '.');
  const large = { ...scope, input: { long: 'x'.repeat(200_000) } };
  expect(() => template.evaluate(large, never)).toThrow(expect.objectContaining({ code: 'expression_too_large' }));
});

it('B-03: `__proto__` in a template is an own key of the result', () => {
  const value: Json = JSON.parse('{"__proto__": {"polluted": "{{ trigger.count }}"}}');
  const result = compileTemplate(value).evaluate(scope, never);
  expect(JSON.stringify(result)).toBe('{"__proto__":{"polluted":3}}');
  expect('polluted' in Object.prototype).toBe(false);
});

describe('an expression field takes both spellings', () => {
  it.each([
    ['trigger.count > 2', 'trigger.count > 2'],
    ['{{ trigger.count > 2 }}', 'trigger.count > 2'],
    [' {{"}}"}} ', '"}}"'],
    ['{"a": {"b": 1}}', '{"a": {"b": 1}}'],
  ])('%s', (text, source) => expect(stripExpression(text)).toBe(source));

  it.each(['{{ a }} = {{ b }}', '{{ a', '{{ a }} b'])('%s is not one expression', (text) => {
    expect(() => stripExpression(text)).toThrow(ExpressionFailed);
  });
});
