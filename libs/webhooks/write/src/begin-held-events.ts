import { newId } from '@sluice/kernel';
import type { WrittenTask } from '@sluice/platform-queue';

interface BegunRow {
  readonly task_id: number | null;
  readonly drained: boolean;
}

/** How many events begin in one transaction, during which their channel takes no others. */
const eventsMax = 500;

/** The oldest held events of a channel that is being released begin, in the order in which they came. */
export async function beginHeldEvents(
  query: (text: string, values: unknown[]) => Promise<BegunRow[]>,
  tenantId: string,
  channelId: string,
): Promise<{ readonly tasks: readonly WrittenTask[]; readonly drained: boolean }> {
  const rows = await query('SELECT * FROM begin_held_events($1, $2, $3)', [tenantId, channelId, Array.from({ length: eventsMax }, newId)]);
  return {
    tasks: rows.flatMap(({ task_id: id }) => (id === null ? [] : [{ id, gen: 1, tenantId, kind: 'start', priority: 0 }])),
    drained: rows.some(({ drained }) => drained),
  };
}
