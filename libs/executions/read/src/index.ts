export { backtestPart } from './backtest-part.projection.js';
export { backtest } from './backtest.projection.js';
export { deadLetter } from './dead-letter.projection.js';
export { executionDetail } from './execution-detail.projection.js';
export { executionSummary } from './execution-summary.projection.js';
export { sentMessage } from './sent-message.projection.js';
export { ExecutionsReadModule } from './executions-read.module.js';
