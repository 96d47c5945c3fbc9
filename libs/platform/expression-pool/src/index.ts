export { ExpressionPool, type ExpressionPoolOptions, ExpressionPoolUnavailable } from './expression-pool.js';
