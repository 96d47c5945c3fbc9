export { assertWorkflowExists } from './get-workflow.js';
export { workflowDetail } from './workflow-detail.projection.js';
export { workflowVersion } from './workflow-version.projection.js';
export { workflowSummary } from './workflow-summary.projection.js';
export { WorkflowsReadModule } from './workflows-read.module.js';
