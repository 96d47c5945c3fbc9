import { keyOf, placeOf } from '@sluice/engine';
import type { Pool } from 'pg';
import { type CompiledVersions, isBroken } from '../steps/compiled-versions.js';
import { readRuns, type Run } from '../steps/run.js';
import type { RecordedNodes } from './simulate.js';

export interface RecordedRun {
  readonly run: Run;
  readonly nodes: RecordedNodes;
}

/** All of a recorded run is read at once: larger ones are not compared. */
const nodeRunsMax = 5_000;
const outputBytesMax = 64 * 1024 * 1024;

/** undefined: it is gone. `too_large`: it is more than a worker takes into its memory. */
export async function readRecordedRun(
  pool: Pool,
  versions: CompiledVersions,
  tenantId: string,
  executionId: string,
): Promise<RecordedRun | 'too_large' | undefined> {
  const { rows } = await pool.query<{ node_runs: number; output_bytes: number }>(
    'SELECT node_runs, output_bytes FROM workflow_executions WHERE tenant_id = $1 AND id = $2',
    [tenantId, executionId],
  );
  const [size] = rows;
  if (size === undefined) return undefined;
  if (size.node_runs > nodeRunsMax || size.output_bytes > outputBytesMax) return 'too_large';

  const [{ rows: frames }, { rows: effects }] = await Promise.all([
    pool.query<{ iteration: string }>(
      'SELECT DISTINCT iteration FROM node_executions WHERE tenant_id = $1 AND workflow_execution_id = $2',
      [tenantId, executionId],
    ),
    pool.query<{ node_id: string; iteration: string; request_hash: Buffer }>(
      'SELECT node_id, iteration, request_hash FROM effects WHERE tenant_id = $1 AND execution_id = $2 AND ordinal = 0',
      [tenantId, executionId],
    ),
  ]);
  const iterations = frames.map(({ iteration }) => iteration);
  const run = (await readRuns(pool, [{ tenantId, executionId, iterations }])).get(executionId);
  if (run === undefined) return undefined;

  const version = (await versions.get([run.versionId])).get(run.versionId);
  const programs = version === undefined || isBroken(version) ? undefined : version.compiled.programs;
  const hashes = new Map(effects.map(({ node_id, iteration, request_hash }) => [keyOf(node_id, iteration), request_hash]));
  const nodes = [...run.state.nodes].map(([key, node]) => {
    const type = programs?.get(placeOf(key).nodeId)?.type.type;
    const requestHash = hashes.get(key);
    return [key, { run: node, ...(type === undefined ? {} : { type }), ...(requestHash === undefined ? {} : { requestHash }) }] as const;
  });
  return { run, nodes: new Map(nodes) };
}
