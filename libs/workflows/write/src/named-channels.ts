import { isUuid } from '@sluice/kernel';
import { channelsNamedIn, type KnownChannel, type Workflow } from '@sluice/workflows-domain';
import type { EntityManager } from 'typeorm';

/** Of the channels that the draft names, those that are connected. */
export async function namedChannels(manager: EntityManager, { tenantId, draft }: Workflow): Promise<KnownChannel[]> {
  const ids = channelsNamedIn(draft)
    .map(({ channelId }) => channelId)
    .filter(isUuid);
  if (ids.length === 0) return [];
  return manager.query(`SELECT id, provider FROM channels WHERE tenant_id = $1 AND id = ANY ($2) AND status = 'connected'`, [
    tenantId,
    ids,
  ]);
}
