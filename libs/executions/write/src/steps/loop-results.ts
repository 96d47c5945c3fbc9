import { frameOf, keyOf, type NodePlace, type RunState } from '@sluice/engine';
import type { Json } from '@sluice/kernel';
import { NodeFailure } from '@sluice/nodes';
import type { Pool } from 'pg';
import type { Run } from './run.js';
import type { StepTools } from './run-step.js';

const bytesMax = 8 * 1024 * 1024;

/** What the items of a loop came to, in their order: from this step, and from the rows of earlier ones. */
export async function loopResults(
  run: Run,
  state: RunState,
  { nodeId, iteration = '' }: NodePlace,
  count: number,
  { results, blobs }: Pick<StepTools, 'results' | 'blobs'>,
): Promise<Json[]> {
  const prefix = keyOf(`${nodeId}:`, iteration);
  const frames = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const isHere = (frame: string) => state.nodes.has(keyOf(nodeId, frame));
  const stored = frames.every(isHere) ? new Map<string, Json>() : await results(run, prefix, nodeId);
  return Promise.all(
    frames.map(async (frame) => blobs.resolve(run.tenantId, state.nodes.get(keyOf(nodeId, frame))?.output ?? stored.get(frame) ?? null)),
  );
}

/** By iteration. Throws NodeFailure when they are more than a node may put out. */
export async function readLoopResults(
  pool: Pool,
  { tenantId, id }: Run,
  prefix: string,
  loopId: string,
): Promise<ReadonlyMap<string, Json>> {
  const where = 'tenant_id = $1 AND workflow_execution_id = $2 AND node_id = $3 AND starts_with(iteration, $4)';
  const values = [tenantId, id, loopId, prefix];
  const { rows: sizes } = await pool.query<{ bytes: number | null }>(
    `SELECT sum(octet_length(output::text))::bigint AS bytes FROM node_executions WHERE ${where}`,
    values,
  );
  const bytes = sizes[0]?.bytes ?? 0;
  if (bytes > bytesMax) {
    const message = `The results of the items have ${bytes} bytes; ${bytesMax} are kept. Let the body put out less.`;
    throw new NodeFailure('output_too_large', message, { retryable: false });
  }
  const { rows } = await pool.query<{ iteration: string; output: Json }>(
    `SELECT iteration, output FROM node_executions WHERE ${where}`,
    values,
  );
  return new Map(rows.flatMap(({ iteration, output }) => (frameOf(iteration)?.loopId === loopId ? [[iteration, output] as const] : [])));
}
