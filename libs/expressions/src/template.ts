import { isJsonObject, type Json } from '@sluice/kernel';

import { compileExpression, type Expression, type SlowExpression } from './expression.js';
import { Fault, Run, StepBudget } from './run.js';
import { scanExpression } from './scan.js';
import { ExpressionFailed, type Scope, type SlowEvaluator } from './scope.js';
import { setOwn, toText } from './value.js';

/** A JSON value whose strings may contain `{{ expressions }}`, compiled. */
export interface Template {
  /** No expression needs the slow evaluator, so `evaluate` gives the value itself and not a promise, unless there is much to do. */
  readonly fast: boolean;
  /** The parts of the scope that its expressions can read, as rows of names; `[]` stands for everything. */
  readonly paths: readonly (readonly string[])[];
  evaluate(scope: Scope, slow: SlowEvaluator, steps?: StepBudget): Json | undefined | Promise<Json | undefined>;
}

/** A part of a template. Expressions are numbers: their place in the row of values from which the part is assembled. */
type Part =
  | { readonly kind: 'constant'; readonly value: Json }
  | { readonly kind: 'expression'; readonly place: number }
  | { readonly kind: 'text'; readonly pieces: readonly (string | number)[]; readonly source: string }
  | { readonly kind: 'array'; readonly items: readonly Part[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, Part])[] };

type Values = readonly (Json | undefined)[];

const depthMax = 100;
/** Of one template: the pool may refuse what comes at once, and nothing is gained by waiting there instead of here. */
const slowAtOnce = 16;
/** The steps of some tens of milliseconds: so long a template may keep others waiting. */
const turnSteps = 1_000_000;

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * A string that is one whole `{{ expression }}` becomes its value, whatever the type; in mixed text values are written as
 * JSONata's `&` writes them. Nothing is '' in a text, null in an array, and leaves its key out of an object.
 */
export function compileTemplate(value: Json): Template {
  const expressions: Expression[] = [];
  const part = compilePart(value, expressions, 0);
  const paths = new Map(expressions.flatMap((expression) => expression.paths).map((path) => [JSON.stringify(path), path]));
  return {
    fast: expressions.every(({ fast }) => fast),
    paths: [...paths.values()],
    evaluate: (scope, slow, steps = new StepBudget()) => evaluate(part, expressions, scope, slow, steps),
  };
}

/** The JSONata in a field that is an expression by itself, written with or without `{{ }}` around it. */
export function stripExpression(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{{')) return trimmed;
  const { end, closed } = scanExpression(trimmed, 2);
  if (closed && end + 2 === trimmed.length) return trimmed.slice(2, end).trim();
  throw new ExpressionFailed('expression_syntax', 'Write one expression here, either bare or as one whole {{ expression }}', text);
}

function compilePart(value: Json, expressions: Expression[], depth: number): Part {
  if (depth > depthMax) throw new ExpressionFailed('expression_syntax', `A template is nested at most ${depthMax} deep`, '');
  if (typeof value === 'string') return compileText(value, expressions);
  if (isJsonObject(value)) {
    const entries = Object.entries(value).map(([key, item]) => [key, compilePart(item, expressions, depth + 1)] as const);
    return entries.every(([, item]) => item.kind === 'constant') ? { kind: 'constant', value } : { kind: 'object', entries };
  }
  if (typeof value === 'object' && value !== null) {
    const items = value.map((item) => compilePart(item, expressions, depth + 1));
    return items.every((item) => item.kind === 'constant') ? { kind: 'constant', value } : { kind: 'array', items };
  }
  return { kind: 'constant', value };
}

function compileText(text: string, expressions: Expression[]): Part {
  const pieces: (string | number)[] = [];
  let position = 0;
  for (let open = text.indexOf('{{'); open !== -1; open = text.indexOf('{{', position)) {
    const { end, closed } = scanExpression(text, open + 2);
    if (!closed) throw new ExpressionFailed('expression_syntax', `{{ at character ${open + 1} has no matching }}`, text);
    if (open > position) pieces.push(text.slice(position, open));
    pieces.push(expressions.push(compileExpression(text.slice(open + 2, end).trim())) - 1);
    position = end + 2;
  }
  if (position < text.length) pieces.push(text.slice(position));

  if (!pieces.some((piece) => typeof piece === 'number')) return { kind: 'constant', value: text };
  const [only] = pieces;
  if (typeof only === 'number' && pieces.length === 1) return { kind: 'expression', place: only };
  return { kind: 'text', pieces, source: text };
}

/** Fast ones first: when one of them fails, no promise of a slow one is left that nobody awaits. Between many of them others have a turn. */
function evaluate(
  part: Part,
  expressions: readonly Expression[],
  scope: Scope,
  slow: SlowEvaluator,
  steps: StepBudget,
  values: (Json | undefined)[] = [],
  from = 0,
): ReturnType<Template['evaluate']> {
  const until = steps.left - turnSteps;
  for (const [place, expression] of expressions.entries()) {
    if (!expression.fast || place < from) continue;
    if (steps.left < until) return nextTurn().then(() => evaluate(part, expressions, scope, slow, steps, values, place));
    values[place] = expression.evaluate(scope, slow, steps);
  }
  const slowOnes = expressions.flatMap((expression, place) => (expression.fast ? [] : [{ place, expression }]));
  if (slowOnes.length === 0) return assemble(part, values, steps);
  return evaluateSlow(slowOnes, scope, slow, values).then(() => assemble(part, values, steps));
}

async function evaluateSlow(
  expressions: readonly { readonly place: number; readonly expression: SlowExpression }[],
  scope: Scope,
  slow: SlowEvaluator,
  values: (Json | undefined)[],
): Promise<void> {
  for (let start = 0; start < expressions.length; start += slowAtOnce) {
    const some = expressions.slice(start, start + slowAtOnce);
    await Promise.all(some.map(async ({ place, expression }) => void (values[place] = await expression.evaluate(scope, slow))));
  }
}

function assemble(part: Part, values: Values, steps: StepBudget): Json | undefined {
  switch (part.kind) {
    case 'constant':
      return part.value;
    case 'expression':
      return values[part.place];
    case 'text':
      return writeText(
        part.pieces.map((piece) => (typeof piece === 'string' ? piece : values[piece])),
        part.source,
        steps,
      );
    case 'array':
      return part.items.map((item) => assemble(item, values, steps) ?? null);
    case 'object': {
      const object: Record<string, Json> = {};
      for (const [key, item] of part.entries) {
        const value = assemble(item, values, steps);
        if (value !== undefined) setOwn(object, key, value);
      }
      return object;
    }
  }
}

function writeText(pieces: Values, source: string, steps: StepBudget): string {
  const run = new Run(undefined, steps);
  try {
    return pieces.reduce<string>((text, piece) => {
      const written = toText(piece, run);
      run.spendText(written);
      return text + written;
    }, '');
  } catch (error) {
    if (error instanceof Fault && steps.left < 0) throw new ExpressionFailed(error.code, error.message, source);
    if (error instanceof Fault) throw new ExpressionFailed('expression_too_large', 'The text grows too long', source);
    throw error;
  }
}
