import type { ExecutionStarted, TriggerMetadata, WorkflowNodeTriggered } from '@sluice/executions-domain';
import { executionIsOver, newRun } from '@sluice/engine';
import { compileExpression } from '@sluice/expressions';
import { type Blob, type Json, type JsonObject, newId, stored } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import type { Concurrency } from '@sluice/workflows-domain';
import { isPassing } from '../dead-letters/isolate.js';
import type { PublishedVersion } from './compiled-versions.js';
import type { Parent, Run } from './run.js';
import { priorities, runStep, type Step, type StepTools, stepWith, type Timer } from './run-step.js';

/** A run that begins: its first events, and its first step. */
export interface Begun {
  readonly first: readonly (WorkflowNodeTriggered | ExecutionStarted)[];
  readonly step: Step;
  /** It needs a turn of its key. Whether it gets one is seen when it is written. */
  readonly turn?: Turn;
}

export interface Turn extends Pick<Concurrency, 'limit' | 'onLimit'> {
  readonly key: string;
  /** Instead of `step` when others hold all turns: it waits for one. */
  readonly queued: Step;
  /** Instead of `step` when others hold all turns and it is not to wait. */
  readonly dropped: Step;
}

/** A workflow that can be called, made ready to be. */
export interface Callee {
  /** `attempt`: of the node that calls; a call that is made again is another run */
  begin(input: Json, parent: Parent, attempt: number): Promise<Begun>;
}

export interface Start {
  /** It was promised to somebody; undefined: a new one */
  readonly executionId?: string | undefined;
  readonly entryNodeId: string;
  readonly startKey: string;
  readonly trigger: TriggerMetadata;
  readonly input: Json;
  readonly correlationId: string;
  readonly parent?: Parent;
  readonly depth?: number;
  /** A person or frontend asked for it: the log says so first. */
  readonly asked?: { readonly metadata: JsonObject | undefined };
}

/** A run of `version` that begins now; nothing of it is written yet. */
export function newRunOf(version: PublishedVersion, start: Start, concurrencyKey: string | null = null): Run {
  const { entryNodeId, startKey, trigger, input, correlationId, parent = null, depth = 0 } = start;
  return {
    tenantId: version.tenantId,
    id: start.executionId ?? newId(),
    workflowId: version.workflowId,
    workflowVersion: version.version,
    versionId: version.id,
    version: 0,
    startKey,
    trigger,
    customerId: trigger.customerId,
    correlationId,
    startedAt: storeClock.now().toISOString(),
    parent,
    depth,
    concurrencyKey,
    state: newRun(entryNodeId, input),
  };
}

/** Begins a run, with its first step; `later`: the first step is a task of its own. */
export async function beginRun(version: PublishedVersion, start: Start, tools: StepTools, later?: 'later'): Promise<Begun> {
  const { concurrency, deadlineMs } = version.settings;
  const key = concurrency === undefined ? null : await turnKey(concurrency, start, version.tenantId, tools);
  const { value: input, blob } = stored(start.input);
  if (blob !== undefined) tools.blobs.remember(version.tenantId, blob);
  const run = newRunOf(version, { ...start, input }, key);
  const deadline = deadlineMs === undefined ? undefined : new Date(Date.parse(run.startedAt) + deadlineMs).toISOString();
  const timers: Timer[] = deadline === undefined ? [] : [{ nodeId: '', iteration: '', until: deadline }];
  const entryTask = { kind: 'step', nodeId: start.entryNodeId, iteration: '', attempt: 1, delayMs: 0 } as const;
  const firstStep = later
    ? stepWith(run, { followUps: [entryTask], priority: priorities[version.settings.priority], queue: version.settings.queue })
    : await runStep(version, run, { facts: [{ type: 'run.started' }] }, tools);
  const blobs = blob === undefined ? [] : [blob];
  const step = {
    ...firstStep,
    blobs: [...blobs, ...firstStep.blobs],
    timers: executionIsOver(firstStep.state) ? firstStep.timers : [...firstStep.timers, ...timers],
  };
  const first = [...(start.asked === undefined ? [] : [triggeredEvent(run, start.asked.metadata)]), startedEvent(run)];
  if (concurrency === undefined || key === null) return { first, step };
  return { first, step, turn: { key, limit: concurrency.limit, onLimit: concurrency.onLimit, ...turnless(run, timers, blobs) } };
}

function turnless(run: Run, timers: readonly Timer[], blobs: readonly Blob[]): Pick<Turn, 'queued' | 'dropped'> {
  const { workflowId, id: aggregateId } = run;
  const reason = 'Another run of its concurrency key was open.';
  return {
    queued: stepWith(run, {
      state: { ...run.state, status: 'waiting' },
      events: [{ type: 'workflow.execution.waiting', aggregateId, payload: { workflowId, for: 'turn' } }],
      timers,
      blobs,
    }),
    dropped: stepWith(run, {
      state: { ...run.state, status: 'cancelled' },
      events: [{ type: 'workflow.execution.cancelled', aggregateId, payload: { workflowId, by: 'sluice', reason } }],
      blobs,
    }),
  };
}

/** null: the key found nothing, and the run needs no turn. A key that fails is as good as none: the event must start its run. */
async function turnKey({ key }: Concurrency, start: Start, tenantId: string, { slow, env, blobs }: StepTools): Promise<string | null> {
  const { trigger } = start;
  const input = await blobs.resolve(tenantId, start.input);
  const scope = { trigger: input, input, nodes: {}, execution: {}, workflow: {}, customer: { id: trigger.customerId }, env };
  try {
    const value = await compileExpression(key).evaluate(scope, slow);
    return value === undefined || value === null
      ? null
      : typeof value === 'string'
        ? value.slice(0, 500)
        : JSON.stringify(value).slice(0, 500);
  } catch (error) {
    if (isPassing(error)) throw error;
    return null;
  }
}

const triggeredEvent = (run: Run, custom: JsonObject | undefined): WorkflowNodeTriggered => ({
  type: 'workflow.node.triggered',
  aggregateId: run.id,
  payload: {
    workflowId: run.workflowId,
    nodeId: run.state.entryNodeId,
    triggerId: run.id,
    input: run.state.input,
    metadata: { ...run.trigger, ...(custom === undefined ? {} : { custom }) },
  },
});

const startedEvent = (run: Run): ExecutionStarted => ({
  type: 'workflow.execution.started',
  aggregateId: run.id,
  payload: {
    workflowId: run.workflowId,
    workflowVersion: run.workflowVersion,
    entryNodeId: run.state.entryNodeId,
    startKey: run.startKey,
    trigger: run.trigger,
    ...(run.parent === null ? {} : { parent: run.parent }),
    input: run.state.input,
  },
});
