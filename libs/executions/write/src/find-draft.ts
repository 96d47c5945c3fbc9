import type { Graph } from '@sluice/engine';
import { DomainError, type InputError, type JsonObject } from '@sluice/kernel';
import type { EntityManager } from 'typeorm';
import { WorkflowNotFound } from './find-version.js';
import type { RequestedDraft } from './requests/worker-request.js';

export interface FoundDraft extends RequestedDraft {
  readonly status: string;
}

/** The draft as it stands: what its author is drawing, published or not. */
export async function findDraft(manager: EntityManager, tenantId: string, workflowId: string): Promise<FoundDraft> {
  const rows: { draft: Graph; settings: JsonObject; revision: number; version: number; status: string }[] = await manager.query(
    'SELECT draft, settings, revision, version, status FROM workflows WHERE tenant_id = $1 AND id = $2',
    [tenantId, workflowId],
  );
  const [row] = rows;
  if (row === undefined) throw new WorkflowNotFound(workflowId);
  const { draft: graph, ...rest } = row;
  return { graph, ...rest };
}

export class DraftNodeNotFound extends DomainError {
  constructor(nodeId: string) {
    super('not_found', 'draft_node_not_found', `The draft has no node "${nodeId}".`);
  }
}

export class NodeNotTestable extends DomainError {
  constructor(nodeId: string, findings: readonly InputError[]) {
    const count = findings.length === 1 ? 'One thing stands' : `${findings.length} things stand`;
    super('invalid', 'node_not_testable', `${count} in the way of testing "${nodeId}".`, { errors: findings });
  }
}
