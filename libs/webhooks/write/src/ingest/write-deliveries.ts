import type { Admission, TaskTicket } from '@sluice/platform-queue';
import type { Pool } from 'pg';
import type { AcceptedDelivery } from './accept-delivery.js';

export interface WrittenDelivery {
  /** Those that are new here; a redelivery has none. */
  readonly eventIds: readonly string[];
}

export interface WrittenGroup {
  readonly deliveries: readonly WrittenDelivery[];
  /** Of the tasks that begin with them, those for which there is room */
  readonly tickets: readonly TaskTicket[];
  /** undefined: nothing was new */
  readonly commitId: number | undefined;
}

/** All deliveries in one transaction, one round trip (see the SQL function of the same migration). */
export async function writeDeliveries(pool: Pool, deliveries: readonly AcceptedDelivery[], admission: Admission): Promise<WrittenGroup> {
  const events = deliveries.flatMap((delivery) => delivery.events.map((event) => ({ delivery, event })));
  const { rows } = await pool.query<{
    event_id: string | null;
    task_id: number | null;
    ticketed: boolean | null;
    commit_id: number | null;
  }>({
    name: 'ingest-deliveries',
    text: `SELECT * FROM ingest_deliveries($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`,
    values: [
      deliveries.map(({ id }) => id),
      deliveries.map(({ tenantId }) => tenantId),
      deliveries.map(({ channelOrAppId }) => channelOrAppId),
      deliveries.map(({ request }) => request.body),
      deliveries.map(({ request }) => JSON.stringify(request.headers)),
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
      events.map(({ delivery, event }) => event.ignoredBecause === undefined && admission.admit(delivery.tenantId, 'start')),
      events.map(({ event }) => event.queue),
    ],
  });

  const deliveryOf = new Map(events.map(({ delivery, event }) => [event.id, delivery]));
  const written = new Map(deliveries.map(({ id }) => [id, { eventIds: [] as string[] }]));
  const tickets: TaskTicket[] = [];
  for (const { event_id: eventId, task_id: id, ticketed } of rows) {
    if (eventId === null) continue;
    // A raised event keeps the id of its first delivery, which may not be of this group.
    const delivery = deliveryOf.get(eventId);
    written.get(delivery?.id ?? '')?.eventIds.push(eventId);
    if (id === null || ticketed !== true) continue;
    const isExpress = delivery !== undefined && admission.isLight(delivery.tenantId);
    tickets.push({ id, gen: 1, isExpress });
  }
  return {
    deliveries: [...written.values()],
    tickets,
    commitId: rows.find(({ commit_id: commitId }) => commitId !== null)?.commit_id ?? undefined,
  };
}
