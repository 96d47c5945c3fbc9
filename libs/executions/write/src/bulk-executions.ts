import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { cancel, ExecutionNotFound } from '@sluice/executions-domain';
import type { RunStatus } from '@sluice/engine';
import { DomainError } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import { type CommandTransaction, CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import type { EntityManager } from 'typeorm';
import { ApiStepTools } from './api-step-tools.js';
import { closeLettersOf } from './dead-letters/open-dead-letters.js';
import { versionWithId } from './find-version.js';
import { holdTasks, pauseOf } from './pause-execution.js';
import { countReruns, refuseUnderWay, rerunOf, versionFor } from './rerun-execution.js';
import { releaseTasks, resumptionOf, standingOf } from './resume-execution.js';
import { renewFailedEffects, retryOf } from './retry-execution.js';
import { clientOf, issueAfterCommit, lockRuns, writeSteps } from './run-controls.js';
import type { Begun } from './steps/begin-run.js';
import type { PublishedVersion } from './steps/compiled-versions.js';
import { openIterations, type Run } from './steps/run.js';
import { type Step, stepWith } from './steps/run-step.js';

export type BulkAction = 'cancel' | 'pause' | 'resume' | 'retry' | 'rerun';

export interface ExecutionFilter {
  readonly workflowId?: string;
  readonly status?: RunStatus;
  /** ISO 8601; of the beginning: from then on */
  readonly dateFrom?: string;
  /** before then */
  readonly dateTo?: string;
  readonly customerId?: string;
  /** It failed at this node, or stands there */
  readonly nodeId?: string;
}

export interface Skipped {
  readonly executionId: string;
  readonly code: string;
  readonly reason: string;
}

export interface BulkDone {
  /** That the filter found */
  readonly count: number;
  readonly done?: number;
  readonly skipped?: readonly Skipped[];
  /** There are more than one command does */
  readonly more?: boolean;
}

export class BulkExecutions extends Command<BulkDone> {
  constructor(
    readonly tenantId: string,
    readonly by: string,
    readonly action: BulkAction,
    readonly filter: ExecutionFilter,
    readonly mode: 'do' | 'count',
  ) {
    super();
  }
}

/** One transaction, so that it is done once however often it is asked. */
export const bulkMax = 1_000;

export class StatusDoesNotFit extends DomainError {
  constructor(action: BulkAction, status: RunStatus) {
    const message = `filter.status must be ${fitting[action].join(', ')} to ${action}, not ${status}`;
    super('malformed', 'input_is_invalid', message, { errors: [{ path: 'filter.status', message }] });
  }
}

/** What is done again would be done to the same runs: a part cannot be told from the rest. */
export class BulkIsTooLarge extends DomainError {
  constructor(count: number) {
    super(
      'conflict',
      'bulk_is_too_large',
      `${count} executions fit; at most ${bulkMax} are rerun at once. Narrow the filter, for example by dates.`,
    );
  }
}

const over = ['completed', 'failed', 'cancelled', 'incomplete'] as const;
const fitting: Readonly<Record<BulkAction, readonly RunStatus[]>> = {
  cancel: ['running', 'waiting', 'paused'],
  pause: ['running', 'waiting'],
  resume: ['paused'],
  retry: ['failed'],
  rerun: over,
};

/**
 * Does the same to all runs that a filter finds, the oldest first. Each is decided by itself: what cannot be done to one, because it went on
 * meanwhile or for a reason of its own, is answered with that reason and keeps nothing from the others.
 */
@CommandHandler(BulkExecutions)
export class BulkExecutionsHandler implements ICommandHandler<BulkExecutions> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
    private readonly tools: ApiStepTools,
  ) {}

  execute({ tenantId, by, action, filter, mode }: BulkExecutions): Promise<BulkDone> {
    const { status } = filter;
    if (status !== undefined && !fitting[action].includes(status)) throw new StatusDoesNotFit(action, status);
    const where = { tenantId, filter, statuses: status === undefined ? fitting[action] : [status] };
    return this.store.transaction(tenantId, async (tx) => {
      if (mode === 'count') return { count: await countRuns(tx.manager, where) };
      const found = await findRuns(tx.manager, where);
      const more = found.length > bulkMax;
      const count = more ? await countRuns(tx.manager, where) : found.length;
      if (more && action === 'rerun') throw new BulkIsTooLarge(count);
      const ids = found.slice(0, bulkMax);
      if (ids.length === 0) return { count, done: 0, skipped: [], more };
      const skipped = await this.apply(tx, { tenantId, by, action }, ids);
      return { count, done: ids.length - skipped.length, skipped, more };
    });
  }

  private async apply(
    tx: CommandTransaction,
    { tenantId, by, action }: Pick<BulkExecutions, 'tenantId' | 'by' | 'action'>,
    ids: readonly string[],
  ): Promise<Skipped[]> {
    const runs = await lockRuns(tx, tenantId, ids, action === 'retry' ? (client) => openIterations(client, tenantId, ids) : undefined);
    const client = await clientOf(tx);
    const tools = this.tools.toolsFor(tenantId, client);
    const versions = new Map<string, Promise<PublishedVersion>>();
    const versionOf = (run: Run, find: () => Promise<PublishedVersion>) => {
      const known = versions.get(run.versionId) ?? find();
      versions.set(run.versionId, known);
      return known;
    };
    const own = (run: Run) => versionOf(run, () => versionWithId(tx.manager, tenantId, run.versionId));
    const standings = action === 'resume' ? await standingOf(client, runs) : new Map();
    const numbers = action === 'rerun' ? await countReruns(tx.manager, tenantId, ids) : new Map<string, number>();
    const decide: Readonly<Record<BulkAction, (run: Run) => Promise<Step | Begun>>> = {
      cancel: (run) => Promise.resolve(cancellationOf(run, by)),
      pause: (run) => Promise.resolve(pauseOf(run, by)),
      resume: async (run) => resumptionOf(run, await own(run), by, standings.get(run.id)),
      retry: async (run) => retryOf(run, await own(run), by),
      rerun: async (run) => {
        refuseUnderWay(run);
        const version = await versionOf(run, () => versionFor(tx.manager, run, 'same'));
        return rerunOf(run, version, { by, input: undefined, number: numbers.get(run.id) ?? 1 }, tools);
      },
    };

    const steps: Step[] = [];
    const begun: Begun[] = [];
    const there = new Set(runs.map(({ id }) => id));
    const skipped = ids.filter((id) => !there.has(id)).map((id) => skippedBecause(id, new ExecutionNotFound(id)));
    for (const run of runs) {
      try {
        const decided = await decide[action](run);
        if ('first' in decided) begun.push(decided);
        else steps.push(decided);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        skipped.push(skippedBecause(run.id, error));
      }
    }
    const changed = steps.map(({ run }) => run);
    if (action === 'pause') await holdTasks(client, changed);
    if (action === 'resume') await issueAfterCommit(tx, this.tickets, await releaseTasks(client, changed));
    await writeSteps(tx, this.tickets, steps, begun);
    if (action === 'retry') {
      await renewFailedEffects(client, tenantId, steps);
      await closeLettersOf(
        tx,
        client,
        tenantId,
        steps.map(({ run }) => run.id),
        by,
      );
    }
    return skipped;
  }
}

