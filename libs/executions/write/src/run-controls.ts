import { ExecutionNotFound, type GraphOfRun } from '@sluice/executions-domain';
import { advance, type Decision, executionIsOver, type Iteration } from '@sluice/engine';
import { newId } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import type { CommandTransaction } from '@sluice/platform-event-log';
import { type Admission, type TaskTicket, tenantAdmission, type Tickets, withhold, type WrittenTask } from '@sluice/platform-queue';
import type { PoolClient } from 'pg';
import { countEvents } from './steps/execution-metrics.js';
import type { Quotas } from '@sluice/tenancy-domain';
import type { Begun } from './steps/begin-run.js';
import type { BeginPayload } from './steps/callees.js';
import { writeBlobs, writeWork } from './steps/commit-steps.js';
import type { PublishedVersion } from './steps/compiled-versions.js';
import { readRuns, type Run } from './steps/run.js';
import { DailyExecutionsAreUsedUp, type RunLimits, runLimitsOf } from './steps/run-limits.js';
import { type FollowUp, priorities, type Step, stepWith } from './steps/run-step.js';

/** The connection that a use case's transaction is on: what workers write runs with takes that. */
export async function clientOf({ manager }: CommandTransaction): Promise<PoolClient> {
  const client: PoolClient | undefined = await manager.queryRunner?.connect();
  if (client === undefined) throw new Error('a command has a transaction of its own');
  return client;
}

