import type { Blob } from '@sluice/kernel';
import type { Admission, TaskTicket } from '@sluice/platform-queue';
import type { Pool, QueryConfig } from 'pg';
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

interface WrittenRow {
  readonly event_id: string | null;
  readonly task_id: number | null;
  readonly ticketed: boolean | null;
  readonly commit_id: number | null;
}

/** Of the SQL function, in its order */
type Arguments = readonly [ids: unknown[], tenants: unknown[], channels: unknown[], bodies: unknown[], ...others: unknown[][]];

const usual = (values: Arguments): QueryConfig => ({
  name: 'ingest-deliveries',
  text: `SELECT * FROM ingest_deliveries(${values.map((_, index) => `$${index + 1}`).join()})`,
  values: [...values],
});

/** Bodies over this are sent as they are: in an array each byte becomes two digits, in this process' memory and on the way. */
const usualBytesMax = 1024 * 1024;

/**
 * The same with large values in the same statement. They come first, in the order of their keys: whoever writes the same ones waits here, and
 * not when the number of the commit is drawn.
 */
function withLarge(
  [ids, ...values]: Arguments,
  bodies: readonly Buffer[],
  blobs: readonly { readonly tenantId: string; readonly blob: Blob }[],
): QueryConfig {
  const all: unknown[] = [];
  // A body may be a blob as it is: it goes once.
  const places = new Map<unknown, string>();
  const of = (value: unknown): string => {
    const place = places.get(value) ?? `$${all.push(value)}`;
    places.set(value, place);
    return place;
  };
  const arrayOf = (some: readonly Buffer[]) => `ARRAY[${some.map(of).join()}]::bytea[]`;
  const [tenants, channels, , ...others] = values;
  const text = `WITH kept AS (
      INSERT INTO blobs (tenant_id, sha256, bytes)
      SELECT DISTINCT ON (1, 2) * FROM unnest(${of(blobs.map(({ tenantId }) => tenantId))}::uuid[],
        ${of(blobs.map(({ blob }) => Buffer.from(blob.sha256, 'hex')))}::bytea[], ${arrayOf(blobs.map(({ blob }) => blob.bytes))}) ORDER BY 1, 2
      ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT i.* FROM (SELECT count(*) AS n FROM kept) AS k,
      LATERAL ingest_deliveries(CASE WHEN k.n >= 0 THEN ${of(ids)}::uuid[] END, ${of(tenants)}, ${of(channels)}, ${arrayOf(bodies)},
        ${others.map(of).join()}) AS i`;
  return { text, values: all };
}

/** All deliveries in one transaction, one round trip (see the SQL function of the same migration). */
export async function writeDeliveries(pool: Pool, deliveries: readonly AcceptedDelivery[], admission: Admission): Promise<WrittenGroup> {
  const events = deliveries.flatMap((delivery) => delivery.events.map((event) => ({ delivery, event })));
  const bodies = deliveries.map(({ request }) => request.body);
  const blobs = events.flatMap(({ delivery: { tenantId }, event }) => event.blobs.map((blob) => ({ tenantId, blob })));
  const values: Arguments = [
    deliveries.map(({ id }) => id),
    deliveries.map(({ tenantId }) => tenantId),
    deliveries.map(({ channelOrAppId }) => channelOrAppId),
    bodies,
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
  ];
  const isUsual = blobs.length === 0 && bodies.every(({ length }) => length <= usualBytesMax);
  const { rows } = await pool.query<WrittenRow>(isUsual ? usual(values) : withLarge(values, bodies, blobs));

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
