export { catalogue } from './catalogue.js';
export { checkGraph, type Finding, type FindingCode } from './check-graph.js';
export { type CompiledWorkflow, compileWorkflow, evaluateConfig, evaluateDeferred, type NodeProgram } from './compile-workflow.js';
export {
  type ConfigSchema,
  type EffectNodeType,
  type EffectTools,
  NodeFailure,
  type Locals,
  type NodeInput,
  type NodeOutcome,
  type NodeType,
  type OutboundRequest,
  type OutboundResponse,
  type PureNodeType,
  type StateAddress,
  type StateChange,
  type StoredState,
  type TaskNodeType,
  type TaskTools,
  type TriggerNodeType,
} from './node-type.js';
export { type CatchUp, type Due, dueBetween, nextDue, type Schedule, scheduleProblem } from './schedule.js';
export { scheduleIn } from './trigger-schedule.js';
