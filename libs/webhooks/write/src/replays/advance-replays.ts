import type { Database } from '@sluice/platform-database';
import { appendEvents, type LogEntry } from '@sluice/platform-event-log';
import { type WrittenTask, writtenTask } from '@sluice/platform-queue';
import {
  advance,
  cancel,
  evolveReplay,
  replayBatch,
  type ReplayEvent,
  type ReplayOrder,
  type WebhookReplayed,
} from '@sluice/webhooks-domain';
import type { PoolClient } from 'pg';
import { eventsOfReplay, replayOf, type ReplayRow, type Rows, saveReplay, valuesOfReplay } from './replay.table.js';

/** Batches of one sweep */
const batchesMax = 20;
/** A channel that is held is looked at again after this long. */
const heldMs = 1_000;

interface DueReplay extends ReplayRow {
  readonly late_ms: number;
}

interface ReplayedEvent {
  readonly id: string;
  readonly version: number;
  readonly correlationId: string;
}

/**
 * Replays hand on as many events as are due, each once: an event's task is written in the transaction that moves its replay's cursor past it,
 * and what begins has a start key of the replay. Replays that others advance are left to them.
 */
export async function advanceReplays(database: Database): Promise<WrittenTask[]> {
  const tasks: WrittenTask[] = [];
  for (let batch = 0; batch < batchesMax && (await anyIsDue(database)); batch += 1) {
    const handed = await database.withClient(advanceNext);
    // What is due, others hold.
    if (handed === undefined) break;
    tasks.push(...handed);
  }
  return tasks;
}

/** All that happens when there is nothing to do: a look at an index. */
async function anyIsDue({ pool }: Database): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'any-due-replay',
    text: `SELECT FROM replays WHERE status = 'running' AND due_at <= now() LIMIT 1`,
  });
  return rowCount === 1;
}

async function advanceNext(client: PoolClient): Promise<WrittenTask[] | undefined> {
  const query: Rows = async <Row>(text: string, values: unknown[]) => (await client.query(text, values)).rows as Row[];
  const [row] = await query<DueReplay>(
    `SELECT *, extract(epoch FROM now() - due_at)::float8 * 1000 AS late_ms FROM replays
     WHERE status = 'running' AND due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
    [],
  );
  if (row === undefined) return undefined;
  const { tenant_id: tenantId, rate_per_second: rate, cursor } = row;
  const replay = replayOf(row);

  const channel = await channelOf(query, row);
  if (channel !== 'open') {
    const events = channel === 'held' ? [] : cancel(replay, 'sluice');
    await saveReplay(query, tenantId, events.reduce(evolveReplay, replay), { cursor, dueInMs: heldMs });
    if (events.length > 0) await appendEvents(client, entriesOf(row, events));
    return [];
  }

  const batch = replayBatch(rate, row.late_ms);
  const replayed = await receiveAgain(query, row, batch.events);
  const tasks = await writeTasks(
    query,
    row,
    replayed.map(({ id }) => id),
  );
  const events = advance(replay, replayed.length, replayed.length < batch.events);
  await saveReplay(query, tenantId, events.reduce(evolveReplay, replay), {
    cursor: replayed.at(-1)?.id ?? cursor,
    dueInMs: batch.nextInMs,
  });
  await appendEvents(client, [...replayed.map((event) => replayedEntry(row, event)), ...entriesOf(row, events)]);
  return tasks;
}

/** While a channel is held, its replays wait like what it receives. Whoever holds or releases it waits until this commit is over. */
async function channelOf(query: Rows, { tenant_id: tenantId, channel_id: id }: ReplayRow): Promise<'open' | 'held' | 'gone'> {
  await query('SELECT pg_advisory_xact_lock_shared(channel_arrivals($1, $2))', [tenantId, id]);
  const [channel] = await query<{ status: string }>('SELECT status FROM channels WHERE tenant_id = $1 AND id = $2', [tenantId, id]);
  if (channel === undefined || channel.status === 'deleted') return 'gone';
  return channel.status === 'held' || channel.status === 'releasing' ? 'held' : 'open';
}

async function receiveAgain(query: Rows, row: ReplayRow, count: number): Promise<ReplayedEvent[]> {
  return query<ReplayedEvent>(
    `WITH next AS (
       SELECT w.tenant_id, w.id FROM webhook_events w WHERE ${eventsOfReplay} ORDER BY w.id LIMIT $12 FOR UPDATE
     ), again AS (
       UPDATE webhook_events w SET status = 'received', stream_version = w.stream_version + 1
       FROM next WHERE w.tenant_id = next.tenant_id AND w.id = next.id
       RETURNING w.id, w.stream_version, w.correlation_id
     )
     SELECT id, stream_version::float8 AS version, correlation_id AS "correlationId" FROM again ORDER BY id`,
    [...valuesOfReplay(row), count],
  );
}

/** Behind what of their customers waits already, and behind live work: nobody waits for a replay. */
async function writeTasks(query: Rows, row: ReplayRow, ids: readonly string[]): Promise<WrittenTask[]> {
  if (ids.length === 0) return [];
  const { id: replayId, version, workflow_ids: workflowIds } = row;
  const order: ReplayOrder = { replayId, version, ...(workflowIds === null ? {} : { workflowIds }) };
  return query<WrittenTask>(
    `INSERT INTO tasks (tenant_id, kind, webhook_event_id, order_key, payload, queue, ticketed_at)
     SELECT w.tenant_id, 'start', w.id, line_of(w.channel_id, w.customer_id), $3, 'bulk', now()
     FROM unnest($2::uuid[]) AS k(id) JOIN webhook_events w ON w.tenant_id = $1 AND w.id = k.id ORDER BY w.id
     RETURNING ${writtenTask()}`,
    [row.tenant_id, ids, JSON.stringify(order)],
  );
}

function replayedEntry({ tenant_id: tenantId, id: replayId, created_by: by, reason }: ReplayRow, event: ReplayedEvent): LogEntry {
  const replayed: WebhookReplayed = { type: 'webhook.replayed', aggregateId: event.id, payload: { replayId, by, reason } };
  return { event: replayed, tenantId, aggregateVersion: event.version, correlationId: event.correlationId, causationId: replayId };
}

const entriesOf = (row: ReplayRow, events: readonly ReplayEvent[]): LogEntry[] =>
  events.map((event, index) => ({
    event,
    tenantId: row.tenant_id,
    aggregateVersion: Number(row.stream_version) + index + 1,
    correlationId: row.correlation_id,
  }));
