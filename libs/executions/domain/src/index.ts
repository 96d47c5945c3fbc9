export {
  type BacktestEvent,
  type ComparedNode,
  type DifferenceReason,
  type NodeDifference,
  type RunComparison,
} from './backtest-events.js';
export { cancel, ExecutionNotFound, type OpenExecution } from './cancel.js';
export {
  type EffectSentAfterCancel,
  type ExecutionEvent,
  type ExecutionStarted,
  type TriggerMetadata,
  type WorkflowNodeTriggered,
} from './execution-events.js';
