import type { Replay, ReplayFilter, ReplayRequest } from '@sluice/webhooks-domain';

/** What TypeORM's manager and a connection of a pool have in common: rows for a statement. */
export type Rows = <Row>(text: string, values: unknown[]) => Promise<Row[]>;

/** As it stands in `replays`. */
export interface ReplayRow {
  readonly tenant_id: string;
  readonly id: string;
  readonly channel_id: string;
  readonly event_id: string | null;
  readonly kinds: string[] | null;
  readonly action: string | null;
  readonly event_status: ReplayFilter['status'] | null;
  readonly customer_id: string | null;
  readonly date_from: Date;
  readonly date_to: Date;
  readonly version: ReplayRequest['version'];
  readonly workflow_ids: string[] | null;
  readonly rate_per_second: number;
  readonly reason: string;
  readonly created_by: string;
  readonly status: Replay['status'];
  readonly done: number;
  readonly cursor: string;
  readonly correlation_id: string;
  readonly stream_version: number;
}

export const replayOf = ({ id, status, done, stream_version: streamVersion }: ReplayRow): Replay => ({
  id,
  status,
  done,
  streamVersion: Number(streamVersion),
});

type Bounds = Pick<
  ReplayRow,
  'tenant_id' | 'channel_id' | 'event_id' | 'kinds' | 'action' | 'event_status' | 'customer_id' | 'date_from' | 'date_to' | 'cursor'
>;

/**
 * The events `w` of a replay that come after its cursor: those that start something, in the order of their ids, which is that of their
 * receipt. The ids say when they were made by the clock of the gateway that made them, which may be off; a day is left for that.
 */
export const eventsOfReplay = `w.tenant_id = $1 AND w.channel_id = $2 AND w.id > $3 AND w.id < $4 AND w.received_at >= $5 AND w.received_at < $6
  AND ($7::uuid IS NULL OR w.id = $7) AND ($8::text[] IS NULL OR w.kind = ANY ($8)) AND ($9::text IS NULL OR w.action = $9)
  AND ($10::text IS NULL OR w.customer_id = $10)
  AND CASE WHEN $11::text IS NULL THEN w.status IN ('received', 'processed', 'failed') ELSE w.status = $11 END`;

export const valuesOfReplay = (row: Bounds): unknown[] => [
  row.tenant_id,
  row.channel_id,
  row.cursor,
  idAt(row.date_to.getTime() + clockMsOff),
  row.date_from,
  row.date_to,
  row.event_id,
  row.kinds,
  row.action,
  row.customer_id,
  row.event_status,
];

const clockMsOff = 24 * 60 * 60 * 1_000;

/** Every event of the replay has a greater id. */
export const cursorBefore = (dateFrom: Date): string => idAt(dateFrom.getTime() - clockMsOff);

/** Below every UUIDv7 that was made at this time, and above those from before. */
function idAt(ms: number): string {
  const hex = Math.min(Math.max(Math.floor(ms), 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** Held until the transaction ends. */
export async function lockReplay(query: Rows, tenantId: string, id: string): Promise<ReplayRow | undefined> {
  const [row] = await query<ReplayRow>('SELECT * FROM replays WHERE tenant_id = $1 AND id = $2 FOR UPDATE', [tenantId, id]);
  return row;
}

export async function saveReplay(
  query: Rows,
  tenantId: string,
  { id, status, done, streamVersion }: Replay,
  moved?: { readonly cursor: string; readonly dueInMs: number },
): Promise<void> {
  await query(
    `UPDATE replays SET status = $3, done = $4, stream_version = $5, updated_at = now(), cursor = coalesce($6, cursor),
            due_at = CASE WHEN $7::double precision IS NULL THEN due_at ELSE now() + $7 * interval '1 millisecond' END
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id, status, done, streamVersion, moved?.cursor ?? null, moved?.dueInMs ?? null],
  );
}
