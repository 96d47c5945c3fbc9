import { createHash } from 'node:crypto';
import { type Fact, inputOf } from '@sluice/engine';
import type { SlowEvaluator } from '@sluice/expressions';
import { type Json, type JsonObject } from '@sluice/kernel';
import { type EffectNodeType, type EffectTools, evaluateConfig, NodeFailure, type NodeProgram } from '@sluice/nodes';
import type { Database } from '@sluice/platform-database';
import type { Tenant } from '../tenant-directory.js';
import type { PublishedVersion } from '../steps/compiled-versions.js';
import type { EffectResult } from '../steps/commit-steps.js';
import type { Lease } from '../steps/leases.js';
import type { Run } from '../steps/run.js';
import { factOf, failureOf, scopeOf } from '../steps/run-step.js';
import { effectId, recordIntents, type Recorded } from './effect-ledger.js';

/** An effect task under lease, with all that its call needs. */
export interface EffectJob {
  readonly lease: Lease;
  readonly run: Run;
  readonly version: PublishedVersion;
  readonly tenant: Tenant;
  readonly nodeId: string;
}

export interface EffectOutcome {
  readonly job: EffectJob;
  readonly fact: Fact;
  readonly result: EffectResult | undefined;
}

/** Everything of the outside that a call may use. */
export type ToolsFor = (job: EffectJob, effectKey: string, signal: AbortSignal) => EffectTools;

type Prepared = { readonly job: EffectJob; readonly config: JsonObject; readonly input: Json; readonly node: EffectNode };
type EffectNode = NodeProgram & { readonly type: EffectNodeType };

/**
 * Evaluates, records the intents together, then calls each on its own: `done` hears of every outcome as it comes. Resolves when all
 * calls are over. A job whose lease was lost meanwhile is dropped: it is somebody else's now.
 */
export async function performEffects(
  database: Database,
  jobs: readonly EffectJob[],
  slow: SlowEvaluator,
  toolsFor: ToolsFor,
  done: (outcome: EffectOutcome) => Promise<void>,
): Promise<void> {
  const prepared: Prepared[] = [];
  const refused: EffectOutcome[] = [];
  for (const job of jobs) {
    const startedAt = new Date().toISOString();
    try {
      prepared.push(await prepare(job, slow));
    } catch (error) {
      refused.push({ job, fact: failureOf(job.nodeId, job.lease.task.attempt, startedAt, error), result: undefined });
    }
  }
  const recorded = await recordIntents(
    database,
    prepared.map(({ job, config }) => ({
      tenantId: job.run.tenantId,
      executionId: job.run.id,
      nodeId: job.nodeId,
      taskId: job.lease.task.id,
      taskEpoch: job.lease.task.epoch,
      effectSecret: job.tenant.effectSecret,
      requestHash: createHash('sha256').update(JSON.stringify(config)).digest(),
    })),
  );
  await Promise.all([
    ...refused.map(done),
    ...prepared.map(async (ready) => {
      const intent = recorded.get(effectId({ tenantId: ready.job.run.tenantId, executionId: ready.job.run.id, nodeId: ready.job.nodeId }));
      if (intent === undefined || ready.job.lease.signal.aborted) return ready.job.lease.end();
      const outcome = await perform(ready, intent, toolsFor);
      // Called off by ourselves: the intent stays, and whoever takes the task over knows that nobody knows.
      if (outcome === undefined) return ready.job.lease.end();
      await done(outcome);
    }),
  ]);
}

async function prepare(job: EffectJob, slow: SlowEvaluator): Promise<Prepared> {
  const node = job.version.compiled.programs.get(job.nodeId);
  if (node === undefined || !isEffect(node)) {
    throw new NodeFailure('node_unknown', `This version has no effect node "${job.nodeId}".`, { retryable: false });
  }
  const input = inputOf(job.version.compiled, job.run.state, job.nodeId);
  const config = await evaluateConfig(node, scopeOf(job.version, job.run, job.run.state, input, job.tenant.env), slow);
  return { job, config, input, node };
}

const isEffect = (node: NodeProgram): node is EffectNode => node.type.kind === 'effect';

async function perform({ job, config, input, node }: Prepared, intent: Recorded, toolsFor: ToolsFor): Promise<EffectOutcome | undefined> {
  const { run, lease, nodeId, version } = job;
  const { attempt } = lease.task;
  const startedAt = new Date().toISOString();
  const ledger = {
    tenantId: run.tenantId,
    executionId: run.id,
    workflowId: run.workflowId,
    nodeId,
    nodeRunId: run.state.nodes.get(nodeId)?.id ?? run.id,
    correlationId: run.correlationId,
    attempts: intent.attempts,
  };
  const policy = version.compiled.nodes.get(nodeId)?.policy;
  const effect = policy?.effect ?? node.type.effect;

  // It was sent, and only its step was lost: the outcome is taken from the ledger.
  if (intent.before === 'succeeded') {
    return { job, fact: factOf(nodeId, attempt, startedAt, { kind: 'done', handle: 'out', output: intent.response }), result: undefined };
  }
  if (intent.before === 'unknown' && effect === 'at_most_once')
    return inDoubt(job, ledger, startedAt, 'The worker stopped while it was sending.');

  const timeoutMs = policy?.timeoutMs ?? 30_000;
  const signal = AbortSignal.any([lease.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const outcome = await node.type.run(
      { config, input, trigger: run.state.input, now: new Date(), evaluate: () => undefined },
      toolsFor(job, intent.effectKey, signal),
    );
    const fact = factOf(nodeId, attempt, startedAt, outcome);
    const response = fact.type === 'node.completed' ? fact.output : null;
    return { job, fact, result: { ...ledger, state: 'succeeded', response } };
  } catch (error) {
    if (lease.signal.aborted) return undefined;
    const late = signal.aborted;
    const known = late
      ? new NodeFailure('timeout', `No outcome within ${timeoutMs} ms.`, { retryable: true, outcomeUnknown: true })
      : error;
    if (known instanceof NodeFailure && known.options.outcomeUnknown === true && effect === 'at_most_once') {
      return inDoubt(job, ledger, startedAt, known.message);
    }
    const fact = failureOf(nodeId, attempt, startedAt, known);
    return {
      job,
      fact,
      result: { ...ledger, state: 'failed', response: { error: { code: fact.error.code, message: fact.error.message } } },
    };
  }
}

const inDoubt = (job: EffectJob, ledger: Omit<EffectResult, 'state' | 'response'>, startedAt: string, why: string): EffectOutcome => {
  const error = { code: 'in_doubt', message: `${why} Nobody knows whether it arrived, and this node must not send twice.` };
  return {
    job,
    fact: { type: 'node.in_doubt', nodeId: job.nodeId, attempt: job.lease.task.attempt, error, startedAt },
    result: { ...ledger, state: 'in_doubt', response: { error } },
  };
};
