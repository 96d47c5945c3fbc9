import { isUuid } from '@sluice/kernel';
import { channelsNamedIn, type KnownChannel, type Workflow } from '@sluice/workflows-domain';
import type { EntityManager } from 'typeorm';

/** Of the channels that the graph names, those that are there. */
export async function namedChannels(manager: EntityManager, tenantId: string, graph: Workflow['draft']): Promise<KnownChannel[]> {
  const ids = channelsNamedIn(graph)
    .map(({ channelId }) => channelId)
    .filter(isUuid);
  if (ids.length === 0) return [];
  return manager.query(`SELECT id, provider FROM channels WHERE tenant_id = $1 AND id = ANY ($2) AND status <> 'deleted'`, [
    tenantId,
    ids,
  ]);
}
