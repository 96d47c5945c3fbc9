import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { resume } from '@sluice/executions-domain';
import type { RunStatus } from '@sluice/engine';
import { storeClock } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets, type WrittenTask, writtenTask } from '@sluice/platform-queue';
import type { PoolClient } from 'pg';
import { versionWithId } from './find-version.js';
import { clientOf, graphOf, issueAfterCommit, lockRun, stepOfDecision, writeSteps } from './run-controls.js';
import type { PublishedVersion } from './steps/compiled-versions.js';
import type { Run } from './steps/run.js';
import type { Step } from './steps/run-step.js';

export class ResumeExecution extends Command<{ id: string; status: RunStatus }> {
  constructor(
    readonly tenantId: string,
    readonly executionId: string,
    readonly by: string,
  ) {
    super();
  }
}

/** Lets a paused run go on: all that was held is due at once, also what had waited for a later attempt. */
@CommandHandler(ResumeExecution)
export class ResumeExecutionHandler implements ICommandHandler<ResumeExecution> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  execute({ tenantId, executionId, by }: ResumeExecution): Promise<{ id: string; status: RunStatus }> {
    return this.store.transaction(tenantId, async (tx) => {
      const run = await lockRun(tx, tenantId, executionId);
      const client = await clientOf(tx);
      const standing = (await standingOf(client, [run])).get(run.id);
      const step = resumptionOf(run, await versionWithId(tx.manager, tenantId, run.versionId), by, standing);
      await issueAfterCommit(tx, this.tickets, await releaseTasks(client, [run]));
      await writeSteps(tx, this.tickets, [step]);
      return { id: executionId, status: step.state.status };
    });
  }
}

/** What a paused run waits for besides its nodes. */
export interface Standing {
  /** For its turn: it was paused before it began */
  readonly queued: boolean;
  readonly awaitsEvent: boolean;
}

export async function standingOf(client: PoolClient, runs: readonly Run[]): Promise<ReadonlyMap<string, Standing>> {
  const { rows } = await client.query<{ id: string; queued: boolean; awaits_event: boolean }>(
    `SELECT k.id, EXISTS (SELECT FROM turns t WHERE t.tenant_id = k.tenant_id AND t.execution_id = k.id AND t.state = 'queued') AS queued,
            EXISTS (SELECT FROM waits w WHERE w.tenant_id = k.tenant_id AND w.execution_id = k.id AND w.kind = 'event') AS awaits_event
     FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, id)`,
    [runs.map(({ tenantId }) => tenantId), runs.map(({ id }) => id)],
  );
  return new Map(rows.map(({ id, queued, awaits_event: awaitsEvent }) => [id, { queued, awaitsEvent }]));
}

export function resumptionOf(run: Run, version: PublishedVersion, by: string, standing: Standing | undefined): Step {
  const decision = resume(run, graphOf(version), by, storeClock.now(), standing?.queued === true && run.state.nodes.size === 0);
  return stepOfDecision(version, run, decision, standing?.awaitsEvent === true ? { awaitsEvent: true } : {});
}

/** What was held while the runs were paused is due. The runs are locked. */
export async function releaseTasks(client: PoolClient, runs: readonly Run[]): Promise<WrittenTask[]> {
  const { rows } = await client.query<WrittenTask>(
    `UPDATE tasks t SET run_after = now(), ticketed_at = now()
     FROM (SELECT t.id FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, id)
           JOIN tasks t ON t.tenant_id = k.tenant_id AND t.execution_id = k.id AND t.status = 'ready' AND t.run_after = 'infinity'
           ORDER BY t.id FOR UPDATE OF t) k
     WHERE t.id = k.id RETURNING ${writtenTask('t')}`,
    [runs.map(({ tenantId }) => tenantId), runs.map(({ id }) => id)],
  );
  return rows;
}
