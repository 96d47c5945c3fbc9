import { compileExpression, type Expression, type SlowEvaluator, truthy } from '@sluice/expressions';
import type { Json } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import type { KeptEvent, ReplayOrder } from '@sluice/webhooks-domain';
import type { Pool } from 'pg';
import { isPassing } from '../dead-letters/isolate.js';
import type { Start } from './begin-run.js';

/** A registration whose workflow is published. */
export interface Listener {
  readonly webhookId: string;
  readonly tenantId: string;
  readonly channelId: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly versionId: string;
  /** `all`, or families */
  readonly actionTypes: readonly string[];
  readonly filter: string | null;
}

/** Who listens to these channels now; read for each batch, never kept. */
export async function readListeners(
  pool: Pool,
  channels: readonly { readonly tenantId: string; readonly channelId: string }[],
): Promise<Listener[]> {
  const { rows } = await pool.query<{
    webhook_id: string;
    tenant_id: string;
    channel_id: string;
    workflow_id: string;
    node_id: string;
    version_id: string;
    action_types: string[];
    filter: string | null;
  }>({
    name: 'read-listeners',
    text: `SELECT w.id AS webhook_id, w.tenant_id, w.channel_id, w.workflow_id, w.node_id, v.id AS version_id, w.action_types, w.filter
           FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, channel_id)) k
           JOIN webhooks w ON w.tenant_id = k.tenant_id AND w.channel_id = k.channel_id AND w.status = 'active'
           JOIN workflows f ON f.tenant_id = w.tenant_id AND f.id = w.workflow_id AND f.status = 'published'
           JOIN workflow_versions v ON v.tenant_id = f.tenant_id AND v.workflow_id = f.id AND v.version = f.version
           ORDER BY w.created_at, w.id`,
    values: [channels.map(({ tenantId }) => tenantId), channels.map(({ channelId }) => channelId)],
  });
  return rows.map((row) => ({
    webhookId: row.webhook_id,
    tenantId: row.tenant_id,
    channelId: row.channel_id,
    workflowId: row.workflow_id,
    nodeId: row.node_id,
    versionId: row.version_id,
    actionTypes: row.action_types,
    filter: row.filter,
  }));
}

/**
 * What these events began when they came, by event: the version that each ran on, for as long as its workflow is published. One that was
 * moved counts as of the version it was moved to.
 */
export async function readRunThen(
  pool: Pool,
  events: readonly { readonly tenantId: string; readonly channelId: string; readonly id: string }[],
): Promise<ReadonlyMap<string, readonly Listener[]>> {
  if (events.length === 0) return new Map();
  const { rows } = await pool.query<Listener & { eventId: string }>({
    name: 'read-run-then',
    text: `SELECT DISTINCT ON (k.event_id, e.id) k.event_id AS "eventId", w.id AS "webhookId", w.tenant_id AS "tenantId",
                  w.channel_id AS "channelId", w.workflow_id AS "workflowId", w.node_id AS "nodeId", e.version_id AS "versionId",
                  '{all}'::text[] AS "actionTypes", NULL AS filter
           FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS k(tenant_id, channel_id, event_id)
           JOIN webhooks w ON w.tenant_id = k.tenant_id AND w.channel_id = k.channel_id
           JOIN workflow_executions e ON e.tenant_id = w.tenant_id AND e.workflow_id = w.workflow_id
             AND e.start_key = 'e:' || k.event_id || ':' || w.node_id
           JOIN workflows f ON f.tenant_id = w.tenant_id AND f.id = w.workflow_id AND f.status = 'published'
           ORDER BY k.event_id, e.id, w.created_at, w.id`,
    values: [events.map(({ tenantId }) => tenantId), events.map(({ channelId }) => channelId), events.map(({ id }) => id)],
  });
  return Map.groupBy(rows, ({ eventId }) => eventId);
}

/** Who may begin a run for this event: whoever listens now, or of a replay those that it is for. */
export function listenersTo(
  eventId: string,
  order: ReplayOrder | undefined,
  { listeners, ranThen }: { readonly listeners: readonly Listener[]; readonly ranThen: ReadonlyMap<string, readonly Listener[]> },
): readonly Listener[] {
  if (order === undefined) return listeners;
  const { version, workflowIds } = order;
  const all = version === 'same' ? (ranThen.get(eventId) ?? []) : listeners;
  return workflowIds === undefined ? all : all.filter(({ workflowId }) => workflowIds.includes(workflowId));
}

/**
 * True when the listener wants this event: its family, its account, its filter. A filter that fails to evaluate wants nothing.
 * @param trigger the event with its large members in their places
 */
export async function wants(listener: Listener, event: KeptEvent, trigger: Json, tenantId: string, slow: SlowEvaluator): Promise<boolean> {
  if (listener.tenantId !== tenantId || listener.channelId !== event.channelId) return false;
  if (!listener.actionTypes.includes('all') && !listener.actionTypes.includes(event.action)) return false;
  if (listener.filter === null) return true;
  const scope = { trigger, input: trigger, nodes: {}, execution: {}, workflow: {}, customer: { id: event.customerId }, env: {} };
  try {
    return truthy(await compiledFilter(listener.filter).evaluate(scope, slow));
  } catch (error) {
    // Not now is not no.
    if (isPassing(error)) throw error;
    return false;
  }
}

const filters = new Map<string, Expression>();
const filtersMax = 1_000;

function compiledFilter(source: string): Expression {
  const known = filters.get(source);
  if (known !== undefined) return known;
  const compiled = compileExpression(source);
  if (filters.size >= filtersMax) filters.clear();
  filters.set(source, compiled);
  return compiled;
}

/**
 * How a run that this event begins begins. One that a replay begins is another run, begins now, and is nobody's call: what it answers is kept
 * from a webhook that was answered long ago.
 */
export const startOf = (listener: Listener, event: KeptEvent, correlationId: string, replayId?: string): Start => ({
  entryNodeId: listener.nodeId,
  startKey: replayId === undefined ? `e:${event.id}:${listener.nodeId}` : `r:${replayId}:${event.id}:${listener.nodeId}`,
  trigger: {
    source: replayId === undefined ? 'webhook' : 'replay',
    sourceType: event.provider,
    actionType: event.action,
    customerId: event.customerId,
    clientId: event.channelId,
    receivedAt: replayId === undefined ? event.receivedAt : storeClock.now().toISOString(),
    ...(replayId === undefined ? { webhookId: listener.webhookId } : { replayId }),
    webhookEventId: event.id,
    ...(event.test === undefined ? {} : { test: event.test }),
  },
  input: JSON.parse(JSON.stringify(event)),
  correlationId,
});
