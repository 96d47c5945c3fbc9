import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { pause } from '@sluice/executions-domain';
import { storeClock } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import type { PoolClient } from 'pg';
import { clientOf, lockRun, writeSteps } from './run-controls.js';
import type { Run } from './steps/run.js';
import { type Step, stepWith } from './steps/run-step.js';

export class PauseExecution extends Command<{ id: string; status: 'paused' }> {
  constructor(
    readonly tenantId: string,
    readonly executionId: string,
    readonly by: string,
  ) {
    super();
  }
}

/**
 * Holds a run. A node that is running ends, and a wait may end; what follows them is kept until the run is resumed. Times go on: a wait that
 * is over is over, and so is the run when its deadline comes.
 */
@CommandHandler(PauseExecution)
export class PauseExecutionHandler implements ICommandHandler<PauseExecution> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  execute({ tenantId, executionId, by }: PauseExecution): Promise<{ id: string; status: 'paused' }> {
    return this.store.transaction(tenantId, async (tx) => {
      const step = pauseOf(await lockRun(tx, tenantId, executionId), by);
      await holdTasks(await clientOf(tx), [step.run]);
      await writeSteps(tx, this.tickets, [step]);
      return { id: executionId, status: 'paused' };
    });
  }
}

export function pauseOf(run: Run, by: string): Step {
  const { state, events } = pause(run, by, storeClock.now());
  return stepWith(run, { state, events });
}

/** What nobody works on yet waits until the run is resumed. The runs are locked. */
export async function holdTasks(client: PoolClient, runs: readonly Run[]): Promise<void> {
  await client.query(
    `UPDATE tasks t SET run_after = 'infinity', ticketed_at = NULL, gen = t.gen + 1
     FROM (SELECT t.id FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, id)
           JOIN tasks t ON t.tenant_id = k.tenant_id AND t.execution_id = k.id AND t.status = 'ready' AND t.kind IN ('step', 'effect')
           ORDER BY t.id FOR UPDATE OF t) k
     WHERE t.id = k.id`,
    [runs.map(({ tenantId }) => tenantId), runs.map(({ id }) => id)],
  );
}
