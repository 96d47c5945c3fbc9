import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { executionIsOver } from '@sluice/engine';
import { DomainError, type Json } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import type { EntityManager } from 'typeorm';
import { ApiStepTools } from './api-step-tools.js';
import { newestVersion, versionWithId } from './find-version.js';
import { clientOf, lockRun, writeSteps } from './run-controls.js';
import { type Begun, beginRun } from './steps/begin-run.js';
import type { PublishedVersion } from './steps/compiled-versions.js';
import type { Run } from './steps/run.js';
import type { StepTools } from './steps/run-step.js';
import { NodeNotFound } from './trigger-node.js';

export class ExecutionIsUnderWay extends DomainError {
  constructor({ id, state }: Run) {
    super('conflict', 'execution_is_under_way', `The execution ${id} is ${state.status}. Cancel it first, or wait for its end.`);
  }
}

/** Which version the new run follows */
export type RerunVersion = 'same' | 'newest';

export class RerunExecution extends Command<{ executionId: string }> {
  constructor(
    readonly tenantId: string,
    readonly executionId: string,
    readonly by: string,
    readonly version: RerunVersion,
    /** undefined: that of the run */
    readonly input: Json | undefined,
  ) {
    super();
  }
}

/**
 * Begins a run anew with the same or another input. It keeps the correlation of the first and its link to the event that led to it; it is
 * nobody's call, and answers no webhook.
 */
@CommandHandler(RerunExecution)
export class RerunExecutionHandler implements ICommandHandler<RerunExecution> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
    private readonly tools: ApiStepTools,
  ) {}

  execute({ tenantId, executionId, by, version: which, input }: RerunExecution): Promise<{ executionId: string }> {
    return this.store.transaction(tenantId, async (tx) => {
      const run = await lockRun(tx, tenantId, executionId);
      const version = await versionFor(tx.manager, run, which);
      const numbers = await countReruns(tx.manager, tenantId, [executionId]);
      const tools = this.tools.toolsFor(tenantId, await clientOf(tx));
      const begun = await rerunOf(run, version, { by, input, number: numbers.get(executionId) ?? 1 }, tools);
      await writeSteps(tx, this.tickets, [], [begun]);
      return { executionId: begun.step.run.id };
    });
  }
}

/** Of a workflow that is published still, whichever version it is. */
export async function versionFor(manager: EntityManager, run: Run, which: RerunVersion): Promise<PublishedVersion> {
  const newest = await newestVersion(manager, run.tenantId, run.workflowId);
  return which === 'newest' || newest.id === run.versionId ? newest : versionWithId(manager, run.tenantId, run.versionId);
}

/** The number of each run's next repetition. The runs are locked. */
export async function countReruns(manager: EntityManager, tenantId: string, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const [rows]: [{ id: string; reruns: number }[]] = await manager.query(
    'UPDATE workflow_executions SET reruns = reruns + 1 WHERE tenant_id = $1 AND id = ANY ($2) RETURNING id, reruns',
    [tenantId, ids],
  );
  return new Map(rows.map(({ id, reruns }) => [id, reruns]));
}

export function refuseUnderWay(run: Run): void {
  if (!executionIsOver(run.state)) throw new ExecutionIsUnderWay(run);
}

export async function rerunOf(
  run: Run,
  version: PublishedVersion,
  { by, input, number }: { readonly by: string; readonly input: Json | undefined; readonly number: number },
  tools: StepTools,
): Promise<Begun> {
  refuseUnderWay(run);
  const { entryNodeId } = run.state;
  if (!version.compiled.programs.has(entryNodeId)) throw new NodeNotFound(entryNodeId);
  const clientId = run.trigger.rerunOf?.clientId ?? run.trigger.clientId;
  return beginRun(
    version,
    {
      entryNodeId,
      startKey: `x:${run.id}:${number}`,
      trigger: {
        ...run.trigger,
        source: 'rerun',
        clientId: by,
        receivedAt: storeClock.now().toISOString(),
        rerunOf: { executionId: run.id, clientId },
      },
      input: input === undefined ? run.state.input : input,
      correlationId: run.correlationId,
    },
    tools,
    'later',
  );
}
