import { isDeepStrictEqual } from 'node:util';
import type { Graph, GraphEdge, GraphNode } from '@sluice/engine';
import { type DomainEvent, DomainError, type InputError, type Json, type JsonObject } from '@sluice/kernel';
import { checkFields, checkGraph, checkSettings, codeNodesIn } from '@sluice/nodes';
import { checkChannels, type KnownChannel } from './check-channels.js';
import { checkCredentials } from './check-credentials.js';
import { checkListeners, type Listener } from './check-listeners.js';
import { checkWorkflows, type KnownWorkflow } from './check-workflows.js';

export type WorkflowStatus = 'draft' | 'published' | 'archived';

export interface Workflow {
  readonly tenantId: string;
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly status: WorkflowStatus;
  readonly revision: number;
  readonly draft: Graph;
  /** The newest published version; 0: none yet */
  readonly version: number;
  /** The revision that the newest version was published from; 0: none, or it came by a rollback */
  readonly publishedRevision: number;
  readonly tags: readonly string[];
  readonly settings: JsonObject;
  readonly createdBy: string;
  /** Events of this workflow so far */
  readonly streamVersion: number;
}

/** What an author decides about a workflow. */
export interface Definition {
  readonly name: string;
  readonly description: string | null;
  readonly graph: Graph;
  readonly tags: readonly string[];
  readonly settings: JsonObject;
}

export type WorkflowCreated = DomainEvent<'workflow.created', Definition & { readonly revision: number; readonly by: string }>;
export type WorkflowUpdated = DomainEvent<'workflow.updated', Definition & { readonly revision: number; readonly by: string }>;
export type WorkflowPublished = DomainEvent<
  'workflow.published',
  {
    readonly version: number;
    readonly versionId: string;
    readonly revision: number;
    readonly graph: Graph;
    readonly settings: JsonObject;
    readonly by: string;
  }
>;
/** An earlier version's graph is the newest version now, under a number of its own. The draft is as it was. */
export type WorkflowRolledBack = DomainEvent<
  'workflow.rolled_back',
  {
    readonly version: number;
    readonly versionId: string;
    /** The version whose graph and settings these are */
    readonly fromVersion: number;
    readonly graph: Graph;
    readonly settings: JsonObject;
    readonly by: string;
  }
>;
export type WorkflowArchived = DomainEvent<'workflow.archived', { readonly by: string }>;

export type WorkflowEvent = WorkflowCreated | WorkflowUpdated | WorkflowPublished | WorkflowRolledBack | WorkflowArchived;

export class WorkflowNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'workflow_not_found', `There is no workflow ${id}.`);
  }
}

export class WorkflowIsArchived extends DomainError {
  constructor(id: string) {
    super('conflict', 'workflow_is_archived', `The workflow ${id} is archived.`);
  }
}

export class VersionNotFound extends DomainError {
  constructor(id: string, version: number) {
    super('not_found', 'workflow_version_not_found', `The workflow ${id} has no version ${version}.`);
  }
}

export class RevisionIsStale extends DomainError {
  constructor(expected: number, actual: number) {
    super(
      'precondition',
      'revision_is_stale',
      `The workflow is at revision ${actual}, not ${expected}: read it again and repeat the change.`,
    );
  }
}

export class WorkflowNotPublishable extends DomainError {
  constructor(findings: readonly InputError[]) {
    const count = findings.length === 1 ? 'One thing stands' : `${findings.length} things stand`;
    super('invalid', 'workflow_not_publishable', `${count} in the way of publishing.`, { errors: findings });
  }
}

/** A workflow before its first event. */
export const undrawn = (tenantId: string, id: string): Workflow => ({
  tenantId,
  id,
  name: '',
  description: null,
  status: 'draft',
  revision: 0,
  draft: { nodes: [], edges: [] },
  version: 0,
  publishedRevision: 0,
  tags: [],
  settings: {},
  createdBy: '',
  streamVersion: 0,
});

export function create({ id, revision }: Workflow, definition: Definition, by: string): WorkflowCreated[] {
  return [{ type: 'workflow.created', aggregateId: id, payload: { ...definition, revision: revision + 1, by } }];
}

/** What is absent stays as it is. */
export interface Changes extends Partial<Omit<Definition, 'graph'>> {
  readonly nodes?: readonly GraphNode[];
  readonly edges?: readonly GraphEdge[];
}

/** Drafts may be incomplete: only publishing looks at the graph. Changes that change nothing decide nothing. */
export function update(workflow: Workflow, changes: Changes, by: string): WorkflowUpdated[] {
  if (workflow.status === 'archived') throw new WorkflowIsArchived(workflow.id);
  const { id, revision, draft, name, description, tags, settings } = workflow;
  const present: Definition = { name, description, graph: draft, tags, settings };
  const wanted: Definition = {
    name: changes.name ?? name,
    description: changes.description === undefined ? description : changes.description,
    graph: { nodes: changes.nodes ?? draft.nodes, edges: changes.edges ?? draft.edges },
    tags: changes.tags ?? tags,
    settings: changes.settings ?? settings,
  };
  if (isDeepStrictEqual(present, wanted)) return [];
  return [{ type: 'workflow.updated', aggregateId: id, payload: { ...wanted, revision: revision + 1, by } }];
}

