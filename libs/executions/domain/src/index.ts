export { cancel, ExecutionNotFound, type OpenExecution } from './cancel.js';
export { type Footprint, type MoveGraph, whatStandsInTheWay } from './move.js';
export { type ControlledRun, type GraphOfRun, pause, type Resolution, resolve, resume, retry } from './controls.js';
export {
  type EffectSentAfterCancel,
  type ExecutionEvent,
  type ExecutionMoved,
  type ExecutionStarted,
  type TriggerMetadata,
  type WorkflowNodeTriggered,
} from './execution-events.js';
