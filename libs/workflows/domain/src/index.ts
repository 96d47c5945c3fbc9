export { type DefinitionDiff, diffDefinitions } from './diff-definitions.js';
export { type ExportDocument, exportDefinition, type Omission } from './export-definition.js';
export { findingsOfImport } from './import-definition.js';
export { channelsNamedIn, type KnownChannel } from './check-channels.js';
export { credentialsNamedIn } from './check-credentials.js';
export type { Listener } from './check-listeners.js';
export { callsOf, type KnownWorkflow, type WorkflowCall, workflowsNamedIn } from './check-workflows.js';
export { type PlannedSchedule, plannedSchedules } from './planned-schedules.js';
export {
  archive,
  type Changes,
  create,
  type Definition,
  type DefinitionFinding,
  evolve,
  findingsOf,
  isError,
  type KnownToTenant,
  publish,
  type Publishable,
  type PublishedVersion,
  RevisionIsStale,
  rollBack,
  undrawn,
  update,
  VersionNotFound,
  type Workflow,
  type WorkflowArchived,
  type WorkflowCreated,
  type WorkflowEvent,
  WorkflowIsArchived,
  WorkflowNotFound,
  WorkflowNotPublishable,
  type WorkflowPublished,
  type WorkflowRolledBack,
  type WorkflowStatus,
  type WorkflowUpdated,
} from './workflow.js';
export { type Concurrency, readSettings, type WorkflowSettings } from './workflow-settings.js';
