export { WorkflowDependants } from './archive-workflow.js';
export { workflowTable } from './workflow.table.js';
export { WorkflowsWriteModule } from './workflows-write.module.js';
