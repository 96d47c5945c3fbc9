import { DEFAULT_HANDLE, type Iteration, keyOf, type SentMessages } from '@sluice/engine';
import type { EffectHeld } from '@sluice/executions-domain';
import { isJsonObject, type Json, type JsonObject, newId } from '@sluice/kernel';
import {
  type EffectNodeType,
  type EffectTools,
  NodeFailure,
  type NodeInput,
  type NodeOutcome,
  type NodeProgram,
  sentMessages,
  type TaskNodeType,
  type TaskTools,
} from '@sluice/nodes';
import { type Database, isOutage, storeClock } from '@sluice/platform-database';
import type { LogEntry } from '@sluice/platform-event-log';
import type { EffectResult } from '../steps/commit-steps.js';
import type { PublishedVersion } from '../steps/compiled-versions.js';
import type { Lease } from '../steps/leases.js';
import type { Run } from '../steps/run.js';
import { type Attempt, failureOf, inputFor, type Outcome, outcomeOf, type SeeingInput, type StepTools } from '../steps/run-step.js';
import type { Tenant } from '../tenant-directory.js';
import { failpoint } from '@sluice/platform-failpoints';
import { outgoingEvents } from './customer-events.js';
import { type EffectPlace, effectId, putOffEffect, recordIntents, type Recorded, requestHashOf } from './effect-ledger.js';
import { PutOff } from './put-off.js';

/** A task under lease that calls the outside or runs by itself, with all that it needs. */
export interface EffectJob {
  readonly lease: Lease;
  readonly run: Run;
  readonly version: PublishedVersion;
  readonly tenant: Tenant;
  readonly nodeId: string;
  readonly iteration: Iteration;
}

export interface EffectOutcome {
  readonly job: EffectJob;
  readonly outcome: Outcome;
  readonly result: EffectResult | undefined;
}

/** Everything of the outside that an attempt may use. */
export type AttemptTools = EffectTools &
  TaskTools & {
    /** Hears of what the node failed with, before it is written, and may put it off instead. */
    failed?(failure: NodeFailure): Promise<PutOff | undefined>;
  };

/** `intent`: undefined for what the ledger does not know */
export type ToolsFor = (job: EffectJob, effectKey: string, signal: AbortSignal, intent: Recorded | undefined) => AttemptTools;

interface Prepared {
  readonly job: EffectJob;
  readonly input: SeeingInput;
  readonly type: EffectNodeType | TaskNodeType;
  readonly tools: StepTools;
}

const placeOf = ({ run, nodeId, iteration }: EffectJob): EffectPlace => ({
  tenantId: run.tenantId,
  executionId: run.id,
  nodeId,
  iteration,
});
const attemptOf = ({ nodeId, iteration, lease }: EffectJob): Attempt => ({ nodeId, iteration, attempt: lease.task.attempt });

/**
 * Evaluates, records the intents together, then calls each on its own: `done` hears of every outcome as it comes, `failed` of what could not
 * even be put off. Resolves when all calls are over; rejects only before the first. A job whose lease was lost meanwhile is dropped: it is
 * somebody else's now.
 */
