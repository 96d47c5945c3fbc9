import { type DomainEvent, newId } from '@sluice/kernel';

/** An event with everything its row needs but the commit. */
export interface LogEntry {
  readonly event: DomainEvent;
  readonly tenantId: string;
  readonly aggregateVersion: number;
  readonly correlationId: string;
  readonly causationId?: string | null;
  /** Default: now, by this process's clock */
  readonly timestamp?: Date;
  /** Default: a new UUIDv7 */
  readonly id?: string;
}

interface SqlClient {
  query(sql: string, parameters: unknown[]): Promise<unknown>;
}

/**
 * One `event_commits` row and its events, in the transaction that `client` is in. Call it after every lock of the transaction is
 * held and after de-duplication: the commit's id is drawn here, and ids drawn before a lock was awaited can order an aggregate's
 * events wrongly. Returns the commit's id; nothing to append is a mistake of the caller.
 */
export async function appendEvents(client: SqlClient, entries: readonly LogEntry[]): Promise<number> {
  if (entries.length === 0) throw new RangeError('a commit has at least one event');
  const commit = rows<{ id: number | string }>(await client.query('INSERT INTO event_commits (events) VALUES ($1) RETURNING id', [entries.length]));
  const commitId = Number(commit[0]?.id);
  const now = new Date().toISOString();
  await client.query(
    `INSERT INTO domain_events
       (commit_id, ord, id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, causation_id, timestamp)
     SELECT $1, e.ord - 1, e.id, e.tenant_id, e.type, e.aggregate_id, e.aggregate_version, e.payload, e.correlation_id, e.causation_id, e.timestamp
     FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::bigint[], $7::jsonb[], $8::text[], $9::text[], $10::timestamptz[])
       WITH ORDINALITY AS e(id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, causation_id, timestamp, ord)`,
    [
      commitId,
      entries.map((entry) => entry.id ?? newId()),
      entries.map((entry) => entry.tenantId),
      entries.map((entry) => entry.event.type),
      entries.map((entry) => entry.event.aggregateId),
      entries.map((entry) => entry.aggregateVersion),
      entries.map((entry) => JSON.stringify(entry.event.payload)),
      entries.map((entry) => entry.correlationId),
      entries.map((entry) => entry.causationId ?? null),
      entries.map((entry) => entry.timestamp?.toISOString() ?? now),
    ],
  );
  return commitId;
}

/** pg answers with a result object, TypeORM's query runner with the rows. */
const rows = <Row>(result: unknown): Row[] => (Array.isArray(result) ? result : (result as { rows: Row[] }).rows);
