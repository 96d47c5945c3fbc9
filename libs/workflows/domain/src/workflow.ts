import type { Graph } from '@sluice/engine';
import type { DomainEvent, JsonObject } from '@sluice/kernel';

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
  readonly publishedRevision: number;
  readonly tags: readonly string[];
  readonly settings: JsonObject;
  readonly createdBy: string;
  /** Events of this workflow so far */
  readonly streamVersion: number;
}

interface Definition {
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
  { readonly version: number; readonly versionId: string; readonly revision: number; readonly graph: Graph; readonly settings: JsonObject; readonly by: string }
>;
export type WorkflowArchived = DomainEvent<'workflow.archived', { readonly by: string }>;

export type WorkflowEvent = WorkflowCreated | WorkflowUpdated | WorkflowPublished | WorkflowArchived;
