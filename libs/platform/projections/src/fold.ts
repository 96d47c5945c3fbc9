import { isUuid } from '@sluice/kernel';
import type { LoggedEvent } from '@sluice/platform-event-log';
import { type AnyProjection, unchanged } from './projection.js';
import type { Row } from './row-sql.js';

/** An aggregate whose event a projection could not take: its later events are left out there, until an operator clears the row. */
export interface Parked {
  readonly projection: string;
  readonly tenantId: string;
  readonly aggregateId: string;
  readonly position: number;
  readonly eventType: string;
  readonly error: string;
}

/** A row that an event touches. */
interface Touch {
  readonly id: string;
  readonly key: Row;
}

/** A row that the batch changed, and by which events: if the store refuses the row, it is their aggregates that are parked. */
export interface ChangedRow {
  readonly id: string;
  readonly row: Row;
  readonly events: readonly LoggedEvent[];
}

export const aggregateKey = ({ tenantId, aggregateId }: { tenantId: string; aggregateId: string }): string => `${tenantId}/${aggregateId}`;

export const parked = (projection: AnyProjection, event: LoggedEvent, error: unknown): Parked => ({
  projection: projection.table,
  tenantId: event.tenantId,
  aggregateId: event.aggregateId,
  position: event.position,
  eventType: event.type,
  error: (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).replaceAll('\u0000', '').slice(0, 2_000),
});

/** A batch of events on its way through one projection: `keys` first, then the rows are loaded, then `fold`. Pure. */
export class Folding {
  private readonly touches: { event: LoggedEvent; rows: readonly Touch[] }[] = [];
  readonly failures: Parked[] = [];
  private readonly out: Set<string>;

  constructor(
    private readonly projection: AnyProjection,
    events: readonly LoggedEvent[],
    alreadyParked: ReadonlySet<string> = new Set(),
  ) {
    this.out = new Set(alreadyParked);
    for (const event of events) {
      const handler = Object.hasOwn(projection.on, event.type) ? projection.on[event.type] : undefined;
      if (handler === undefined || handler === unchanged || this.out.has(aggregateKey(event))) continue;
      this.attempt(event, () => {
        const rows = projection.keys(event).map((key) => this.touch(event, key));
        if (rows.length > 0) this.touches.push({ event, rows });
      });
    }
  }

  get keys(): readonly Row[] {
    const unique = new Map(this.touches.flatMap(({ rows }) => rows.map(({ id, key }) => [id, key] as const)));
    return [...unique.values()];
  }

  fold(loaded: readonly Row[]): readonly ChangedRow[] {
    const rows = new Map(loaded.map((row) => [this.idOf(row), row]));
    const changed = new Map<string, LoggedEvent[]>();
    for (const { event, rows: touched } of this.touches) {
      // Parked since `keys`, by an earlier event of this batch.
      if (this.out.has(aggregateKey(event))) continue;
      this.attempt(event, () => {
        const changes = touched.map((touch) => ({ ...touch, row: this.next(event, touch, rows.get(touch.id)) }));
        for (const { id, row } of changes) {
          if (row === undefined) continue;
          rows.set(id, row);
          const events = changed.get(id);
          if (events === undefined) changed.set(id, [event]);
          else events.push(event);
        }
      });
    }
    return [...changed].flatMap(([id, events]) => {
      const row = rows.get(id);
      return row === undefined ? [] : [{ id, row, events }];
    });
  }

  private next(event: LoggedEvent, { key }: Touch, row: Row | undefined): Row | undefined {
    const change = this.projection.on[event.type]?.(event, row);
    if (change === undefined) return undefined;
    const next: Row = { ...row, ...change, ...key };
    const missing = Object.keys(this.projection.columns).filter((column) => next[column] === undefined);
    if (missing.length > 0) throw new TypeError(`the row has no ${missing.join(', ')}`);
    return next;
  }

  private touch(event: LoggedEvent, key: object): Touch {
    const whole: Row = { ...key, tenantId: event.tenantId };
    for (const column of this.projection.key) {
      if (this.projection.columns[column] === 'uuid' && !isUuid(whole[column])) throw new TypeError(`the row's ${column} is no UUID`);
    }
    return { id: this.idOf(whole), key: whole };
  }

  private idOf(row: Row): string {
    // The one character that no text in Postgres has.
    return [row['tenantId'], ...this.projection.key.map((column) => row[column])].join('\u0000');
  }

  private attempt(event: LoggedEvent, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.failures.push(parked(this.projection, event, error));
      this.out.add(aggregateKey(event));
    }
  }
}
