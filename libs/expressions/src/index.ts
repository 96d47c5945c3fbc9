export { ExpressionFailed, type Scope, type SlowEvaluator } from './scope.js';
