import {
  frameOf,
  framesAround,
  type Iteration,
  keyOf,
  type NodeError,
  type NodeRun,
  type NodeRunStatus,
  type RunState,
  type RunStatus,
} from '@sluice/engine';
import type { TriggerMetadata } from '@sluice/executions-domain';
import type { Json } from '@sluice/kernel';
import type { Pool, PoolClient } from 'pg';

/** The run that called another one, and the node that waits for it. */
export interface Parent {
  readonly executionId: string;
  readonly nodeId: string;
  readonly iteration: Iteration;
}

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
  readonly parent: Parent | null;
  /** Of calls above it */
  readonly depth: number;
  /** Of its turn; null: it needs none */
  readonly concurrencyKey: string | null;
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
  parent_execution_id: string | null;
  parent_node_id: string | null;
  parent_iteration: string | null;
  depth: number;
  node_runs: number;
  output_bytes: number;
  concurrency_key: string | null;
  status: RunStatus;
  entry_node_id: string;
  input: Json;
  output: Json;
  error: NodeError | null;
  nodes: readonly NodeRow[] | null;
}

interface NodeRow {
  readonly node_id: string;
  readonly iteration: string;
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
  readonly items: Json;
  readonly loop_count: number | null;
  readonly loop_begun: number | null;
  readonly loop_ended: number | null;
  readonly attempts_before: number | null;
}

/** Of a run, the frames that are looked at: those around what is decided about. The run's own nodes are always there. */
export interface RunKey {
  readonly tenantId: string;
  readonly executionId: string;
  readonly iterations: readonly Iteration[];
}

/** The runs with these ids, by id. All of a run's state is in its rows; one statement, so it is of one moment. */
export async function readRuns(client: Pool | PoolClient, keys: readonly RunKey[]): Promise<ReadonlyMap<string, Run>> {
  if (keys.length === 0) return new Map();
  const frames = new Map<string, { readonly tenantId: string; readonly iterations: Set<Iteration> }>();
  for (const { tenantId, executionId, iterations } of keys) {
    const known = frames.get(executionId) ?? { tenantId, iterations: new Set(['']) };
    for (const iteration of iterations) for (const around of framesAround(iteration)) known.iterations.add(around);
    frames.set(executionId, known);
  }
  const places = [...frames].flatMap(([executionId, { tenantId, iterations }]) =>
    [...iterations].map((iteration) => ({ tenantId, executionId, iteration })),
  );
  const { rows } = await client.query<RunRow>({
    name: 'read-runs',
    text: `
      SELECT e.tenant_id, e.id, e.workflow_id, e.workflow_version, e.version_id, e.version, e.start_key, e.trigger_meta, e.customer_id,
             e.correlation_id, e.started_at, e.parent_execution_id, e.parent_node_id, e.parent_iteration, e.depth, e.node_runs, e.output_bytes,
             e.concurrency_key, e.status, e.entry_node_id, e.input, e.output, e.error, n.nodes
      FROM (SELECT tenant_id, id, array_agg(iteration) AS iterations
            FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(tenant_id, id, iteration) GROUP BY 1, 2) k
      JOIN workflow_executions e USING (tenant_id, id)
      LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object(
          'node_id', r.node_id, 'iteration', r.iteration, 'id', r.id, 'status', r.status, 'attempt', r.attempt, 'handle', r.handle,
          'output', r.output, 'output_absent', r.output IS NULL, 'error', r.error, 'input_from', r.input_from, 'started_at', r.started_at,
          'completed_at', r.completed_at, 'wait_until', r.wait_until, 'items', r.input, 'loop_count', r.loop_count,
          'loop_begun', r.loop_begun, 'loop_ended', r.loop_ended, 'attempts_before', r.attempts_before)) AS nodes
        FROM node_executions r WHERE r.tenant_id = e.tenant_id AND r.workflow_execution_id = e.id AND r.iteration = ANY (k.iterations)
      ) n ON true`,
    values: [
      places.map(({ tenantId }) => tenantId),
      places.map(({ executionId }) => executionId),
      places.map(({ iteration }) => iteration),
    ],
  });
  return new Map(rows.map((row) => [row.id, runOf(row)]));
}

/** By run, the frames in which something is under way or failed for good: what a person's retry is about. */
export async function openIterations(
  client: Pool | PoolClient,
  tenantId: string,
  executionIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Iteration[]>> {
  const { rows } = await client.query<{ id: string; iterations: Iteration[] }>(
    `SELECT workflow_execution_id AS id, array_agg(DISTINCT iteration) AS iterations FROM node_executions
     WHERE tenant_id = $1 AND workflow_execution_id = ANY ($2)
       AND (status IN ('running', 'waiting', 'in_doubt') OR (status = 'failed' AND handle IS NULL))
     GROUP BY 1`,
    [tenantId, executionIds],
  );
  return new Map(rows.map(({ id, iterations }) => [id, iterations]));
}

function runOf(row: RunRow): Run {
  const parent = { executionId: row.parent_execution_id, nodeId: row.parent_node_id, iteration: row.parent_iteration };
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
    parent: isParent(parent) ? parent : null,
    depth: row.depth,
    concurrencyKey: row.concurrency_key,
    state: {
      status: row.status,
      entryNodeId: row.entry_node_id,
      input: row.input,
      nodes: new Map((row.nodes ?? []).map((node) => [keyOf(node.node_id, node.iteration), nodeRunOf(node, row)])),
      spent: { nodeRuns: row.node_runs, events: row.version, outputBytes: row.output_bytes },
      ...(row.output === null ? {} : { output: row.output }),
      ...(row.error === null ? {} : { error: row.error }),
    },
  };
}

const isParent = (parent: { readonly [Name in keyof Parent]: Parent[Name] | null }): parent is Parent =>
  parent.executionId !== null && parent.nodeId !== null && parent.iteration !== null;

function nodeRunOf(node: NodeRow, run: RunRow): NodeRun {
  const leftByEntry = node.output_absent && node.node_id === run.entry_node_id && node.iteration === '' && node.status === 'completed';
  const isItem = frameOf(node.iteration)?.loopId === node.node_id;
  const { loop_count: count, loop_begun: begun, loop_ended: ended } = node;
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
    ...(count === null || begun === null || ended === null || isItem ? {} : { loop: { count, begun, ended }, items: node.items }),
    ...(node.attempts_before === null ? {} : { attemptsBefore: node.attempts_before }),
  };
}
