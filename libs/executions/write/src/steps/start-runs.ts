import type { ExecutionStarted, TriggerMetadata } from '@sluice/executions-domain';
import { newRun } from '@sluice/engine';
import { compileExpression, type Expression, type SlowEvaluator, truthy } from '@sluice/expressions';
import { newId } from '@sluice/kernel';
import type { TriggerEvent } from '@sluice/webhooks-domain';
import type { Pool } from 'pg';
import type { PublishedVersion } from './compiled-versions.js';
import type { Run } from './run.js';

/** A registration whose workflow is published. */
export interface Listener {
  readonly webhookId: string;
  readonly tenantId: string;
  readonly channelId: string;
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
    node_id: string;
    version_id: string;
    action_types: string[];
    filter: string | null;
  }>({
    name: 'read-listeners',
    text: `SELECT w.id AS webhook_id, w.tenant_id, w.channel_id, w.node_id, v.id AS version_id, w.action_types, w.filter
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
    nodeId: row.node_id,
    versionId: row.version_id,
    actionTypes: row.action_types,
    filter: row.filter,
  }));
}

/** True when the listener wants this event: its family, its account, its filter. A filter that fails to evaluate wants nothing. */
export async function wants(listener: Listener, event: TriggerEvent, tenantId: string, slow: SlowEvaluator): Promise<boolean> {
  if (listener.tenantId !== tenantId || listener.channelId !== event.channelId) return false;
  if (!listener.actionTypes.includes('all') && !listener.actionTypes.includes(event.action)) return false;
  if (listener.filter === null) return true;
  const trigger = JSON.parse(JSON.stringify(event));
  const scope = { trigger, input: trigger, nodes: {}, execution: {}, workflow: {}, customer: { id: event.customerId }, env: {} };
  try {
    return truthy(await compiledFilter(listener.filter).evaluate(scope, slow));
  } catch {
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

/** A run of `version` that this event begins; nothing of it is written yet. */
export function runForEvent(
  version: PublishedVersion,
  listener: Listener,
  event: TriggerEvent,
  correlationId: string,
): { readonly run: Run; readonly started: ExecutionStarted } {
  const trigger: TriggerMetadata = {
    source: 'webhook',
    sourceType: event.provider,
    actionType: event.action,
    customerId: event.customerId,
    clientId: event.channelId,
    receivedAt: event.receivedAt,
    webhookId: listener.webhookId,
    webhookEventId: event.id,
  };
  const run: Run = {
    tenantId: listener.tenantId,
    id: newId(),
    workflowId: version.workflowId,
    workflowVersion: version.version,
    versionId: version.id,
    version: 0,
    startKey: `e:${event.id}:${listener.nodeId}`,
    trigger,
    customerId: event.customerId,
    correlationId,
    startedAt: new Date().toISOString(),
    state: newRun(listener.nodeId, JSON.parse(JSON.stringify(event))),
  };
  return { run, started: startedEvent(run) };
}

/** The event with which a run's stream begins. */
export const startedEvent = (run: Run): ExecutionStarted => ({
  type: 'workflow.execution.started',
  aggregateId: run.id,
  payload: {
    workflowId: run.workflowId,
    workflowVersion: run.workflowVersion,
    entryNodeId: run.state.entryNodeId,
    startKey: run.startKey,
    trigger: run.trigger,
    input: run.state.input,
  },
});
