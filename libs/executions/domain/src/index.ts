export { cancel, ExecutionNotFound, type OpenExecution } from './cancel.js';
export {
  type EffectSentAfterCancel,
  type ExecutionEvent,
  type ExecutionStarted,
  type TriggerMetadata,
  type WorkflowNodeTriggered,
} from './execution-events.js';
