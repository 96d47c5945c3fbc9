export {
  ChannelCheckResult,
  ChannelCommand,
  ChannelConnectedResult,
  ChannelCredentialsCommand,
  ChannelRotationCommand,
  ChannelRotationResult,
  ChannelStatusResult,
  ChannelTestResult,
} from './channel.command.js';
export { CredentialCommand, CredentialCreatedResult } from './credential.command.js';
export {
  DeadLetterFilterCommand,
  DeadLetterRetriedResult,
  DeadLettersDiscardCommand,
  DeadLettersResult,
  DeadLettersRetryCommand,
} from './dead-letter.command.js';
export {
  ApprovalCommand,
  ApprovalResult,
  BulkExecutionsCommand,
  BulkExecutionsResult,
  EffectResolutionCommand,
  ExecutionCancelledResult,
  ExecutionFilterCommand,
  ExecutionPausedResult,
  ExecutionRerunCommand,
  ExecutionRerunResult,
  ExecutionRetriedResult,
  ExecutionRetryCommand,
  ExecutionStatusResult,
  MoveFilterCommand,
  MoveRunsCommand,
  MoveRunsResult,
} from './execution.command.js';
export {
  BacktestCommand,
  BacktestStartedResult,
  NodeTestCommand,
  NodeTestErrorResult,
  NodeTestItemCommand,
  nodeTestOutcomes,
  NodeTestResult,
} from './draft.command.js';
export { isDay, IsInstant, lastInstant } from './instant.js';
export { limits } from './limits.js';
export { NodeTriggerCommand, NodeTriggeredResult } from './node-trigger.command.js';
export { ProviderAppCommand, ProviderAppCreatedResult, ProviderAppCredentialsCommand } from './provider-app.command.js';
export {
  EventReplayCommand,
  ReplayCommand,
  ReplayCountResult,
  ReplayFilterCommand,
  ReplayStartedResult,
  ReplayStatusResult,
} from './replay.command.js';
export {
  ApiKeyCommand,
  KeyIssuedResult,
  TenantCommand,
  TenantEnvCommand,
  TenantEnvResult,
  TenantQuotas,
  TenantQuotasResult,
} from './tenancy.command.js';
export {
  WebhookConfigCommand,
  WebhookRegistrationCommand,
  WebhookRegistrationResult,
  WebhookTestResult,
  webhookTestSteps,
} from './webhook-registration.command.js';
export {
  WorkflowFinding,
  WorkflowImportedResult,
  WorkflowPublishedResult,
  WorkflowRollbackCommand,
  WorkflowSavedResult,
  WorkflowValidationResult,
} from './workflow-answers.js';
export { ExportOmissionCommand, WorkflowImportCommand } from './workflow-import.command.js';
export {
  NodePolicyCommand,
  NodePositionCommand,
  NodeRetryCommand,
  WorkflowChangesCommand,
  WorkflowDefinitionCommand,
  WorkflowEdgeCommand,
  WorkflowNodeCommand,
} from './workflow-definition.command.js';
export { type ProblemCode, problemCatalogue, type ProblemEntry } from './problems.js';
export { ApiKeyPage, ApiKeyQuery, apiKeyStatuses } from './query-api-keys.js';
export {
  BacktestErrorQuery,
  BacktestEventsQuery,
  BacktestNodeEndQuery,
  BacktestNodeQuery,
  BacktestQuery,
  backtestReasons,
  BacktestResultQuery,
  backtestStatuses,
  BacktestStatusQuery,
} from './query-backtests.js';
export {
  ChannelDependantsQuery,
  ChannelDetailQuery,
  ChannelErrorQuery,
  ChannelHealthQuery,
  ChannelPage,
  ChannelQuery,
  ChannelReasonQuery,
  channelStatuses,
  DependantQuery,
} from './query-channels.js';
export { deadLetterKinds, DeadLetterPage, DeadLetterQuery, deadLetterReasons, deadLetterStatuses } from './query-dead-letters.js';
export {
  BlobQuery,
  ExecutionDetailQuery,
  ExecutionErrorQuery,
  ExecutionPage,
  ExecutionQuery,
  executionStatuses,
  NodeExecutionQuery,
  nodeExecutionStatuses,
  nodeWaits,
  TriggerMetadataQuery,
  WaitsForChannelQuery,
} from './query-executions.js';
export {
  ChangedPartQuery,
  ChangeQuery,
  EdgesDiffQuery,
  ExportOmissionQuery,
  NodesDiffQuery,
  WorkflowDiffQuery,
  WorkflowExportQuery,
  WorkflowVersionDetailQuery,
  WorkflowVersionPage,
  WorkflowVersionQuery,
} from './query-workflow-versions.js';
export { JobQuery, NodeRunPage, NodeRunQuery } from './query-jobs.js';
export {
  replayableStatuses,
  ReplayEventsQuery,
  ReplayFilterQuery,
  ReplayPage,
  ReplayQuery,
  replayStatuses,
  replayVersions,
} from './query-replays.js';
export { sourceAlertTypes, SourceAlertQuery, SourceConflictQuery, SourceQuery, sourceStatuses } from './query-sources.js';
export { AuditEntryQuery, AuditPage, TenantUsageQuery, UsageOfDayQuery } from './query-tenancy.js';
export { PageAnswer } from './query-page.js';
export {
  LargeMemberQuery,
  SentByQuery,
  WebhookConfigQuery,
  WebhookDefinitionQuery,
  WebhookEventErrorQuery,
  WebhookEventPage,
  WebhookEventQuery,
  webhookEventStatuses,
  WebhookPage,
  WebhookStatsQuery,
  webhookStatuses,
} from './query-webhooks.js';
export {
  NodeExampleQuery,
  NodeTypeList,
  NodeTypeQuery,
  WorkflowDefinitionQuery,
  WorkflowMetadataQuery,
  WorkflowPage,
  workflowStatuses,
} from './query-workflows.js';
