import { ExpressionFailed, type SlowEvaluator } from '@sluice/expressions';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import jsonata from 'jsonata';
import { allCases } from './all-cases.js';
import { catalogue } from './catalogue.js';
import { isList } from './config-fields.js';
import type { NodeCase } from './node-cases.js';
import type { NodeType, OutboundRequest } from './node-type.js';
import { refusalsOf, runCase } from './run-case.js';

/** They run where their tool is real: code in the sandbox of @sluice/platform-code-sandbox, whose spec runs these cases too. */
const runElsewhere = ['code.javascript'];

it('every node type of the catalogue has cases, and nothing else has', () => {
  const without = [...catalogue.keys()].filter((type) => (allCases.get(type)?.length ?? 0) < 3);
  expect({ without, mend: 'write <type>.cases.ts, name it in all-cases.ts' }).toMatchObject({ without: [] });
  expect([...allCases.keys()].filter((type) => !catalogue.has(type))).toEqual([]);
});

it('every case says a sentence, and no two of a type the same', () => {
  for (const [type, cases] of allCases) {
    const sentences = cases.map(({ says }) => says);
    expect([type, sentences.filter((says) => !/^[A-Z`"].*[.!?]$/.test(says))]).toEqual([type, []]);
    expect([type, new Set(sentences).size]).toEqual([type, sentences.length]);
  }
});

describe.each([...catalogue.values()].map((type) => [type.type, type] as const))('%s', (name, type) => {
  const cases = allCases.get(name) ?? [];
  const [test, where] = runElsewhere.includes(name) ? [it.skip, ' (by the spec of code-sandbox)'] : [it, ''];
  for (const nodeCase of cases) test(`${nodeCase.says}${where}`, () => expectCase(type, nodeCase));

  it('leaves by each of its handles in some example', async () => {
    const results = await Promise.all((runElsewhere.includes(type.type) ? [] : cases).map((one) => runCase(type, one, { slow })));
    const handles = results.flatMap(({ gives }) => ('handle' in gives ? [gives.handle] : []));
    // What waits, loops or calls is left later, by the engine.
    const leaves = results.length > 0 && results.every(({ gives }) => !('kind' in gives) || gives.kind === 'done');
    expect(leaves ? type.handles({}).filter((handle) => !handles.includes(handle)) : []).toEqual([]);
  });

  it('says in its schema by which handles it can be left', () => {
    for (const { config, gives } of cases) {
      if ('refused' in gives) continue;
      const declared = [...type.handles({}), ...handlesIn(type.configSchema, config)];
      expect([config, type.handles(config).toSorted()]).toEqual([config, declared.toSorted()]);
    }
  });

  it('has examples that can be published, unless they show what cannot', () => {
    for (const { config, gives } of cases) {
      const refusals = refusalsOf(type, config).map(({ code }) => code);
      expect([config, refusals.slice(0, 1)]).toEqual([config, 'refused' in gives ? [gives.refused] : []]);
    }
  });
});

async function expectCase(type: NodeType, nodeCase: NodeCase): Promise<void> {
  const { gives, sends, leaves, responds, fits } = await runCase(type, nodeCase, { slow });
  expectGiven(type, gives, nodeCase.gives);
  if (nodeCase.sends) expect(sends.map(readable)).toMatchObject(nodeCase.sends);
  if (nodeCase.leaves) expect(leaves).toEqual(nodeCase.leaves);
  if (nodeCase.responds) expect(responds).toMatchObject(nodeCase.responds);
  expect(fits).toEqual((nodeCase.events ?? []).map((one) => one.fits));
}

/** What a target answers may have more to it than a case says; all else that is named is named whole. */
function expectGiven(type: NodeType, given: NodeCase['gives'], expected: NodeCase['gives']): void {
  if (type.kind === 'effect') return expect(given).toMatchObject(expected);
  const named = Object.keys(expected);
  expect(Object.fromEntries(Object.entries(given).filter(([member]) => named.includes(member)))).toEqual(expected);
}

function readable({ body, ...request }: OutboundRequest) {
  const text = body?.toString();
  const isJson = request.headers['content-type']?.includes('json') === true;
  return { ...request, ...(text !== undefined && { body: isJson ? JSON.parse(text) : text }) };
}

/** As expressions that may not run in process are evaluated elsewhere, without the limits. */
const slow: SlowEvaluator = async (source, scope): Promise<Json | undefined> => {
  try {
    const value: Json | undefined = await jsonata(source).evaluate(structuredClone(scope));
    return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
  } catch (error) {
    throw new ExpressionFailed('expression_failed', String(error), source);
  }
};

/** The handles that a config adds, by the schema's keyword `handle`. */
function handlesIn(schema: Json | undefined, value: Json): string[] {
  if (!isJsonObject(schema)) return [];
  const own = schema['handle'] === true ? [String(value)] : typeof schema['handle'] === 'string' ? [schema['handle']] : [];
  if (isList(value)) return [...own, ...value.flatMap((item) => handlesIn(schema['items'], item))];
  return [...own, ...(isJsonObject(value) ? membersOf(value, schema['properties']) : [])];
}

function membersOf(value: JsonObject, properties: Json | undefined): string[] {
  if (!isJsonObject(properties)) return [];
  return Object.entries(value).flatMap(([field, member]) => handlesIn(properties[field], member));
}
