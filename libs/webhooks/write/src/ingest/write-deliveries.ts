import type { Pool } from 'pg';
import type { AcceptedDelivery } from './accept-delivery.js';

export interface WrittenDelivery {
  /** Tasks of the events that are new here; a redelivery has none. */
  readonly taskIds: readonly number[];
  readonly eventIds: readonly string[];
}

export interface WrittenGroup {
  readonly deliveries: readonly WrittenDelivery[];
  /** undefined: nothing was new */
  readonly commitId: number | undefined;
}

const secretHeaders = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** All deliveries in one transaction, one round trip (see the SQL function of the same migration). */
export async function writeDeliveries(pool: Pool, deliveries: readonly AcceptedDelivery[]): Promise<WrittenGroup> {
  const events = deliveries.flatMap((delivery) => delivery.events.map((event) => ({ delivery, event })));
  const { rows } = await pool.query<{ event_id: string | null; task_id: number | null; commit_id: number | null }>({
    name: 'ingest-deliveries',
    text: `SELECT * FROM ingest_deliveries($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
    values: [
      deliveries.map(({ id }) => id),
      deliveries.map(({ tenantId }) => tenantId),
      deliveries.map(({ channelOrAppId }) => channelOrAppId),
      deliveries.map(({ request }) => request.body),
      deliveries.map(({ request }) =>
        JSON.stringify(Object.fromEntries(Object.entries(request.headers).filter(([name]) => !secretHeaders.has(name)))),
      ),
      deliveries.map(({ request }) => request.receivedAt.toISOString()),
      events.map(({ event }) => event.id),
      events.map(({ delivery }) => delivery.tenantId),
      events.map(({ delivery }) => delivery.id),
      events.map(({ event }) => event.channelId),
      events.map(({ event }) => event.canonical.kind),
      events.map(({ event }) => event.canonical.action),
      events.map(({ event }) => event.canonical.dedupeKey),
      events.map(({ event }) => event.canonical.customerId),
      events.map(({ event }) => JSON.stringify(event.item)),
      events.map(({ event }) => event.ignoredBecause ?? null),
      events.map(({ event }) => JSON.stringify(event.payload)),
      events.map(({ delivery }) => delivery.correlationId),
      events.map(({ event }) => event.item.occurredAt),
      events.map(({ event }) => event.item.receivedAt),
      events.map(({ event }) => event.logId),
    ],
  });

  const ownerOf = new Map(events.map(({ delivery, event }) => [event.id, delivery.id]));
  const written = new Map(deliveries.map(({ id }) => [id, { taskIds: [] as number[], eventIds: [] as string[] }]));
  const strays: number[] = [];
  for (const { event_id: eventId, task_id: taskId } of rows) {
    if (eventId === null) continue;
    const owner = written.get(ownerOf.get(eventId) ?? '');
    owner?.eventIds.push(eventId);
    // A raised event keeps the id of its first delivery, which may not be of this group.
    if (taskId !== null) (owner?.taskIds ?? strays).push(taskId);
  }
  const [first] = written.values();
  first?.taskIds.push(...strays);
  return {
    deliveries: [...written.values()],
    commitId: rows.find(({ commit_id: id }) => id !== null)?.commit_id ?? undefined,
  };
}
