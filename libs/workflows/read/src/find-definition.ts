import type { GraphEdge, GraphNode } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import type { ReadClient } from '@sluice/platform-projections';
import { VersionNotFound } from '@sluice/workflows-domain';
import { Matches } from 'class-validator';
import { assertWorkflowExists } from './get-workflow.js';

export interface StoredDefinition {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly settings: JsonObject;
}

/** `3` or `draft` */
export const IsVersion = () => Matches(/^([1-9]\d{0,8}|draft)$/, { message: '$property must be a version, or `draft`' });

/** The draft or a published version. Throws where there is no such workflow or version. */
export async function findDefinition(client: ReadClient, tenantId: string, workflowId: string, version: string): Promise<StoredDefinition> {
  await assertWorkflowExists(client, tenantId, workflowId);
  const { rows } =
    version === 'draft'
      ? await client.query<StoredDefinition>('SELECT nodes, edges, settings FROM workflow_detail WHERE tenant_id = $1 AND id = $2', [
          tenantId,
          workflowId,
        ])
      : await client.query<StoredDefinition>(
          'SELECT nodes, edges, settings FROM workflow_version WHERE tenant_id = $1 AND workflow_id = $2 AND version = $3',
          [tenantId, workflowId, version],
        );
  if (rows[0] === undefined) throw new VersionNotFound(workflowId, Number(version));
  return rows[0];
}
