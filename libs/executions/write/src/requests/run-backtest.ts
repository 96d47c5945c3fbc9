import { newRun } from '@sluice/engine';
import type { BacktestEvent, RunComparison } from '@sluice/executions-domain';
import { newId, storable } from '@sluice/kernel';
import { compileWorkflow } from '@sluice/nodes';
import type { Database } from '@sluice/platform-database';
import { appendEvents, type LogEntry } from '@sluice/platform-event-log';
import { ExpressionPoolUnavailable } from '@sluice/platform-expression-pool';
import { readSettings } from '@sluice/workflows-domain';
import type { CompiledVersions, PublishedVersion } from '../steps/compiled-versions.js';
import type { Lease } from '../steps/leases.js';
import type { Run } from '../steps/run.js';
import { compareRun } from './compare-runs.js';
import { readRecordedRun } from './recorded-run.js';
import { simulate, type SimulationTools } from './simulate.js';
import type { BacktestProgress, BacktestRequest } from './worker-request.js';

/** A chunk is written after this many runs, this long, or this much to say. */
const runsMax = 50;
const millisecondsMax = 5_000;
const bytesMax = 128 * 1024;

export interface BacktestTools {
  readonly database: Database;
  readonly versions: CompiledVersions;
  /** What simulations use */
  readonly simulation: SimulationTools;
  /** What was written */
  announce(commitId: number, entries: readonly LogEntry[]): void;
  /** The worker is about to stop: what is done is written, the rest is left to another. */
  isStopping(): boolean;
}

export interface Backtest {
  readonly id: string;
  readonly tenantId: string;
  readonly workflowId: string;
  readonly request: BacktestRequest;
  readonly progress: BacktestProgress | null;
}

/**
 * Works through the runs, chunk by chunk: what was found and how far it is are one commit under the task's lease, so that whoever takes over
 * goes on behind the last chunk, and nothing is said twice. Answers false when it is not done: the worker stops.
 */
export async function runBacktest(backtest: Backtest, lease: Lease, tools: BacktestTools): Promise<boolean> {
  const { draft, executionIds } = backtest.request;
  const { workflowId } = backtest;
  let progress = backtest.progress ?? { done: 0, different: 0, parts: 0 };
  let compiled: PublishedVersion['compiled'];
  try {
    compiled = compileWorkflow(draft.graph);
  } catch (error) {
    await failBacktest(backtest, lease, tools, {
      code: 'workflow_broken',
      message: error instanceof Error ? error.message : String(error),
    });
    return true;
  }
  const version = { id: backtest.id, tenantId: backtest.tenantId, workflowId, settings: readSettings(draft.settings), compiled };

  while (progress.done < executionIds.length) {
    const began = performance.now();
    const results: RunComparison[] = [];
    let { done, different } = progress;
    let bytes = 0;
    for (const executionId of executionIds.slice(done, done + runsMax)) {
      lease.signal.throwIfAborted();
      const result = await compareOne(executionId, version, backtest, lease, tools);
      done += 1;
      if (result.differs) different += 1;
      if (result.differs || result.error !== undefined) {
        results.push(result);
        bytes += Buffer.byteLength(JSON.stringify(result));
      }
      if (bytes > bytesMax || performance.now() - began > millisecondsMax || tools.isStopping()) break;
    }
    progress = { done, different, parts: progress.parts + 1 };
    const ended = done === executionIds.length;
    const compared: BacktestEvent = {
      type: 'backtest.compared',
      aggregateId: backtest.id,
      payload: { workflowId, part: progress.parts, done, different, results },
    };
    const completed: BacktestEvent = { type: 'backtest.completed', aggregateId: backtest.id, payload: { workflowId } };
    await write(backtest, lease, tools, progress, ended ? [compared, completed] : [compared], ended);
    if (!ended && tools.isStopping()) return false;
  }
  if (executionIds.length === 0) {
    await write(
      backtest,
      lease,
      tools,
      progress,
      [{ type: 'backtest.completed', aggregateId: backtest.id, payload: { workflowId } }],
      true,
    );
  }
  return true;
}

export async function failBacktest(
  backtest: Backtest,
  lease: Lease,
  tools: Pick<BacktestTools, 'database' | 'announce'>,
  error: { readonly code: string; readonly message: string },
): Promise<void> {
  const failed: BacktestEvent = { type: 'backtest.failed', aggregateId: backtest.id, payload: { workflowId: backtest.workflowId, error } };
  await write(backtest, lease, tools, backtest.progress ?? { done: 0, different: 0, parts: 0 }, [failed], true);
}

async function compareOne(
  executionId: string,
  draft: Omit<PublishedVersion, 'version'>,
  { tenantId }: Backtest,
  lease: Lease,
  { database, versions, simulation: tools }: BacktestTools,
): Promise<RunComparison> {
  const notCompared = (eventId: string, code: string, message: string): RunComparison => ({
    eventId,
    executionId,
    differs: false,
    nodes: [],
    error: { code, message },
  });
  const recorded = await readRecordedRun(database.pool, versions, tenantId, executionId);
  if (recorded === undefined) return notCompared('', 'execution_gone', 'The run is not there any more.');
  if (recorded === 'too_large')
    return notCompared('', 'execution_too_large', 'The run has too many node runs, or too much output, to be compared.');

  const { run: live, nodes } = recorded;
  const eventId = live.trigger.webhookEventId ?? '';
  const run: Run = { ...live, version: 0, state: newRun(live.state.entryNodeId, live.state.input) };
  try {
    const simulated = await simulate({ ...draft, version: live.workflowVersion }, run, nodes, tools);
    const resolve = (value: Parameters<typeof tools.blobs.resolve>[1]) => tools.blobs.resolve(tenantId, value);
    return { eventId, executionId, ...(await compareRun(live.state, nodes, simulated, resolve)) };
  } catch (error) {
    // No fault of the run: the task stays, and is tried again.
    if (lease.signal.aborted || error instanceof ExpressionPoolUnavailable) throw error;
    return notCompared(eventId, 'simulation_failed', error instanceof Error ? error.message : String(error));
  }
}

/** One commit, fenced by the task's epoch. */
async function write(
  backtest: Backtest,
  { task }: Lease,
  { database, announce }: Pick<BacktestTools, 'database' | 'announce'>,
  progress: BacktestProgress,
  events: readonly BacktestEvent[],
  ended: boolean,
): Promise<void> {
  const { tenantId, id, request } = backtest;
  // `backtest.started` is the first event, and each part is one.
  const parts = events.some(({ type }) => type === 'backtest.compared') ? progress.parts : progress.parts + 1;
  const entries = events.map((event, index): LogEntry => ({
    id: newId(),
    event: storable(event),
    tenantId,
    aggregateVersion: 1 + parts + index,
    correlationId: request.correlationId,
  }));
  const commitId = await database.withClient(async (client) => {
    const { rowCount } = await client.query(`SELECT FROM tasks WHERE id = $1 AND epoch = $2 AND status = 'leased' FOR UPDATE`, [
      task.id,
      task.epoch,
    ]);
    if (rowCount !== 1) throw new Error('the lease was lost');
    await client.query('UPDATE worker_requests SET progress = $3, result = $4 WHERE tenant_id = $1 AND id = $2', [
      tenantId,
      id,
      JSON.stringify(progress),
      ended ? JSON.stringify({ ended }) : null,
    ]);
    if (ended) await client.query('DELETE FROM tasks WHERE id = $1', [task.id]);
    return appendEvents(client, entries);
  });
  announce(commitId, entries);
}
