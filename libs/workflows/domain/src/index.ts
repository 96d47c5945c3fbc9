export { type DefinitionDiff, diffDefinitions } from './diff-definitions.js';
export { type ExportDocument, exportDefinition } from './export-definition.js';
export { channelsNamedIn, type KnownChannel } from './check-channels.js';
export { credentialsNamedIn } from './check-credentials.js';
export { type PlannedSchedule, plannedSchedules } from './planned-schedules.js';
export {
  archive,
  type Changes,
  create,
  type Definition,
  evolve,
  findingsOf,
  type KnownToTenant,
  publish,
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
  type WorkflowPublished,
  type WorkflowRolledBack,
  type WorkflowStatus,
  type WorkflowUpdated,
} from './workflow.js';
