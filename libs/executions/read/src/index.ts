export { executionDetail } from './execution-detail.projection.js';
export { executionSummary } from './execution-summary.projection.js';
export { ExecutionsReadModule } from './executions-read.module.js';
