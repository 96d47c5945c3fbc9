import type { DomainEvent, EventEnvelope } from '@sluice/kernel';
import { failpoint } from '@sluice/platform-failpoints';
import type pg from 'pg';

/** An event with its place in the log. */
export type LoggedEvent = DomainEvent & EventEnvelope & { readonly position: number };

/**
 * The newest shape of events that this version knows (`domain_events.schema_version`). Whoever adds a type of event or changes a payload raises
 * it and writes such events with it, so that readers of the version before wait for their successors instead of misreading.
 */
const EVENT_SCHEMA_VERSION = 1;

/** The next event was written by a newer version. Its reader keeps its place, for a reader that knows it. */
export class EventIsTooNew extends Error {
  constructor({ position, type, schemaVersion }: LoggedEvent, known: number) {
    super(
      `the event at position ${position} (${type}) has schema version ${schemaVersion}, newer than ${known}: run the version that wrote it`,
    );
    this.name = 'EventIsTooNew';
  }
}

/** The log is not what it must be. Whoever reads it stops and alarms: skipping would lose events for ever. */
export class LogIsBroken extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LogIsBroken';
  }
}

interface Row {
  commit_id: number;
  position: number;
  events: number;
  ord: number;
  id: string;
  tenant_id: string;
  type: string;
  aggregate_id: string;
  aggregate_version: number;
  schema_version: number;
  payload: unknown;
  correlation_id: string;
  causation_id: string | null;
  timestamp: Date;
}

/** How much is read at a time: together at most so many events, and payloads of so many bytes as they are stored */
export interface ReadBounds {
  readonly eventsMax?: number;
  readonly bytesMax?: number;
  readonly schemaVersion?: number;
}

/**
 * The events of the next whole commits after `cursor`, in order, as many as are within the bounds; the first also when it alone is over them.
 * An event's position is its commit's `position - events + 1 + ord`. Sequences first. Throws LogIsBroken when commits do not follow one another
 * or miss events. Ends before a commit with an event of a newer schema than `schemaVersion`; throws EventIsTooNew when that commit is the first.
 */
export async function readLog(
  client: Pick<pg.Pool, 'query'>,
  cursor: number,
  { eventsMax = 4_000, bytesMax = 8 * 1024 * 1024, schemaVersion = EVENT_SCHEMA_VERSION }: ReadBounds = {},
): Promise<LoggedEvent[]> {
  await failpoint('seq.before_commit');
  await client.query('SELECT sequence_commits()');
  await failpoint('seq.after_number');
  // Lateral and ordered, so that events are looked up commit by commit: joined freely, a table without statistics is read as a whole.
  // The sum goes up to the end of each commit, and reads no payload that is kept beside its row.
  const { rows } = await client.query<Row>({
    text: `WITH first AS (SELECT min(position) AS position FROM event_commits WHERE position > $1)
     SELECT commit_id, position, events, ord, id, tenant_id, type, aggregate_id, aggregate_version,
            schema_version, payload, correlation_id, causation_id, timestamp
     FROM (
       SELECT c.id AS commit_id, c.position, c.events, e.ord, e.id, e.tenant_id, e.type, e.aggregate_id, e.aggregate_version,
              e.schema_version, e.payload, e.correlation_id, e.causation_id, e.timestamp,
              sum(pg_column_size(e.payload)) OVER (ORDER BY c.position) AS bytes
       FROM event_commits c LEFT JOIN LATERAL (SELECT * FROM domain_events WHERE commit_id = c.id ORDER BY ord) e ON true
       WHERE c.position > $1 AND c.position <= greatest($2, (SELECT position FROM first))
     ) e
     WHERE bytes <= $3 OR position = (SELECT position FROM first)
     ORDER BY position, ord`,
    values: [cursor, cursor + eventsMax, bytesMax],
  });
  let expected = cursor + 1;
  const events = rows.map((row) => {
    const position = row.position - row.events + 1 + row.ord;
    if (row.id === null || position !== expected) {
      throw new LogIsBroken(
        `position ${expected} is missing: commit ${row.commit_id} (position ${row.position}, ${row.events} events) came instead`,
      );
    }
    expected += 1;
    return {
      position,
      id: row.id,
      type: row.type,
      tenantId: row.tenant_id,
      aggregateId: row.aggregate_id,
      aggregateVersion: row.aggregate_version,
      schemaVersion: row.schema_version,
      payload: row.payload,
      correlationId: row.correlation_id,
      causationId: row.causation_id,
      timestamp: row.timestamp.toISOString(),
    };
  });
  const last = rows.at(-1);
  if (last !== undefined && last.position !== expected - 1)
    throw new LogIsBroken(`commit ${last.commit_id} says ${last.events} events and lacks its last`);
  return known(events, rows, schemaVersion);
}

/** The events of the commits before the first that has a newer one. */
function known(events: LoggedEvent[], rows: readonly Row[], schemaVersion: number): LoggedEvent[] {
  const tooNew = events.findIndex((event) => event.schemaVersion > schemaVersion);
  const newest = events[tooNew];
  if (newest === undefined) return events;
  const before = events.slice(0, tooNew - (rows[tooNew]?.ord ?? 0));
  if (before.length === 0) throw new EventIsTooNew(newest, schemaVersion);
  return before;
}