export async function performEffects(
  database: Database,
  jobs: readonly EffectJob[],
  stepTools: (tenant: Tenant) => StepTools,
  toolsFor: ToolsFor,
  done: (outcome: EffectOutcome) => Promise<void>,
  failed: (job: EffectJob, error: unknown) => Promise<void>,
): Promise<void> {
  const prepared: Prepared[] = [];
  const refused: EffectOutcome[] = [];
  for (const job of jobs) {
    const startedAt = storeClock.now().toISOString();
    try {
      prepared.push(await prepare(job, stepTools(job.tenant)));
    } catch (error) {
      // Nothing is sent yet: all of them wait for the database.
      if (isOutage(error)) throw error;
      refused.push({ job, outcome: { fact: failureOf(attemptOf(job), startedAt, error) }, result: undefined });
    }
  }
  const recorded = await recordIntents(
    database,
    prepared
      .filter(({ type }) => type.kind === 'effect')
      .map(({ job, input }) => ({
        ...placeOf(job),
        taskId: job.lease.task.id,
        taskEpoch: job.lease.task.epoch,
        effectSecret: job.tenant.effectSecret,
        requestHash: requestHashOf(input.config),
      })),
  );
  if (recorded.size > 0) await failpoint('wrk.after_intent');
  const perform = async (ready: Prepared): Promise<void> => {
    const { job, type } = ready;
    const intent = recorded.get(effectId(placeOf(job)));
    if ((type.kind === 'effect' && intent === undefined) || job.lease.signal.aborted) return job.lease.end();
    const outcome = intent === undefined ? await performTask(ready, toolsFor) : await performEffect(database, ready, intent, toolsFor);
    // Called off by ourselves, or the database went away under it: the intent stays, and whoever takes the task over knows that nobody knows.
    // Or put off.
    if (outcome === undefined) return job.lease.end();
    await done(outcome);
  };
  await Promise.all([...refused.map(done), ...prepared.map((ready) => perform(ready).catch((error: unknown) => failed(ready.job, error)))]);
}

async function prepare(job: EffectJob, tools: StepTools): Promise<Prepared> {
  const node: NodeProgram | undefined = job.version.compiled.programs.get(job.nodeId);
  if (node === undefined || !(node.type.kind === 'effect' || node.type.kind === 'task')) {
    throw new NodeFailure('node_unknown', `This version has no node "${job.nodeId}" that calls anything.`, { retryable: false });
  }
  return { job, input: await inputFor(job.version, job.run, job.run.state, attemptOf(job), node, tools), type: node.type, tools };
}

const timeoutOf = ({ version, nodeId }: EffectJob): number => version.compiled.nodes.get(nodeId)?.policy.timeoutMs ?? 30_000;

