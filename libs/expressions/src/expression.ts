import type { Json } from '@sluice/kernel';

import { compileFast, type Evaluate, selectsOnly } from './closures.js';
import { Fault, Run, StepBudget } from './run.js';
import { ExpressionFailed, type Scope, type SlowEvaluator } from './scope.js';
import { parseExpression, type SyntaxNode } from './syntax.js';
import { isTruthy, Sequence, toJson, type Value } from './value.js';

interface Compiled {
  readonly source: string;
  /** The parts of the scope it can read, as rows of names; `[]` stands for everything. */
  readonly paths: readonly (readonly string[])[];
}

/** Runs in this thread and at once. */
export interface FastExpression extends Compiled {
  readonly fast: true;
  evaluate(scope: Scope, slow?: SlowEvaluator, steps?: StepBudget): Json | undefined;
}

/** May loop, recurse or match regular expressions, so it runs where it can be killed. */
export interface SlowExpression extends Compiled {
  readonly fast: false;
  evaluate(scope: Scope, slow: SlowEvaluator, steps?: StepBudget): Promise<Json | undefined>;
}

/**
 * `evaluate(scope, slow, steps)` fits both kinds and gives a promise for a slow one only. All errors are ExpressionFailed. Expressions that
 * are given the same `steps` share them.
 */
export type Expression = FastExpression | SlowExpression;

/** @param source JSONata without `{{ }}`; see `stripExpression`. */
export function compileExpression(source: string): Expression {
  const { tree, paths } = parseExpression(source);
  const closure = compileFast(tree);
  if (closure === undefined) return { source, paths, fast: false, evaluate: (scope, slow) => slow(source, scope) };
  return { source, paths, fast: true, evaluate: (scope, _slow, steps) => evaluateFast(tree, closure, source, scope, steps) };
}

function evaluateFast(tree: SyntaxNode, closure: Evaluate, source: string, scope: Scope, steps?: StepBudget): Json | undefined {
  const run = new Run<Value>(scope, steps);
  try {
    const result = closure(scope, run);
    return isPartOfScope(tree, result) ? result : toJson(result, run);
  } catch (error) {
    throw asFailure(error, source);
  }
}

/** Such a part is JSON already and is handed out uncopied. */
const isPartOfScope = (tree: SyntaxNode, result: Value): result is Json | undefined => selectsOnly(tree) && !(result instanceof Sequence);

function asFailure(error: unknown, source: string): unknown {
  if (error instanceof Fault) return new ExpressionFailed(error.code, error.message, source);
  if (error instanceof RangeError) {
    return new ExpressionFailed('expression_too_large', `The expression needs too much: ${error.message}`, source);
  }
  return error;
}

/** Whether a condition holds, by JSONata's `$boolean`; nothing does not. Throws ExpressionFailed when `steps` are used up. */
export function truthy(value: Json | undefined, steps = new StepBudget()): boolean {
  try {
    return isTruthy(value, new Run(undefined, steps, Infinity));
  } catch (error) {
    throw asFailure(error, '');
  }
}
