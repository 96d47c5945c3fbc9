export { advance, type Circumstances, type Decision, type WorkflowOfRun } from './advance.js';
export {
  type CompiledEdge,
  type CompiledGraph,
  compileGraph,
  type CompiledNode,
  type EffectivePolicy,
  GraphIsBroken,
} from './compile-graph.js';
export { inputOf } from './data-flow.js';
export { type EngineCommand, type EngineEvent, type Fact, type NodeEvent, type NodeFact, type RunEvent } from './facts.js';
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
export { executionIsOver, newRun, type NodeRun, type NodeRunStatus, type RunState, type RunStatus } from './run-state.js';
