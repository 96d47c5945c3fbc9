import type { DomainEvent, Recorded } from '@sluice/kernel';
import type { LoggedEvent } from '@sluice/platform-event-log';

/** An event as it stands in the log, with its place there. Distributes over a union of events. */
export type Logged<Event extends DomainEvent> = Recorded<Event> & { readonly position: number };

export type ColumnType = 'uuid' | 'text' | 'int' | 'bigint' | 'boolean' | 'timestamptz' | 'jsonb' | 'uuid[]' | 'text[]';

export interface TenantRow {
  readonly tenantId: string;
}

// A method's parameters are compared both ways, which lets a projection of few event types stand in a list of all of them.
type Handler<Event, Row, Change> = { of(event: Event, row: Row | undefined): Change | undefined }['of'];

/** The answer to an event that changes nothing in this read model. Rows are not even loaded for it. */
export const unchanged = (): undefined => undefined;

/**
 * A read model: a pure fold from events to rows, so that it is the same under every replay. Columns are named as in the table,
 * in camel case. `keys` says which rows an event touches, none, one or several, all of the event's own tenant; each handler answers with
 * what changes in the row (all of it, where there was none) or `undefined`. `on` has an answer for every event of the union:
 * a new one does not compile without. Times are ISO 8601 strings with milliseconds, as in the events.
 */
export interface Projection<
  Events extends DomainEvent,
  Row extends TenantRow,
  Key extends keyof Row & string = Extract<keyof Row & string, 'id'>,
> {
  readonly table: string;
  /** The primary key, after `tenant_id` */
  readonly key: readonly Key[];
  readonly columns: { readonly [Column in keyof Row & string]: ColumnType };
  /** Rows are only ever added: the projector's role may not change them. */
  readonly appendOnly?: true;
  keys(event: Logged<Events>): readonly Pick<Row, Key>[];
  readonly on: {
    readonly [Type in Events['type']]: Handler<Logged<Extract<Events, { type: Type }>>, Row, Partial<Omit<Row, Key | 'tenantId'>>>;
  };
}

/** Any read model, as the projector sees it. */
export interface AnyProjection {
  readonly table: string;
  readonly key: readonly string[];
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly appendOnly?: true;
  keys(event: LoggedEvent): readonly object[];
  readonly on: Readonly<Record<string, Handler<LoggedEvent, object, object>>>;
}
