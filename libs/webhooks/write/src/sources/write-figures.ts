import { type Json, newId } from '@sluice/kernel';
import type { Database } from '@sluice/platform-database';
import { appendEvents, type LogEntry } from '@sluice/platform-event-log';
import {
  absorb,
  type Counted,
  differences,
  type Figures,
  look,
  lookAt,
  type Looked,
  noFigures,
  type Source,
  type SourceConflicted,
} from '@sluice/webhooks-domain';
import type { PoolClient } from 'pg';

/** What a gateway counted of a source since it last wrote. */
export interface SourceCount {
  readonly tenantId: string;
  readonly sourceId: string;
  readonly counted: Counted;
}

/** An event that was not kept, since its key is there already: perhaps with other words. */
export interface Duplicate {
  readonly tenantId: string;
  readonly channelId: string;
  readonly dedupeKey: string;
  readonly deliveryId: string;
  readonly item: Json;
}

interface FiguresRow {
  readonly tenant_id: string;
  readonly source_id: string;
  readonly id: string;
  readonly figures: Figures;
  readonly stream_version: number;
  readonly now: Date;
}

const columns = 's.tenant_id, s.source_id, s.id, s.figures, s.stream_version, now() AS now';
/** Its channel or provider app is deleted: whatever came to it, or does not come any more, alarms nobody. */
const isGone = `(EXISTS (SELECT FROM channels c WHERE c.tenant_id = s.tenant_id AND c.id = s.source_id AND c.status = 'deleted')
  OR EXISTS (SELECT FROM provider_apps a WHERE a.tenant_id = s.tenant_id AND a.id = s.source_id AND a.status = 'deleted'))`;

/** Conflicts of one source that are shown for each time that a gateway writes; all of them are counted. */
const conflictsToldMax = 5;

/** Adds what was counted to what is known of each source, and tells what is news: in one transaction, whichever gateway counted it. */
export async function writeFigures(database: Database, counts: readonly SourceCount[], duplicates: readonly Duplicate[]): Promise<void> {
  if (counts.length === 0) return;
  await database.withClient(async (client) => {
    const conflicts = await conflictsAmong(client, duplicates);
    const sources = counts.toSorted((one, other) => (one.sourceId < other.sourceId ? -1 : 1));
    const values = [sources.map(({ tenantId }) => tenantId), sources.map(({ sourceId }) => sourceId)];
    await client.query(
      `INSERT INTO source_figures (tenant_id, source_id, id, figures)
       SELECT k.tenant_id, k.source_id, k.id, $4 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS k(tenant_id, source_id, id)
       ON CONFLICT DO NOTHING`,
      [...values, sources.map(() => newId()), JSON.stringify(noFigures)],
    );
    const { rows } = await client.query<FiguresRow>(
      `SELECT ${columns} FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, source_id) JOIN source_figures s USING (tenant_id, source_id)
       WHERE NOT ${isGone} ORDER BY s.tenant_id, s.source_id FOR UPDATE OF s`,
      values,
    );
    const countOf = new Map(sources.map(({ sourceId, counted }) => [sourceId, counted]));
    await saveLooked(
      client,
      rows.map((row) => {
        const counted = countOf.get(row.source_id);
        const own = conflicts.filter(({ payload }) => payload.sourceId === row.source_id);
        return { row, looked: counted === undefined ? look(sourceOf(row), row.now) : counting(row, counted, own) };
      }),
    );
  });
}

