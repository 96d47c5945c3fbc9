export { compileExpression, type Expression, type FastExpression, type SlowExpression, truthy } from './expression.js';
export { StepBudget } from './run.js';
export { ExpressionFailed, type Scope, type SlowEvaluator } from './scope.js';
export { compileTemplate, stripExpression, type Template } from './template.js';