/** What publishing looks at. */
export interface Publishable {
  readonly id: string;
  readonly name: string;
  readonly graph: Graph;
  readonly settings: JsonObject;
}

/** Of what graph and settings name, that which their tenant has. */
export interface KnownToTenant {
  readonly channels: readonly KnownChannel[];
  /** Ids */
  readonly credentials: readonly string[];
  /** Those that are named, and those that they call in turn */
  readonly workflows: readonly KnownWorkflow[];
  /** Names of its variables */
  readonly env: readonly string[];
  /** Its nodes may run code: the operator's to say */
  readonly codeNodes: boolean;
}

/** Something to mend or, as a warning, to look at. Only errors, which it is without `severity`, stand in the way of publishing. */
export interface DefinitionFinding extends InputError {
  readonly severity?: 'error' | 'warning';
}

/**
 * All that is to be said about a definition, at once.
 * @param samples events that began its runs, or might have
 * @param listeners the active ones
 */
export const findingsOf = (
  workflow: Publishable,
  known: KnownToTenant,
  samples: readonly Json[] = [],
  listeners: readonly Listener[] = [],
): DefinitionFinding[] => [
  ...checkGraph(workflow.graph, { env: known.env }),
  ...checkSettings(workflow.settings),
  ...(known.codeNodes ? [] : codeNodesIn(workflow.graph)),
  ...checkChannels(workflow.graph, known.channels),
  ...checkCredentials(workflow.graph, known.credentials),
  ...checkWorkflows(workflow, known.workflows),
  ...checkFields(workflow.graph, samples),
  ...checkListeners(workflow.graph, listeners),
];

export const isError = ({ severity }: DefinitionFinding): boolean => severity !== 'warning';

function mustBePublishable(workflow: Publishable, known: KnownToTenant): void {
  const errors = findingsOf(workflow, known).filter(isError);
  if (errors.length > 0) throw new WorkflowNotPublishable(errors);
}

/** Publishing an unchanged draft again decides nothing, so a retried request is harmless. */
export function publish(workflow: Workflow, known: KnownToTenant, versionId: string, by: string): WorkflowPublished[] {
  if (workflow.status === 'archived') throw new WorkflowIsArchived(workflow.id);
  if (workflow.publishedRevision === workflow.revision) return [];
  mustBePublishable({ ...workflow, graph: workflow.draft }, known);

  const { id, revision, draft: graph, settings, version } = workflow;
  return [{ type: 'workflow.published', aggregateId: id, payload: { version: version + 1, versionId, revision, graph, settings, by } }];
}

/** What runs follow: a published version as it was published. */
export interface PublishedVersion {
  readonly version: number;
  readonly graph: Graph;
  readonly settings: JsonObject;
}

/**
 * Makes an earlier version the newest one. It must still be fit to be published: what it names may be gone. Rolling back to what is live
 * decides nothing, so a retried request is harmless.
 */
export function rollBack(
  { id, name, status, version }: Workflow,
  { to, newest }: { readonly to: PublishedVersion; readonly newest: PublishedVersion },
  known: KnownToTenant,
  versionId: string,
  by: string,
): WorkflowRolledBack[] {
  if (status === 'archived') throw new WorkflowIsArchived(id);
  const { graph, settings } = to;
  if (isDeepStrictEqual({ graph, settings }, { graph: newest.graph, settings: newest.settings })) return [];
  mustBePublishable({ id, name, graph, settings }, known);

  const payload = { version: version + 1, versionId, fromVersion: to.version, graph, settings, by };
  return [{ type: 'workflow.rolled_back', aggregateId: id, payload }];
}

/** Runs in flight finish; nothing starts any more. Archiving what is archived decides nothing. */
export function archive({ id, status }: Workflow, by: string): WorkflowArchived[] {
  return status === 'archived' ? [] : [{ type: 'workflow.archived', aggregateId: id, payload: { by } }];
}

export function evolve(workflow: Workflow, event: WorkflowEvent): Workflow {
  const streamVersion = workflow.streamVersion + 1;
  switch (event.type) {
    case 'workflow.created': {
      const { graph: draft, by, ...definition } = event.payload;
      return { ...workflow, ...definition, draft, createdBy: by, streamVersion };
    }
    case 'workflow.updated': {
      const { graph: draft, by: _, ...definition } = event.payload;
      return { ...workflow, ...definition, draft, streamVersion };
    }
    case 'workflow.published': {
      const { version, revision } = event.payload;
      return { ...workflow, status: 'published', version, publishedRevision: revision, streamVersion };
    }
    case 'workflow.rolled_back':
      // No revision is live any more: publishing the draft decides something again.
      return { ...workflow, status: 'published', version: event.payload.version, publishedRevision: 0, streamVersion };
    case 'workflow.archived':
      return { ...workflow, status: 'archived', streamVersion };
  }
}