async function performTask({ job, input, type, tools }: Prepared, toolsFor: ToolsFor): Promise<EffectOutcome | undefined> {
  const { lease, run, version } = job;
  const startedAt = storeClock.now().toISOString();
  const timeoutMs = timeoutOf(job);
  const signal = AbortSignal.any([lease.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const came = await type.run(input, toolsFor(job, '', signal, undefined));
    return { job, outcome: await outcomeOf(version, run, attemptOf(job), startedAt, came, input, tools), result: undefined };
  } catch (error) {
    if (lease.signal.aborted || isOutage(error)) return undefined;
    const known = signal.aborted ? new NodeFailure('timeout', `No outcome within ${timeoutMs} ms.`, { retryable: true }) : error;
    return { job, outcome: { fact: failureOf(attemptOf(job), startedAt, known) }, result: undefined };
  }
}

async function performEffect(
  database: Database,
  { job, input, type, tools }: Prepared,
  intent: Recorded,
  toolsFor: ToolsFor,
): Promise<EffectOutcome | undefined> {
  const { run, lease, nodeId, iteration, version } = job;
  const place = attemptOf(job);
  const startedAt = storeClock.now().toISOString();
  const ledger = {
    ...placeOf(job),
    workflowId: run.workflowId,
    nodeRunId: run.state.nodes.get(keyOf(nodeId, iteration))?.id ?? run.id,
    correlationId: run.correlationId,
    attempts: intent.attempts,
  };
  const ofType = type.kind === 'effect' ? type.effect : undefined;
  const effect = version.compiled.nodes.get(nodeId)?.policy.effect ?? ofType;
  const isProven = effect === 'verify' && type.kind === 'effect' && type.proof !== undefined;

  // It was sent, and only its step was lost: the outcome is taken from the ledger.
  if (intent.before === 'succeeded') {
    const { handle, output } = remembered(intent.response);
    const sent = sentOf(input, output);
    return { job, outcome: { fact: { type: 'node.completed', ...place, startedAt, handle, output, ...sent } }, result: undefined };
  }
  if (intent.before === 'unknown' && effect === 'at_most_once')
    return inDoubt(job, ledger, startedAt, 'The worker stopped while it was sending.');

  const timeoutMs = timeoutOf(job);
  const signal = AbortSignal.any([lease.signal, AbortSignal.timeout(timeoutMs)]);
  const outside = toolsFor(job, intent.effectKey, signal, intent);
  try {
    let came = intent.before === 'unknown' && isProven ? await provenOutcome(database, job, input, type.proof, intent) : undefined;
    if (came === undefined) {
      const lost = isProven ? lostAttempt(intent.response) : undefined;
      if (lost !== undefined) throw lost;
      await failpoint('wrk.before_send');
      // It stood still since the intent: somebody else may be sending by now.
      if (!lease.isHeld()) return undefined;
      came = await type.run(input, outside);
      await failpoint('wrk.after_send');
    }
    const outcome = await outcomeOf(version, run, place, startedAt, came, input, tools);
    const { fact } = outcome;
    if (fact.type !== 'node.completed') return { job, outcome, result: { ...ledger, state: 'succeeded', response: null } };
    const { handle, output } = fact;
    const sent = sentOf(input, output);
    return {
      job,
      outcome: { ...outcome, fact: { ...fact, ...sent } },
      result: { ...ledger, state: 'succeeded', response: { handle, output }, ...sent },
    };
  } catch (thrown) {
    if (lease.signal.aborted || isOutage(thrown)) return undefined;
    const error = (thrown instanceof NodeFailure && (await outside.failed?.(thrown))) || thrown;
    if (error instanceof PutOff && error.delay.isFirstCall) {
      const since = error.delay.ends ? (putOffSince(intent.response) ?? startedAt) : undefined;
      if (since === undefined || Date.parse(startedAt) - Date.parse(since) < putOffMsMax) {
        const response = {
          ...errorOf(error),
          ...(since === undefined ? {} : { putOffSince: since }),
          ...(error.delay.heldFor === undefined ? {} : { heldFor: error.delay.heldFor }),
          ...unknownOf(error, intent, startedAt),
          ...lostOf(intent.response),
        };
        await putOffEffect(database, lease.task, placeOf(job), intent, response, error.delay, heldNow(error, intent, ledger));
        return undefined;
      }
    }
    const known = signal.aborted
      ? new NodeFailure('timeout', `No outcome within ${timeoutMs} ms.`, { retryable: true, outcomeUnknown: true })
      : error;
    if (known instanceof NodeFailure && known.options.outcomeUnknown === true) {
      if (effect === 'at_most_once') return inDoubt(job, ledger, startedAt, known.message);
      if (isProven) {
        const response = { ...errorOf(proofAwaited()), ...unknownOf(known, intent, startedAt), lost: lostFrom(known) };
        await putOffEffect(database, lease.task, placeOf(job), { ...intent, before: 'unknown' }, response, { afterMs: proofPauseMs });
        return undefined;
      }
    }
    const fact = failureOf(place, startedAt, known);
    return {
      job,
      outcome: { fact },
      result: { ...ledger, state: 'failed', response: { ...errorOf(fact.error), ...unknownOf(known, intent, startedAt) } },
    };
  }
}

const errorOf = ({ code, message }: { readonly code: string; readonly message: string }) => ({ error: { code, message } });

function sentOf(input: NodeInput, output: Json): { readonly sent?: SentMessages } {
  const sent = sentMessages(input, output);
  return sent === undefined ? {} : { sent };
}

/** What the ledger remembers of an attempt that may have arrived: this one, or the one before if this one was not made. */
function unknownOf(error: unknown, { unknownSince, attempts }: Recorded, startedAt: string): JsonObject {
  if (error instanceof LostBefore || (error instanceof PutOff && error.delay.isFirstCall)) {
    return unknownSince === undefined ? {} : { unknown: { since: unknownSince.toISOString(), attempts } };
  }
  return error instanceof NodeFailure && error.options.outcomeUnknown === true ? { unknown: { since: startedAt, attempts } } : {};
}

/** So long after an attempt of which nobody knows whether it arrived its echo or receipt may still come. */
const proofMsMax = 30_000;
const proofPauseMs = 3_000;

/**
 * Did the last attempt arrive? The outcome if what the provider told since proves it; undefined: it is to be sent again. Nothing proves that it
 * did not arrive; but what was not told by now will not be.
 */
async function provenOutcome(
  database: Database,
  job: EffectJob,
  input: NodeInput,
  proof: NonNullable<EffectNodeType['proof']>,
  { effectKey, since, unknownSince }: Recorded,
): Promise<NodeOutcome | undefined> {
  const events = await outgoingEvents(database.pool, placeOf(job), proof.addressee(input), since);
  const output = proof.find(input, effectKey, events);
  if (output !== undefined) return { kind: 'done', handle: DEFAULT_HANDLE, output };
  if (unknownSince === undefined || storeClock.now().getTime() - unknownSince.getTime() >= proofMsMax) return undefined;
  throw proofAwaited();
}

function proofAwaited(): PutOff {
  const message = 'Nobody knows whether the last attempt arrived: what the provider tells of it is waited for before it is sent again.';
  return new PutOff('proof_awaited', message, { afterMs: proofPauseMs, isFirstCall: true, ends: false });
}

/** How an attempt failed that may have arrived. It fails with that in the end, the last one too, unless there is proof that it did arrive. */
function lostFrom({ code, message, options: { retryable, retryAfterMs, details } }: NodeFailure): JsonObject {
  return {
    code,
    message,
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(details === undefined ? {} : { details }),
  };
}

const lostOf = (response: Json): JsonObject => (isJsonObject(response) && isJsonObject(response['lost']) ? { lost: response['lost'] } : {});

/** The failure of the attempt before this one, which was not made */
class LostBefore extends NodeFailure {}

function lostAttempt(response: Json): LostBefore | undefined {
  const { lost } = lostOf(response);
  if (!isJsonObject(lost)) return undefined;
  const { code, message, retryable, retryAfterMs, details } = lost;
  return new LostBefore(String(code), String(message), {
    retryable: retryable === true,
    ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
    ...(details === undefined ? {} : { details }),
  });
}

/** For how long one attempt is put off before it counts as failed */
const putOffMsMax = 15 * 60_000;

/** What the log is told of a send that waits for its channel: once, not each time that it looks again. */
function heldNow(
  { delay: { heldFor } }: PutOff,
  { response }: Recorded,
  { tenantId, executionId, workflowId, nodeId, iteration, nodeRunId, correlationId }: Omit<EffectResult, 'state' | 'response'>,
): LogEntry | undefined {
  if (heldFor === undefined || (isJsonObject(response) && response['heldFor'] === heldFor)) return undefined;
  const place = { executionId, workflowId, nodeId, ...(iteration === '' ? {} : { iteration }), nodeRunId };
  const event: EffectHeld = { type: 'node.effect.held', aggregateId: newId(), payload: { ...place, channelId: heldFor } };
  return { event, tenantId, aggregateVersion: 1, correlationId, causationId: executionId };
}

/** Since when this attempt has been put off; undefined when the last one was made. */
function putOffSince(response: Json): string | undefined {
  const since = isJsonObject(response) ? response['putOffSince'] : undefined;
  return typeof since === 'string' ? since : undefined;
}

/** How the node was left and what it put out, as the ledger has it; a release before this one kept the output alone. */
function remembered(response: Json): { readonly handle: string; readonly output: Json } {
  if (isJsonObject(response) && typeof response['handle'] === 'string' && Object.keys(response).length === 2) {
    return { handle: response['handle'], output: response['output'] ?? null };
  }
  return { handle: 'out', output: response };
}

const inDoubt = (job: EffectJob, ledger: Omit<EffectResult, 'state' | 'response'>, startedAt: string, why: string): EffectOutcome => {
  const error = { code: 'in_doubt', message: `${why} Nobody knows whether it arrived, and this node must not send twice.` };
  return {
    job,
    outcome: { fact: { type: 'node.in_doubt', ...attemptOf(job), error, startedAt } },
    result: { ...ledger, state: 'in_doubt', response: { error } },
  };
};
