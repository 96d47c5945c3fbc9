import { DEFAULT_HANDLE } from '@sluice/engine';
import { ExpressionFailed, StepBudget, truthy } from '@sluice/expressions';
import type { Json } from '@sluice/kernel';
import { configFailure, isList, kindOf, optionalChoice, optionalInteger } from './config-fields.js';
import { NodeFailure, type NodeInput, type PureNodeType } from './node-type.js';

const ITEMS_MAX = 100_000;
/** Conditions that are not evaluated in process are asked for by so many at a time. */
const AT_ONCE = 32;
/** Conditions keep the process' other work waiting for so long at most. */
const TURN_MS = 5;
const KEPT = ['matching', 'rest'] as const;

export const dataFilter: PureNodeType = {
  type: 'data.filter',
  kind: 'pure',
  title: 'Filter',
  description: 'Its output is the list of those items for which the condition holds, in their order.',
  configSchema: {
    title: 'Filter',
    type: 'object',
    properties: {
      items: {
        title: 'Items',
        description: `An expression that gives a list of at most ${ITEMS_MAX} items. Nothing counts as an empty list.`,
        type: 'string',
        format: 'expression',
        minLength: 1,
        default: 'input',
        examples: ['input.body.orders', 'trigger.payload.entries'],
      },
      condition: {
        title: 'Condition',
        description:
          'An expression that is evaluated for each item, which it sees as `item`; `index` is its place, from 0. Nothing, null, 0 and an ' +
          'empty text, list or object are false.',
        type: 'string',
        format: 'expression',
        deferred: true,
        locals: ['item', 'index'],
        minLength: 1,
        examples: ["item.status = 'paid'", 'item.total > 100 and index < 10', "$contains(item.email, '@example.com')"],
      },
      keep: {
        title: 'Keep',
        description: '`matching`: the items for which the condition holds. `rest`: all others.',
        type: 'string',
        enum: KEPT,
        default: 'matching',
      },
      limit: {
        title: 'Limit',
        description: 'Keeps so many items, the first ones, and looks no further. Without it: all.',
        type: 'integer',
        minimum: 1,
        maximum: ITEMS_MAX,
        examples: [1, 10],
      },
    },
    required: ['condition'],
    additionalProperties: false,
    examples: [
      { condition: "item.status = 'paid'" },
      { items: 'input.body.orders', condition: 'item.total > 100', limit: 10 },
      { items: 'input.body.users', condition: 'item.blocked', keep: 'rest' },
    ],
  },
  handles: () => [DEFAULT_HANDLE],
  run: async (node) => ({ kind: 'done', handle: DEFAULT_HANDLE, output: await keptOf(node) }),
};

async function keptOf(node: NodeInput): Promise<readonly Json[]> {
  const { config } = node;
  const items = itemsOf(config['items'] ?? null);
  const wanted = (optionalChoice(config, 'keep', KEPT) ?? 'matching') === 'matching';
  const limit = optionalInteger(config, 'limit', 1, ITEMS_MAX) ?? ITEMS_MAX;

  const kept: Json[] = [];
  const steps = new StepBudget();
  let turn = performance.now();
  for (let start = 0; start < items.length; start += AT_ONCE) {
    const some = items.slice(start, start + AT_ONCE);
    const verdicts: (Verdict | Promise<Verdict>)[] = [];
    for (const [place, item] of some.entries()) {
      if (performance.now() - turn > TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        turn = performance.now();
      }
      verdicts.push(verdictOn(node, item, start + place, steps));
    }
    // Looked at in order: which item fails, or is the last one, does not hang on which answers first.
    for (const [place, verdict] of verdicts.entries()) {
      const { holds, error } = verdict instanceof Promise ? await verdict : verdict;
      if (error !== undefined) throw error;
      const item = some[place];
      if (item !== undefined && holds === wanted && kept.push(item) === limit) return kept;
    }
  }
  return kept;
}

function itemsOf(value: Json): readonly Json[] {
  if (value === null) return [];
  if (!isList(value)) {
    const advice = 'An expression that finds one thing gives it alone: write [ … ] around it';
    throw configFailure('items', `must be a list, not ${kindOf(value)}. ${advice}`);
  }
  if (value.length <= ITEMS_MAX) return value;
  throw new NodeFailure('too_many_items', `The list has ${value.length} items, and a filter takes at most ${ITEMS_MAX}: split the list`, {
    retryable: false,
  });
}

type Verdict = { readonly holds: boolean; readonly error?: undefined } | { readonly holds?: undefined; readonly error: unknown };

/** A promise only where the condition gives one: 100 000 of them take longer than the conditions. It is never rejected. */
function verdictOn({ evaluate }: NodeInput, item: Json, index: number, steps: StepBudget): Verdict | Promise<Verdict> {
  const failed = (error: unknown): Verdict => ({ error: namingItem(error, index) });
  try {
    const value = evaluate('condition', { item, index });
    return value instanceof Promise
      ? value.then((known) => ({ holds: truthy(known, steps) })).catch(failed)
      : { holds: truthy(value, steps) };
  } catch (error) {
    return failed(error);
  }
}

function namingItem(error: unknown, index: number): unknown {
  if (!(error instanceof ExpressionFailed)) return error;
  return new ExpressionFailed(error.code, `\`condition\` failed for item ${index}: ${error.message}`, error.source);
}
