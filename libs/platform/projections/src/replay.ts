import type { DomainEvent, EventEnvelope } from '@sluice/kernel';
import { Folding } from './fold.js';
import type { Projection, TenantRow } from './projection.js';
import type { Row } from './row-sql.js';

/**
 * The rows that a projection makes of these events, without a store: for tests. What an event does not say of its envelope is made
 * up: the n-th event has position n and happened n seconds after noon. An event that cannot be taken is thrown. However large the
 * batches are, between which rows are as they would be stored, the rows must come out the same.
 */
export function replay<Events extends DomainEvent, Given extends TenantRow, Key extends keyof Given & string>(
  projection: Projection<Events, Given, Key>,
  events: readonly (Events & Partial<EventEnvelope>)[],
  batchSize = events.length,
): readonly Row[] {
  const logged = events.map((event, index) => ({
    id: `00000000-0000-7000-8000-${String(index + 1).padStart(12, '0')}`,
    tenantId: '00000000-0000-7000-8000-00000000000a',
    timestamp: new Date(Date.UTC(2026, 10, 23, 12, 0, index + 1)).toISOString(),
    aggregateVersion: index + 1,
    correlationId: 'correlation',
    causationId: null,
    schemaVersion: 1,
    position: index + 1,
    ...event,
  }));
  const rows = new Map<string, Row>();
  for (let first = 0; first < logged.length; first += batchSize) {
    const folding = new Folding(projection, logged.slice(first, first + batchSize));
    for (const { id, row } of folding.fold([...rows.values()])) {
      const stored: Row = JSON.parse(JSON.stringify(row));
      rows.set(id, stored);
    }
    const [failure] = folding.failures;
    if (failure !== undefined) throw new Error(`position ${failure.position}, ${failure.eventType}: ${failure.error}`);
  }
  return [...rows.values()];
}
