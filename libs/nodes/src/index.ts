export { allCases } from './all-cases.js';
export { catalogue } from './catalogue.js';
export { sentMessages } from './channels/sent-messages.js';
export { checkFields } from './check-fields.js';
export { checkGraph } from './check-graph.js';
export { codeIsOff, codeNodesIn } from './code-off.js';
export { type CompiledWorkflow, compileWorkflow, evaluateConfig, evaluateDeferred, type NodeProgram } from './compile-workflow.js';
export { type Finding } from './finding.js';
export { HEADER_VALUE, requestHeaderProblem } from './http-headers.js';
export type { NodeCase } from './node-cases.js';
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
  type OutgoingEvent,
  type PureNodeType,
  type SendBudget,
  type SendingChannel,
  type StateAddress,
  type StateChange,
  type StoredState,
  type TaskNodeType,
  type TaskTools,
  type TriggerNodeType,
} from './node-type.js';
export { checkSettings } from './workflow-settings.js';
export { type CaseResult, type CaseTools, refusalsOf, runCase } from './run-case.js';
export { type CatchUp, type Due, dueBetween, nextDue, type Schedule, scheduleProblem } from './schedule.js';
export { scheduleIn } from './trigger-schedule.js';
