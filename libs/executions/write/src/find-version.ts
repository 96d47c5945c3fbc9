import type { Graph } from '@sluice/engine';
import { DomainError, type JsonObject } from '@sluice/kernel';
import { compileWorkflow } from '@sluice/nodes';
import { readSettings } from '@sluice/workflows-domain';
import type { EntityManager } from 'typeorm';
import type { PublishedVersion } from './steps/compiled-versions.js';

export class WorkflowNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'workflow_not_found', `There is no workflow ${id}.`);
  }
}

export class WorkflowIsNotPublished extends DomainError {
  constructor() {
    super('conflict', 'workflow_not_published', 'The workflow has no published version. Publish it first.');
  }
}

interface VersionRow {
  readonly status: string;
  readonly id: string | null;
  readonly version: number;
  readonly graph: Graph;
  readonly settings: JsonObject;
}

/** The version that new runs of a workflow follow. Throws for a workflow that is not there or not published. */
export async function newestVersion(manager: EntityManager, tenantId: string, workflowId: string): Promise<PublishedVersion> {
  const rows: VersionRow[] = await manager.query(
    `SELECT f.status, v.id, v.version, v.graph, v.settings FROM workflows f
     LEFT JOIN workflow_versions v ON v.tenant_id = f.tenant_id AND v.workflow_id = f.id AND v.version = f.version
     WHERE f.tenant_id = $1 AND f.id = $2`,
    [tenantId, workflowId],
  );
  const [workflow] = rows;
  if (workflow === undefined) throw new WorkflowNotFound(workflowId);
  const { status, id, version, graph, settings } = workflow;
  if (status !== 'published' || id === null) throw new WorkflowIsNotPublished();
  return { id, tenantId, workflowId, version, settings: readSettings(settings), compiled: compileWorkflow(graph) };
}

/** A version that runs follow, the newest or not. */
export async function versionWithId(manager: EntityManager, tenantId: string, versionId: string): Promise<PublishedVersion> {
  const rows: { workflow_id: string; version: number; graph: Graph; settings: JsonObject }[] = await manager.query(
    'SELECT workflow_id, version, graph, settings FROM workflow_versions WHERE tenant_id = $1 AND id = $2',
    [tenantId, versionId],
  );
  const [row] = rows;
  if (row === undefined) throw new WorkflowNotFound(versionId);
  const { workflow_id: workflowId, version, graph, settings } = row;
  return { id: versionId, tenantId, workflowId, version, settings: readSettings(settings), compiled: compileWorkflow(graph) };
}