/** Those of these runs that are there, locked until the transaction ends, in the order of their ids. `frames`: of each, those to look at. */
export async function lockRuns(
  tx: CommandTransaction,
  tenantId: string,
  ids: readonly string[],
  frames: (client: PoolClient, ids: readonly string[]) => Promise<ReadonlyMap<string, readonly Iteration[]>> = () =>
    Promise.resolve(new Map()),
): Promise<Run[]> {
  await tx.manager.query('SELECT FROM workflow_executions WHERE tenant_id = $1 AND id = ANY ($2) ORDER BY id FOR UPDATE', [tenantId, ids]);
  const client = await clientOf(tx);
  const iterations = await frames(client, ids);
  const keys = ids.map((executionId) => ({ tenantId, executionId, iterations: iterations.get(executionId) ?? [] }));
  return [...(await readRuns(client, keys)).values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** The run, locked until the transaction ends: nobody else commits a step of it meanwhile. */
export async function lockRun(
  tx: CommandTransaction,
  tenantId: string,
  executionId: string,
  iterations: readonly Iteration[] = [],
): Promise<Run> {
  const [run] = await lockRuns(tx, tenantId, [executionId], () => Promise.resolve(new Map([[executionId, iterations]])));
  if (run === undefined) throw new ExecutionNotFound(executionId);
  return run;
}

export const graphOf = ({ compiled, settings }: PublishedVersion): GraphOfRun => ({ compiled, limits: settings.limits });

/** What a decision leads to where no node runs: all that the engine asks for becomes tasks. */
export function stepOfDecision(version: PublishedVersion, run: Run, decision: Decision, changes: Partial<Step> = {}): Step {
  const { compiled, settings } = version;
  const workflow = { executionId: run.id, workflowId: run.workflowId };
  const followUps: FollowUp[] = [];
  const events = [...decision.events];
  let { state } = decision;
  for (const command of executionIsOver(state) ? [] : decision.commands) {
    const { nodeId, iteration, attempt } = command;
    const kind = compiled.programs.get(nodeId)?.type.kind;
    const isEffect = kind === 'effect' || kind === 'task';
    followUps.push({ kind: isEffect ? 'effect' : 'step', nodeId, iteration, attempt, delayMs: 0 });
    if (!isEffect || attempt > 1) continue;
    const fact = { type: 'node.started', nodeId, iteration, attempt } as const;
    const started = advance(compiled, workflow, state, fact, { now: storeClock.now(), newId, random: Math.random });
    state = started.state;
    events.push(...started.events);
  }
  const { givenUp } = decision;
  const { queue } = settings;
  const priority = priorities[settings.priority];
  return stepWith(run, { state, events, followUps, givenUp, priority, queue, ...changes });
}

/**
 * Writes what a command decided about runs, as a worker writes its steps: rows, tasks, waits, turns and events in one transaction. A run that
 * begins while its tenant has as many under way as it may begins later, by a task, as the event of a provider would.
 */
export async function writeSteps(
  tx: CommandTransaction,
  tickets: Tickets,
  steps: readonly Step[],
  begun: readonly Begun[] = [],
): Promise<void> {
  const tenantId = [...steps, ...begun.map(({ step }) => step)][0]?.run.tenantId;
  if (tenantId === undefined) return;
  const limits = begun.length === 0 ? undefined : await runLimits(tx, tenantId);
  const works = [
    ...steps.map((step) => ({ kind: 'step', tasks: [], step, begun: [] }) as const),
    ...begun.map((one) => ({ kind: 'step', tasks: [], step: undefined, begun: [one], limits }) as const),
  ];
  const client = await clientOf(tx);
  const written = await writeWork(client, works, await admissionOf(tx, tenantId));
  const later: Begun[] = [];
  for (const [index, { outcome }] of written.works.entries()) {
    if (outcome === 'spent') throw new DailyExecutionsAreUsedUp(storeClock.now());
    if (outcome === 'held') later.push(...(works[index]?.begun ?? []));
    else if (outcome !== 'committed') throw new Error('a locked run was fenced: the lock does not hold');
  }
  await beginLater(client, tenantId, later);
  tx.appendEntries(written.entries);
  tx.afterCommit(() => countEvents(written.entries.map(({ event }) => event)));
  issue(tx, tickets, written.tickets);
}

async function runLimits({ manager }: CommandTransaction, tenantId: string): Promise<RunLimits> {
  const [tenant]: { quotas: Quotas }[] = await manager.query('SELECT quotas FROM tenants WHERE id = $1', [tenantId]);
  return runLimitsOf(tenant?.quotas ?? {});
}

/** Their tasks wait for a ticket: the dispatchers give it when there is room. What their inputs refer to is there then. */
async function beginLater(client: PoolClient, tenantId: string, begun: readonly Begun[]): Promise<void> {
  if (begun.length === 0) return;
  await writeBlobs(
    client,
    begun.map(({ step }) => step),
  );
  const payloads = begun.map(({ first, step: { run } }): BeginPayload => {
    const { id: executionId, workflowId, workflowVersion: version, startKey, trigger, correlationId, state } = run;
    const asked = first.find((event) => event.type === 'workflow.node.triggered');
    const by = asked === undefined ? {} : { asked: { metadata: asked.payload.metadata.custom } };
    return { workflowId, version, nodeId: state.entryNodeId, startKey, trigger, input: state.input, correlationId, executionId, ...by };
  });
  await client.query(
    `INSERT INTO tasks (tenant_id, kind, payload, queue, priority) SELECT $1, 'begin', k.payload, k.queue, k.priority
     FROM unnest($2::jsonb[], $3::text[], $4::smallint[]) WITH ORDINALITY AS k(payload, queue, priority, ord) ORDER BY k.ord`,
    [
      tenantId,
      payloads.map((payload) => JSON.stringify(payload)),
      begun.map(({ step }) => step.queue),
      begun.map(({ step }) => step.priority),
    ],
  );
}

/** Those of these tasks for which their tenant has room get their tickets after the commit. */
export async function issueAfterCommit(tx: CommandTransaction, tickets: Tickets, tasks: readonly WrittenTask[]): Promise<void> {
  const [first] = tasks;
  if (first === undefined) return;
  const { manager } = tx;
  issue(tx, tickets, await withhold((text, values) => manager.query(text, values), tasks, await admissionOf(tx, first.tenantId)));
}

const admissionOf = ({ manager }: CommandTransaction, tenantId: string): Promise<Admission> =>
  tenantAdmission((text, values) => manager.query(text, values), tenantId);

function issue({ afterCommit }: CommandTransaction, tickets: Tickets, issued: readonly TaskTicket[]): void {
  if (issued.length > 0) afterCommit(async () => void (await tickets.issue(issued)));
}
