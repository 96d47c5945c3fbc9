export { advance, type Circumstances, type Decision, type RunLimits, type WorkflowOfRun } from './advance.js';
export {
  type CompiledEdge,
  type CompiledGraph,
  compileGraph,
  type CompiledNode,
  type EffectivePolicy,
  GraphIsBroken,
  type NodeTraits,
} from './compile-graph.js';
export { inputOf, regionOf } from './data-flow.js';
export {
  type EngineCommand,
  type EngineEvent,
  type Fact,
  type NodeEvent,
  type NodeFact,
  type NodePlace,
  type RunEvent,
  type SentMessages,
  type Waiting,
} from './facts.js';
export { type Frame, frameOf, framesAround, type Iteration, keyOf, placeOf } from './frames.js';
export {
  DEFAULT_HANDLE,
  DONE_HANDLE,
  ERROR_HANDLE,
  type Graph,
  type GraphEdge,
  type GraphNode,
  IN_DOUBT_HANDLE,
  ITEM_HANDLE,
  type JoinRule,
  type LoopRule,
  type NodeError,
  type NodePolicy,
  type RetryPolicy,
  TIMEOUT_HANDLE,
} from './graph.js';
export {
  executionIsOver,
  type LoopProgress,
  newRun,
  type NodeRun,
  type NodeRunStatus,
  type RunState,
  type RunStatus,
  type Spent,
} from './run-state.js';
