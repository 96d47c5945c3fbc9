export { ChannelCommand, ChannelConnectedResult, ChannelCredentialsCommand } from './channel.command.js';
export { NodeTriggerCommand, NodeTriggeredResult } from './node-trigger.command.js';
export { ApiKeyCommand, KeyIssuedResult, TenantCommand } from './tenancy.command.js';
export { WebhookConfigCommand, WebhookRegistrationCommand, WebhookRegistrationResult } from './webhook-registration.command.js';
export { WorkflowFinding, WorkflowPublishedResult, WorkflowSavedResult, WorkflowValidationResult } from './workflow-answers.js';
export {
  NodePolicyCommand,
  NodePositionCommand,
  NodeRetryCommand,
  WorkflowChangesCommand,
  WorkflowDefinitionCommand,
  WorkflowEdgeCommand,
  WorkflowNodeCommand,
} from './workflow-definition.command.js';
