export {
  type ConfigSchema,
  type EffectNodeType,
  type EffectTools,
  NodeFailure,
  type NodeInput,
  type NodeOutcome,
  type NodeType,
  type OutboundRequest,
  type OutboundResponse,
  type PureNodeType,
  type TriggerNodeType,
} from './node-type.js';
