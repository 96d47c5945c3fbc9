export { type ExecutionEvent, type ExecutionStarted, type TriggerMetadata, type WorkflowNodeTriggered } from './execution-events.js';
