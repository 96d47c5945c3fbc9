import type { WrittenTask } from '@sluice/platform-queue';
import { beginHeldEvents } from '@sluice/webhooks-write';
import type { Pool } from 'pg';

const channelsMax = 20;

/** Channels that were released with more events than one transaction begins go on, a batch for each at a time. */
export async function drainReleasedChannels(pool: Pool): Promise<WrittenTask[]> {
  const { rows } = await pool.query<{ tenant_id: string; id: string }>({
    name: 'releasing-channels',
    text: `SELECT tenant_id, id FROM channels WHERE status = 'releasing' ORDER BY updated_at LIMIT ${channelsMax}`,
  });
  const begun: WrittenTask[] = [];
  for (const { tenant_id: tenantId, id } of rows) {
    const query = async (text: string, values: unknown[]) =>
      (await pool.query<{ task_id: number | null; drained: boolean }>(text, values)).rows;
    begun.push(...(await beginHeldEvents(query, tenantId, id)).tasks);
  }
  return begun;
}
