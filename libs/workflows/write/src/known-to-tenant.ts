import { knownHttpCredentials } from '@sluice/channels-write';
import { isUuid } from '@sluice/kernel';
import { channelsNamedIn, credentialsNamedIn, type KnownChannel, type KnownToTenant, type Workflow } from '@sluice/workflows-domain';
import type { EntityManager } from 'typeorm';

/** Of the channels and credentials that the graph names, those that are there. */
export async function knownToTenant(manager: EntityManager, tenantId: string, graph: Workflow['draft']): Promise<KnownToTenant> {
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
  return { channels, credentials: credentialIds.length === 0 ? [] : await knownHttpCredentials(manager, tenantId, credentialIds) };
}
