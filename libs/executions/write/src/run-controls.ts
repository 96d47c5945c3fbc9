import { ExecutionNotFound } from '@sluice/executions-domain';
import type { Iteration } from '@sluice/engine';
import type { CommandTransaction } from '@sluice/platform-event-log';
import type { Tickets } from '@sluice/platform-queue';
import type { PoolClient } from 'pg';
import { countEvents } from './steps/execution-metrics.js';
import type { Begun } from './steps/begin-run.js';
import { writeWork } from './steps/commit-steps.js';
import { readRuns, type Run } from './steps/run.js';
import type { Step } from './steps/run-step.js';

/** The connection that a use case's transaction is on: what workers write runs with takes that. */
export async function clientOf({ manager }: CommandTransaction): Promise<PoolClient> {
  const client: PoolClient | undefined = await manager.queryRunner?.connect();
  if (client === undefined) throw new Error('a command has a transaction of its own');
  return client;
}

/** The run, locked until the transaction ends: nobody else commits a step of it meanwhile. */
export async function lockRun(
  tx: CommandTransaction,
  tenantId: string,
  executionId: string,
  iterations: readonly Iteration[] = [],
): Promise<Run> {
  await tx.manager.query('SELECT FROM workflow_executions WHERE tenant_id = $1 AND id = $2 FOR UPDATE', [tenantId, executionId]);
  const run = (await readRuns(await clientOf(tx), [{ tenantId, executionId, iterations }])).get(executionId);
  if (run === undefined) throw new ExecutionNotFound(executionId);
  return run;
}

/** Writes what a command decided about runs, as a worker writes its steps: rows, tasks, waits, turns and events in one transaction. */
export async function writeSteps(
  tx: CommandTransaction,
  tickets: Tickets,
  steps: readonly Step[],
  begun: readonly Begun[] = [],
): Promise<void> {
  const works = steps.map((step) => ({ kind: 'step', tasks: [], step, begun: [] }) as const);
  const written = await writeWork(await clientOf(tx), [...works, { kind: 'step', tasks: [], step: undefined, begun }]);
  tx.appendEntries(written.entries);
  tx.afterCommit(async () => {
    countEvents(written.entries.map(({ event }) => event));
    if (written.tickets.length > 0) await tickets.issue(written.tickets);
  });
}
