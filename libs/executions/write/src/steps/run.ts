import type { NodeError, NodeRun, NodeRunStatus, RunState, RunStatus } from '@sluice/engine';
import type { TriggerMetadata } from '@sluice/executions-domain';
import type { Json } from '@sluice/kernel';
import type { Pool, PoolClient } from 'pg';

/** A run as it stood when it was read; `version` is the fence of whatever is decided from it. */
export interface Run {
  readonly tenantId: string;
  readonly id: string;
  readonly workflowId: string;
  readonly workflowVersion: number;
  readonly versionId: string;
  /** 0: not written yet */
  readonly version: number;
  readonly startKey: string;
  readonly trigger: TriggerMetadata;
  readonly customerId: string | null;
  readonly correlationId: string;
  readonly startedAt: string;
  readonly state: RunState;
}

interface RunRow {
  tenant_id: string;
  id: string;
  workflow_id: string;
  workflow_version: number;
  version_id: string;
  version: number;
  start_key: string;
  trigger_meta: TriggerMetadata;
  customer_id: string | null;
  correlation_id: string;
  started_at: Date;
  status: RunStatus;
  entry_node_id: string;
  input: Json;
  output: Json;
  error: NodeError | null;
  nodes: readonly NodeRow[] | null;
}

interface NodeRow {
  readonly node_id: string;
  readonly id: string;
  readonly status: NodeRunStatus;
  readonly attempt: number;
  readonly handle: string | null;
  readonly output: Json;
  readonly output_absent: boolean;
  readonly error: NodeError | null;
  readonly input_from: readonly string[] | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly wait_until: string | null;
}

/** The runs with these ids, by id. All of a run's state is in its rows; one statement, so it is of one moment. */
export async function readRuns(
  client: Pool | PoolClient,
  keys: readonly { readonly tenantId: string; readonly executionId: string }[],
): Promise<ReadonlyMap<string, Run>> {
  if (keys.length === 0) return new Map();
  const { rows } = await client.query<RunRow>({
    name: 'read-runs',
    text: `
      SELECT e.tenant_id, e.id, e.workflow_id, e.workflow_version, e.version_id, e.version, e.start_key, e.trigger_meta, e.customer_id,
             e.correlation_id, e.started_at, e.status, e.entry_node_id, e.input, e.output, e.error, n.nodes
      FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, id)) k
      JOIN workflow_executions e USING (tenant_id, id)
      LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object(
          'node_id', r.node_id, 'id', r.id, 'status', r.status, 'attempt', r.attempt, 'handle', r.handle, 'output', r.output,
          'output_absent', r.output IS NULL, 'error', r.error, 'input_from', r.input_from, 'started_at', r.started_at,
          'completed_at', r.completed_at, 'wait_until', r.wait_until)) AS nodes
        FROM node_executions r WHERE r.tenant_id = e.tenant_id AND r.workflow_execution_id = e.id
      ) n ON true`,
    values: [keys.map(({ tenantId }) => tenantId), keys.map(({ executionId }) => executionId)],
  });
  return new Map(rows.map((row) => [row.id, runOf(row)]));
}

function runOf(row: RunRow): Run {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    workflowId: row.workflow_id,
    workflowVersion: row.workflow_version,
    versionId: row.version_id,
    version: row.version,
    startKey: row.start_key,
    trigger: row.trigger_meta,
    customerId: row.customer_id,
    correlationId: row.correlation_id,
    startedAt: row.started_at.toISOString(),
    state: {
      status: row.status,
      entryNodeId: row.entry_node_id,
      input: row.input,
      nodes: new Map((row.nodes ?? []).map((node) => [node.node_id, nodeRunOf(node, row)])),
      ...(row.output === null ? {} : { output: row.output }),
      ...(row.error === null ? {} : { error: row.error }),
    },
  };
}

function nodeRunOf(node: NodeRow, run: RunRow): NodeRun {
  const leftByEntry = node.output_absent && node.node_id === run.entry_node_id && node.status === 'completed';
  return {
    id: node.id,
    status: node.status,
    attempt: node.attempt,
    ...(node.handle === null ? {} : { handle: node.handle }),
    // The entry puts out the run's input, which is not kept twice.
    ...(leftByEntry ? { output: run.input } : node.output_absent ? {} : { output: node.output }),
    ...(node.error === null ? {} : { error: node.error }),
    ...(node.input_from === null ? {} : { inputFrom: node.input_from }),
    ...(node.started_at === null ? {} : { startedAt: new Date(node.started_at).toISOString() }),
    ...(node.completed_at === null ? {} : { completedAt: new Date(node.completed_at).toISOString() }),
    ...(node.wait_until === null ? {} : { waitUntil: new Date(node.wait_until).toISOString() }),
  };
}
