import { knownHttpCredentials } from '@sluice/channels-write';
import { isUuid } from '@sluice/kernel';
import {
  channelsNamedIn,
  credentialsNamedIn,
  type KnownChannel,
  type KnownToTenant,
  type Publishable,
  workflowsNamedIn,
} from '@sluice/workflows-domain';
import type { EntityManager } from 'typeorm';
import { knownWorkflows } from './known-workflows.js';

/** Whether workers run authors' code here (`CODE_NODES`) */
export const CODE_NODES = Symbol('code nodes');

/** Of the channels, credentials, workflows and variables that a definition names, those that are there. */
export async function knownToTenant(
  manager: EntityManager,
  tenantId: string,
  definition: Pick<Publishable, 'graph' | 'settings'>,
  codeNodes: boolean,
): Promise<KnownToTenant> {
  const { graph } = definition;
  const channelIds = channelsNamedIn(graph)
    .map(({ channelId }) => channelId)
    .filter(isUuid);
  const channels: KnownChannel[] =
    channelIds.length === 0
      ? []
      : await manager.query(`SELECT id, provider FROM channels WHERE tenant_id = $1 AND id = ANY ($2) AND status <> 'deleted'`, [
          tenantId,
          channelIds,
        ]);
  const credentialIds = credentialsNamedIn(graph).map(({ credentialId }) => credentialId);
  const credentials = credentialIds.length === 0 ? [] : await knownHttpCredentials(manager, tenantId, credentialIds);
  const workflows = await knownWorkflows(manager, tenantId, workflowsNamedIn(definition));
  const variables: { name: string }[] = await manager.query('SELECT jsonb_object_keys(env) AS name FROM tenants WHERE id = $1', [tenantId]);
  return { channels, credentials, workflows, env: variables.map(({ name }) => name), codeNodes };
}