/** Sources of which there is something to say although nothing came. Those that are gone are never looked at again. */
export async function lookAtSources(database: Database): Promise<void> {
  const { rowCount } = await database.pool.query({
    name: 'any-due-source',
    text: 'SELECT FROM source_figures WHERE look_at <= now() LIMIT 1',
  });
  if (rowCount === 0) return;
  await database.withClient(async (client) => {
    const { rows } = await client.query<FiguresRow & { gone: boolean }>(
      `SELECT ${columns}, ${isGone} AS gone
       FROM source_figures s WHERE s.look_at <= now() ORDER BY s.look_at LIMIT 200 FOR UPDATE OF s SKIP LOCKED`,
    );
    const gone = rows.filter((row) => row.gone);
    await client.query(
      `UPDATE source_figures s SET look_at = NULL FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, source_id)
       WHERE s.tenant_id = k.tenant_id AND s.source_id = k.source_id`,
      [gone.map((row) => row.tenant_id), gone.map((row) => row.source_id)],
    );
    const there = rows.filter((row) => !row.gone);
    await saveLooked(
      client,
      there.map((row) => ({ row, looked: look(sourceOf(row), row.now) })),
    );
  });
}

const sourceOf = ({ id, source_id: sourceId, figures, stream_version: streamVersion }: FiguresRow): Source => ({
  id,
  sourceId,
  figures,
  streamVersion: Number(streamVersion),
});

function counting(row: FiguresRow, counted: Counted, conflicts: readonly SourceConflicted[]): Looked {
  const told = conflicts.slice(0, conflictsToldMax).map((event) => ({ ...event, aggregateId: row.id }));
  const source = sourceOf(row);
  const events = { ...counted.events, conflicting: conflicts.length };
  const looked = absorb({ ...source, streamVersion: source.streamVersion + told.length }, { ...counted, events }, row.now);
  return { source: looked.source, events: [...told, ...looked.events] };
}

async function saveLooked(client: PoolClient, all: readonly { readonly row: FiguresRow; readonly looked: Looked }[]): Promise<void> {
  if (all.length === 0) return;
  await client.query(
    `UPDATE source_figures s SET figures = k.figures, look_at = k.look_at, stream_version = k.stream_version, updated_at = now()
     FROM jsonb_to_recordset($1::jsonb) AS k(tenant_id uuid, source_id uuid, figures jsonb, look_at timestamptz, stream_version bigint)
     WHERE s.tenant_id = k.tenant_id AND s.source_id = k.source_id`,
    [
      JSON.stringify(
        all.map(({ row, looked: { source } }) => ({
          tenant_id: row.tenant_id,
          source_id: row.source_id,
          figures: source.figures,
          look_at: lookAt(source)?.toISOString() ?? null,
          stream_version: source.streamVersion,
        })),
      ),
    ],
  );
  const entries = all.flatMap(({ row, looked }) =>
    looked.events.map((event, index): LogEntry => ({
      event,
      tenantId: row.tenant_id,
      aggregateVersion: Number(row.stream_version) + index + 1,
      correlationId: row.id,
    })),
  );
  if (entries.length > 0) await appendEvents(client, entries);
}

/** Compared with what was kept: only where a key was there already, and after the call was answered. */
async function conflictsAmong(client: PoolClient, duplicates: readonly Duplicate[]): Promise<SourceConflicted[]> {
  if (duplicates.length === 0) return [];
  const { rows } = await client.query<{ n: number; id: string; item: Json }>(
    `SELECT k.n::int, w.id, w.item FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS k(tenant_id, channel_id, dedupe_key, n)
     JOIN webhook_events w USING (tenant_id, channel_id, dedupe_key) ORDER BY k.n`,
    [
      duplicates.map(({ tenantId }) => tenantId),
      duplicates.map(({ channelId }) => channelId),
      duplicates.map(({ dedupeKey }) => dedupeKey),
    ],
  );
  return rows.flatMap(({ n, id: eventId, item }) => {
    const duplicate = duplicates[n - 1];
    const differs = duplicate === undefined ? [] : differences(item, duplicate.item);
    if (duplicate === undefined || differs.length === 0) return [];
    const { channelId: sourceId, dedupeKey, deliveryId } = duplicate;
    const payload = { sourceId, eventId, dedupeKey, deliveryId, differs };
    return [{ type: 'webhook.source.conflicted', aggregateId: eventId, payload }];
  });
}
