export {
  type BacktestEvent,
  type ComparedNode,
  type DifferenceReason,
  type NodeDifference,
  type RunComparison,
} from './backtest-events.js';
export { cancel, ExecutionNotFound, type OpenExecution } from './cancel.js';
export { type Footprint, type MoveGraph, whatStandsInTheWay } from './move.js';
export { type ControlledRun, type GraphOfRun, pause, type Resolution, resolve, resume, retry } from './controls.js';
export {
  afterFailure,
  crashesMax,
  type DeadLetter,
  type DeadLetterError,
  deadLettered,
  type DeadLetterEvent,
  DeadLetterNotFound,
  type DeadLetterReason,
  discarded,
  isSuspect,
  retried,
  spread,
  suspectGroups,
  type TaskKind,
} from './dead-letters.js';
export {
  type EffectHeld,
  type EffectSentAfterCancel,
  type ExecutionEvent,
  type ExecutionMoved,
  type ExecutionStarted,
  type TriggerMetadata,
  type WorkflowNodeTriggered,
} from './execution-events.js';
