export {
  DEFAULT_HANDLE,
  ERROR_HANDLE,
  type Graph,
  type GraphEdge,
  type GraphNode,
  type JoinRule,
  type NodeError,
  type NodePolicy,
  type RetryPolicy,
} from './graph.js';
export { type EffectivePolicy, type EngineCommand, type EngineEvent, type Fact, type NodeEvent, type RunEvent } from './facts.js';
export { type NodeRun, type NodeRunStatus, type RunState, type RunStatus, terminalStatuses } from './run-state.js';
