import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ExecutionNotFound, retry } from '@sluice/executions-domain';
import type { Iteration } from '@sluice/engine';
import { storeClock } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import type { PoolClient } from 'pg';
import { closeLettersOf } from './dead-letters/open-dead-letters.js';
import { type EffectPlace, effectKey } from './effects/effect-ledger.js';
import { versionWithId } from './find-version.js';
import { clientOf, graphOf, lockRuns, stepOfDecision, writeSteps } from './run-controls.js';
import type { PublishedVersion } from './steps/compiled-versions.js';
import { openIterations, type Run } from './steps/run.js';
import type { Step } from './steps/run-step.js';

export interface RetriedNode {
  readonly nodeId: string;
  readonly iteration?: Iteration;
}

export interface Retried {
  readonly id: string;
  readonly status: 'running';
  /** Nodes that are tried again; in loops, with their item */
  readonly nodes: readonly RetriedNode[];
  /** The run that called this one. `waits` false: it has gone on with the failure, and does not hear how the retry ends. */
  readonly caller?: { readonly executionId: string; readonly waits: boolean };
}

export class RetryExecution extends Command<Retried> {
  constructor(
    readonly tenantId: string,
    readonly executionId: string,
    readonly by: string,
    /** Must have failed; without it any node may */
    readonly named?: { readonly nodeId: string; readonly iteration: Iteration },
  ) {
    super();
  }
}

/**
 * Lets a failed run go on from where it failed, also within loops: all that failed or was under way when it ended is tried again, with all
 * attempts of its policy. A call that is known to have failed is sent with a new key; one whose outcome nobody knows keeps its key, so that
 * a target that got it recognises it. A run that was called does not resume its caller twice: the caller got the failure and has gone on.
 */
@CommandHandler(RetryExecution)
export class RetryExecutionHandler implements ICommandHandler<RetryExecution> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  execute({ tenantId, executionId, by, named }: RetryExecution): Promise<Retried> {
    return this.store.transaction(tenantId, async (tx) => {
      const place = named === undefined ? [] : [named.iteration];
      const frames = async (client: PoolClient) =>
        new Map([[executionId, [...place, ...((await openIterations(client, tenantId, [executionId])).get(executionId) ?? [])]]]);
      const [run] = await lockRuns(tx, tenantId, [executionId], frames);
      if (run === undefined) throw new ExecutionNotFound(executionId);
      const step = retryOf(run, await versionWithId(tx.manager, tenantId, run.versionId), by, named);
      const client = await clientOf(tx);
      const caller = run.parent === null ? undefined : { executionId: run.parent.executionId, waits: await callerWaits(client, run) };
      await writeSteps(tx, this.tickets, [step]);
      await renewFailedEffects(client, tenantId, [step]);
      await closeLettersOf(tx, client, tenantId, [executionId], by);
      return { id: executionId, status: 'running', nodes: nodesOf(step), ...(caller === undefined ? {} : { caller }) };
    });
  }
}

/** Its waits, timers and tasks ended with it; the nodes make new ones. So does the deadline, counted anew when it has passed. */
export function retryOf(run: Run, version: PublishedVersion, by: string, named?: RetryExecution['named']): Step {
  const now = storeClock.now();
  const decision = retry(run, graphOf(version), by, now, named);
  const { deadlineMs } = version.settings;
  const deadlineFrom = (start: number) => start + (deadlineMs ?? 0);
  const first = deadlineFrom(Date.parse(run.startedAt));
  const until = new Date(first > now.getTime() ? first : deadlineFrom(now.getTime())).toISOString();
  return stepOfDecision(version, run, decision, { timers: deadlineMs === undefined ? [] : [{ nodeId: '', iteration: '', until }] });
}

const nodesOf = ({ events }: Step): readonly RetriedNode[] =>
  events.flatMap((event) => (event.type === 'workflow.execution.retried' ? event.payload.nodes : []));

async function callerWaits(client: PoolClient, { tenantId, id, parent }: Run): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM waits WHERE tenant_id = $1 AND execution_id = $2 AND child_execution_id = $3', [
    tenantId,
    parent?.executionId,
    id,
  ]);
  return rowCount === 1;
}

/**
 * Calls that are known to have failed get a new key: a target that kept the failure under the old one would only repeat it. One whose last
 * attempt may have arrived keeps its own, by which the target, or its proof, knows it.
 */
export async function renewFailedEffects(client: PoolClient, tenantId: string, steps: readonly Step[]): Promise<void> {
  const places = steps.flatMap((step) =>
    nodesOf(step).map(({ nodeId, iteration = '' }): EffectPlace => ({ tenantId, executionId: step.run.id, nodeId, iteration })),
  );
  if (places.length === 0) return;
  const { rows: failed } = await client.query<{
    execution_id: string;
    node_id: string;
    iteration: string;
    generation: number;
    secret: Buffer;
  }>(
    `SELECT e.execution_id, e.node_id, e.iteration, e.generation, t.effect_secret AS secret
     FROM unnest($2::uuid[], $3::text[], $4::text[]) AS k(execution_id, node_id, iteration)
     JOIN effects e ON e.tenant_id = $1 AND e.execution_id = k.execution_id AND e.node_id = k.node_id AND e.iteration = k.iteration
     JOIN tenants t ON t.id = e.tenant_id
     WHERE e.state = 'failed' AND (e.response #>> '{unknown,attempts}')::int IS DISTINCT FROM e.attempts ORDER BY 1, 2, 3 FOR UPDATE OF e`,
    [tenantId, places.map(({ executionId }) => executionId), places.map(({ nodeId }) => nodeId), places.map(({ iteration }) => iteration)],
  );
  await client.query(
    `UPDATE effects e SET generation = e.generation + 1, effect_key = v.key, updated_at = now()
     FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS v(execution_id, node_id, iteration, key)
     WHERE e.tenant_id = $1 AND e.execution_id = v.execution_id AND e.node_id = v.node_id AND e.iteration = v.iteration`,
    [
      tenantId,
      failed.map((row) => row.execution_id),
      failed.map((row) => row.node_id),
      failed.map((row) => row.iteration),
      failed.map((row) =>
        effectKey(row.secret, { executionId: row.execution_id, nodeId: row.node_id, iteration: row.iteration }, row.generation + 1),
      ),
    ],
  );
}
