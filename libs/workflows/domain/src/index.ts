export {
  type Workflow,
  type WorkflowArchived,
  type WorkflowCreated,
  type WorkflowEvent,
  type WorkflowPublished,
  type WorkflowStatus,
  type WorkflowUpdated,
} from './workflow.js';
