import { type DomainEvent, newId } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';

/** An event with everything its row needs but the commit. */
export interface LogEntry {
  readonly event: DomainEvent;
  readonly tenantId: string;
  readonly aggregateVersion: number;
  readonly correlationId: string;
  readonly causationId?: string | null;
  /** Default: now, by the store's clock */
  readonly timestamp?: Date;
  /** Default: a new UUIDv7 */
  readonly id?: string;
}

/** pg prepares a named statement once a connection; TypeORM takes the text alone. */
interface SqlClient {
  query(statement: { readonly name: string; readonly text: string }, values: unknown[]): Promise<unknown>;
}

/**
 * One `event_commits` row and its events, in the transaction that `client` is in. Call it after every lock of the transaction is
 * held and after de-duplication: the commit's id is drawn here, and ids drawn before a lock was awaited can order an aggregate's
 * events wrongly. Returns the commit's id; nothing to append is a mistake of the caller.
 */
export async function appendEvents(client: SqlClient, entries: readonly LogEntry[]): Promise<number> {
  if (entries.length === 0) throw new RangeError('a commit has at least one event');
  const commit = rows<{ id: number | string }>(
    await client.query({ name: 'append-commit', text: 'INSERT INTO event_commits (events) VALUES ($1) RETURNING id' }, [entries.length]),
  );
  const commitId = Number(commit[0]?.id);
  const now = storeClock.now().toISOString();
  // One document instead of an array a column: PostgreSQL reads either at the same cost, making it costs this process a third.
  await client.query(
    {
      name: 'append-events',
      text: `INSERT INTO domain_events
       (commit_id, ord, id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, causation_id, timestamp)
     SELECT $1, e.ord - 1, e.id, e.tenant_id, e.type, e.aggregate_id, e.aggregate_version, e.payload, e.correlation_id, e.causation_id, e.timestamp
     FROM ROWS FROM (jsonb_to_recordset($2::jsonb) AS (id uuid, tenant_id uuid, type text, aggregate_id uuid, aggregate_version bigint,
                                                       payload jsonb, correlation_id text, causation_id text, timestamp timestamptz))
       WITH ORDINALITY AS e(id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, causation_id, timestamp, ord)`,
    },
    [
      commitId,
      JSON.stringify(
        entries.map(({ event, tenantId, aggregateVersion, correlationId, causationId = null, timestamp, id }) => ({
          id: id ?? newId(),
          tenant_id: tenantId,
          type: event.type,
          aggregate_id: event.aggregateId,
          aggregate_version: aggregateVersion,
          payload: event.payload,
          correlation_id: correlationId,
          causation_id: causationId,
          timestamp: timestamp?.toISOString() ?? now,
        })),
      ),
    ],
  );
  return commitId;
}

/** pg answers with a result object, TypeORM's query runner with the rows. */
const rows = <Row>(result: unknown): Row[] => (Array.isArray(result) ? result : (result as { rows: Row[] }).rows);
