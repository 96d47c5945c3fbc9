import type { DomainEvent, EventEnvelope } from '@sluice/kernel';
import { failpoint } from '@sluice/platform-failpoints';
import type pg from 'pg';

/** An event with its place in the log. */
export type LoggedEvent = DomainEvent & EventEnvelope & { readonly position: number };

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

/**
 * The events of the next whole commits after `cursor`, in order; an event's position is its commit's `position - events + 1 + ord`.
 * Sequences first. Throws LogIsBroken when commits do not follow one another or miss events.
 */
export async function readLog(client: Pick<pg.Pool, 'query'>, cursor: number, commitsMax = 200): Promise<LoggedEvent[]> {
  await failpoint('seq.before_commit');
  await client.query('SELECT sequence_commits()');
  await failpoint('seq.after_number');
  // Unnamed: a plan that was made for any cursor and any limit reads the whole log.
  const { rows } = await client.query<Row>({
    text: `SELECT c.id AS commit_id, c.position, c.events, e.ord, e.id, e.tenant_id, e.type, e.aggregate_id, e.aggregate_version,
            e.schema_version, e.payload, e.correlation_id, e.causation_id, e.timestamp
     FROM (SELECT * FROM event_commits WHERE position > $1 ORDER BY position LIMIT $2) c
     LEFT JOIN domain_events e ON e.commit_id = c.id
     ORDER BY c.position, e.ord`,
    values: [cursor, commitsMax],
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
  return events;
}