function cancellationOf(run: Run, by: string): Step {
  const events = cancel({ id: run.id, workflowId: run.workflowId, status: run.state.status }, by, storeClock.now());
  return stepWith(run, { state: { ...run.state, status: 'cancelled' }, events });
}

const skippedBecause = (executionId: string, { code, message: reason }: DomainError): Skipped => ({ executionId, code, reason });

interface Wanted {
  readonly tenantId: string;
  readonly filter: ExecutionFilter;
  readonly statuses: readonly RunStatus[];
}

const fits = `tenant_id = $1 AND status = ANY ($2) AND ($3::uuid IS NULL OR workflow_id = $3) AND ($4::timestamptz IS NULL OR started_at >= $4)
  AND ($5::timestamptz IS NULL OR started_at < $5) AND ($6::text IS NULL OR customer_id = $6)
  AND ($7::text IS NULL OR EXISTS (
    SELECT FROM node_executions n WHERE n.tenant_id = e.tenant_id AND n.workflow_execution_id = e.id AND n.node_id = $7
      AND (n.status IN ('running', 'waiting', 'in_doubt') OR (n.status = 'failed' AND n.handle IS NULL))))`;

const valuesOf = ({ tenantId, filter, statuses }: Wanted) => [
  tenantId,
  statuses,
  filter.workflowId ?? null,
  filter.dateFrom ?? null,
  filter.dateTo ?? null,
  filter.customerId ?? null,
  filter.nodeId ?? null,
];

/** One more than are done at once, if there are. */
async function findRuns(manager: EntityManager, wanted: Wanted): Promise<string[]> {
  const rows: { id: string }[] = await manager.query(
    `SELECT e.id FROM workflow_executions e WHERE ${fits} ORDER BY e.id LIMIT ${bulkMax + 1}`,
    valuesOf(wanted),
  );
  return rows.map(({ id }) => id);
}

async function countRuns(manager: EntityManager, wanted: Wanted): Promise<number> {
  const [row]: { count: number }[] = await manager.query(
    `SELECT count(*)::int AS count FROM workflow_executions e WHERE ${fits}`,
    valuesOf(wanted),
  );
  return row?.count ?? 0;
}
