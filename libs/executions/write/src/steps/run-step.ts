import {
  advance,
  DONE_HANDLE,
  type EngineCommand,
  type EngineEvent,
  executionIsOver,
  type Fact,
  inputOf,
  type Iteration,
  keyOf,
  type NodeError,
  type NodeFact,
  type NodeRun,
  placeOf,
  type RunState,
  type Waiting,
} from '@sluice/engine';
import { ExpressionFailed, type Scope, type SlowEvaluator, StepBudget } from '@sluice/expressions';
import { type Blob, isLargerThan, type Json, type JsonObject, newId, storable } from '@sluice/kernel';
import {
  evaluateConfig,
  evaluateDeferred,
  type Locals,
  NodeFailure,
  type NodeInput,
  type NodeOutcome,
  type NodeProgram,
} from '@sluice/nodes';
import { storeClock } from '@sluice/platform-database';
import { ExpressionPoolUnavailable } from '@sluice/platform-expression-pool';
import { failpoint } from '@sluice/platform-failpoints';
import type { WorkflowSettings } from '@sluice/workflows-domain';
import { isPassing } from '../dead-letters/isolate.js';
import type { Begun, Callee } from './begin-run.js';
import { type BlobSource, keep } from './blobs.js';
import type { PublishedVersion } from './compiled-versions.js';
import { loopResults } from './loop-results.js';
import type { Run } from './run.js';
import { itemOf, partsOf, scopeOf, type Seen } from './scope.js';

/** What a step leaves to others: a node to run later or elsewhere. */
export interface FollowUp {
  readonly kind: 'step' | 'effect';
  readonly nodeId: string;
  readonly iteration: Iteration;
  readonly attempt: number;
  /** Milliseconds from the commit; 0: at once */
  readonly delayMs: number;
}

/** What a node waits for, as others look for it. */
export type Wait = { readonly nodeId: string; readonly iteration: Iteration; readonly until?: string } & (
  | {
      readonly kind: 'event';
      readonly channelId: string;
      readonly customerId: string;
      readonly kinds: readonly string[];
      /** An expression; `scope` is what it sees besides the event */
      readonly condition?: string;
      readonly scope?: JsonObject;
      readonly exclusive: boolean;
    }
  | { readonly kind: 'approval'; readonly title: string; readonly message?: string }
  | { readonly kind: 'execution'; readonly childId: string }
);

/** `nodeId` is empty for the deadline of the run. */
export interface Timer {
  readonly nodeId: string;
  readonly iteration: Iteration;
  readonly until: string;
}

/** What a node came to, with what its commit has to write besides. */
export interface Outcome {
  readonly fact: Fact;
  readonly wait?: Wait;
  readonly child?: Begun;
  readonly blobs?: readonly Blob[];
}

/** A step's outcome: everything that one fenced commit writes. */
export interface Step {
  readonly run: Run;
  readonly state: RunState;
  readonly events: readonly EngineEvent[];
  readonly followUps: readonly FollowUp[];
  readonly timers: readonly Timer[];
  readonly waits: readonly Wait[];
  /** Runs that were called */
  readonly children: readonly Begun[];
  readonly blobs: readonly Blob[];
  readonly givenUp: readonly string[];
  /** The run may have waits, timers or other tasks, which end with it */
  readonly leavesBehind: boolean;
  /** Of its tasks: 1 goes first, -1 last */
  readonly priority: number;
  readonly queue: WorkflowSettings['queue'];
  /** It waits for an event that it began to wait for while it was paused */
  readonly awaitsEvent?: boolean;
  /** What the nodes of this step came to; deciding again takes it from here instead of running them again. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

export interface StepTools {
  readonly slow: SlowEvaluator;
  /** `FUSION=off`: one node a step */
  readonly fusion: boolean;
  readonly env: JsonObject;
  readonly blobs: BlobSource;
  /** Results of items that ended in earlier steps */
  results(run: Run, prefix: string, loopId: string): Promise<ReadonlyMap<string, Json>>;
  /** Throws NodeFailure for a workflow that cannot be called. */
  callee(run: Run, workflowId: string, version: number | undefined): Promise<Callee>;
  /** Where an approval of this run is given */
  approvalUrl(run: Run, nodeId: string, iteration: Iteration): string;
}

/** A step ends at 64 nodes, 50 ms, 256 KiB of output or 500 events, so that no run keeps a worker from the others. */
const nodesMax = 64;
const millisecondsMax = 50;
const bytesMax = 256 * 1024;
const eventsMax = 500;
const callDepthMax = 8;
/** What a node's expressions come to, together: twice what any one of them may read */
const configBytesMax = 16 * 1024 * 1024;
/** Messages quote values, which may be long. */
const messageCharactersMax = 2_000;

/** What a step begins with: facts, or nodes that were left to it. */
export interface Beginning {
  readonly facts: readonly (Fact | Outcome)[];
  readonly commands?: readonly EngineCommand[];
}

/**
 * Feeds what is known to the engine and runs the in-process nodes that follow, until the run is over, waits, or comes to a boundary:
 * an effect, a timer, a budget. Writes nothing: the commit does.
 */
export async function runStep(
  version: PublishedVersion,
  run: Run,
  begin: Beginning,
  tools: StepTools,
  known: ReadonlyMap<string, Outcome> = new Map(),
): Promise<Step> {
  const graph = version.compiled;
  const workflow = { executionId: run.id, workflowId: run.workflowId, limits: version.settings.limits };
  const began = performance.now();
  const outcomes = new Map(known);
  const events: EngineEvent[] = [];
  const followUps: FollowUp[] = [];
  const waits: Wait[] = [];
  const children: Begun[] = [];
  const blobs: Blob[] = [];
  const givenUp: string[] = [];
  const pending: Outcome[] = begin.facts.map((fact) => ('fact' in fact ? fact : { fact }));
  const commands = [...(begin.commands ?? [])];
  // Of a paused run, what this step was asked to run itself; all that follows is left to be parked.
  const asked = new Set(commands);
  let state = run.state;
  let ran = 0;
  let bytes = 0;

  for (;;) {
    const next = pending.shift();
    if (next !== undefined) {
      const decision = advance(graph, workflow, state, next.fact, { now: storeClock.now(), newId, random: Math.random });
      state = decision.state;
      events.push(...decision.events);
      commands.push(...decision.commands);
      if (next.fact.type === 'run.started') for (const command of decision.commands) asked.add(command);
      givenUp.push(...decision.givenUp);
      if (decision.events.length === 0) continue;
      if (next.wait !== undefined) waits.push(next.wait);
      if (next.child !== undefined) children.push(next.child);
      if (next.blobs !== undefined) blobs.push(...next.blobs);
      continue;
    }
    const command = commands.shift();
    if (command === undefined || executionIsOver(state)) break;
    const { nodeId, iteration, attempt } = command;
    const delayMs = command.type === 'retryNode' ? command.delayMs : 0;
    const node = graph.programs.get(nodeId);
    if (node === undefined) throw new RangeError(`version ${version.id} has no node ${nodeId}`);
    if (node.type.kind === 'effect' || node.type.kind === 'task') {
      followUps.push({ kind: 'effect', nodeId, iteration, attempt, delayMs });
      if (command.type === 'runNode' && attempt === 1) pending.push({ fact: { type: 'node.started', nodeId, iteration, attempt } });
      continue;
    }
    if (state.status === 'paused' && !asked.has(command)) {
      followUps.push({ kind: 'step', nodeId, iteration, attempt, delayMs });
      continue;
    }
    const run_ = state.nodes.get(keyOf(nodeId, iteration));
    const memo = `${keyOf(nodeId, iteration)}#${attempt}${run_?.loop === undefined ? '' : ' results'}`;
    const outcome = outcomes.get(memo);
    if (outcome !== undefined) {
      pending.push(outcome);
      continue;
    }
    const spent =
      ran > 0 &&
      (!tools.fusion || ran >= nodesMax || bytes > bytesMax || events.length > eventsMax || performance.now() - began > millisecondsMax);
    if (spent || command.type === 'retryNode') {
      followUps.push({ kind: 'step', nodeId, iteration, attempt, delayMs });
      continue;
    }
    ran += 1;
    if (ran > 1) await failpoint('wrk.mid_slice');
    const result = await runInProcess(version, run, state, { nodeId, iteration, attempt }, run_, tools);
    if (result.fact.type === 'node.completed') bytes += result.fact.bytes ?? 0;
    outcomes.set(memo, result);
    pending.push(result);
  }

  const over = executionIsOver(state);
  const isWaiting = ({ nodeId, iteration }: { readonly nodeId: string; readonly iteration: Iteration }) =>
    !over && state.nodes.get(keyOf(nodeId, iteration))?.status === 'waiting';
  const kept = waits.filter(isWaiting);
  const isOpen = ({ iteration }: { readonly iteration: Iteration }) => !givenUp.some((prefix) => `${iteration}/`.startsWith(prefix));
  return {
    run,
    state,
    events,
    followUps: over ? [] : followUps.filter(isOpen),
    timers: over ? [] : timersOf(run, state, kept).filter(isOpen),
    waits: kept.filter(isOpen),
    children: children.filter(({ step }) => step.run.parent !== null && isWaiting(step.run.parent) && isOpen(step.run.parent)),
    blobs,
    givenUp,
    leavesBehind: version.settings.deadlineMs !== undefined || hasMore(run.state),
    priority: priorities[version.settings.priority],
    queue: version.settings.queue,
    outcomes,
  };
}

/** More than one node was under way, or one waited. */
function hasMore({ nodes }: RunState): boolean {
  let running = 0;
  for (const { status, loop } of nodes.values()) {
    if (loop !== undefined || status === 'waiting' || status === 'in_doubt') return true;
    if (status === 'running') running += 1;
  }
  return running > 1;
}

export const priorities = { high: 1, normal: 0, low: -1 } as const;

/** Of nodes that began to wait for a time. What waits for something else has its time there. */
function timersOf(run: Run, state: RunState, waits: readonly Wait[]): Timer[] {
  const others = new Set(waits.map(({ nodeId, iteration }) => keyOf(nodeId, iteration)));
  return [...state.nodes].flatMap(([key, node]) => {
    if (node.status !== 'waiting' || node.waitUntil === undefined || others.has(key)) return [];
    if (run.state.nodes.get(key)?.status === 'waiting') return [];
    return [{ ...placeOf(key), until: node.waitUntil }];
  });
}

export interface Attempt {
  readonly nodeId: string;
  readonly iteration: Iteration;
  readonly attempt: number;
}

async function runInProcess(
  version: PublishedVersion,
  run: Run,
  state: RunState,
  place: Attempt,
  before: NodeRun | undefined,
  tools: StepTools,
): Promise<Outcome> {
  const startedAt = storeClock.now().toISOString();
  const node = version.compiled.programs.get(place.nodeId);
  try {
    if (node === undefined) throw new NodeFailure('node_unknown', `This version has no node "${place.nodeId}".`, { retryable: false });
    if (node.type.kind === 'trigger') {
      return { fact: { type: 'node.completed', ...place, handle: 'out', output: state.input, startedAt } };
    }
    if (before?.loop !== undefined) {
      const results = await loopResults(run, state, place, before.loop.count, tools);
      return completed(tools, run, place, before.startedAt ?? startedAt, DONE_HANDLE, results);
    }
    if (node.type.kind !== 'pure') throw new NodeFailure('effect_in_step', 'An effect does not run in process.', { retryable: false });
    const input = await inputFor(version, run, state, place, node, tools);
    const outcome = node.type.run(input);
    return await outcomeOf(version, run, place, startedAt, outcome instanceof Promise ? await outcome : outcome, input, tools);
  } catch (error) {
    // No fault of the node: its task stays, and is tried again.
    if (isPassing(error)) throw error;
    return { fact: failureOf(place, startedAt, error) };
  }
}

/** What a node is given, and what its expressions saw. */
export interface SeeingInput extends NodeInput {
  readonly scope: Scope;
}

/** Everything that a node is given to run with. Throws ExpressionFailed, and NodeFailure for a config that is too large. */
export async function inputFor(
  version: PublishedVersion,
  run: Run,
  state: RunState,
  { nodeId, iteration }: Attempt,
  node: NodeProgram,
  tools: StepTools,
): Promise<SeeingInput> {
  const { tenantId } = run;
  const item = await itemOf(run, state, iteration, tools.blobs);
  const input = await tools.blobs.resolve(tenantId, inputOf(version.compiled, state, nodeId, iteration, item));
  const trigger = await tools.blobs.resolve(tenantId, state.input);
  return inputSeeing(version, run, state, { iteration, input, item, trigger }, node, tools);
}

/** The same with what it sees given. Throws ExpressionFailed, and NodeFailure for a config that is too large. */
export async function inputSeeing(
  version: PublishedVersion,
  run: Run,
  state: RunState,
  seen: Seen,
  node: NodeProgram,
  tools: StepTools,
): Promise<SeeingInput> {
  const paths = [...node.config.paths, ...[...node.deferred.values()].flatMap((deferred) => deferred.paths)];
  const scope = await scopeOf(version, run, state, seen, paths, tools);
  const steps = new StepBudget();
  const config = await evaluateConfig(node, scope, tools.slow, steps);
  if (isLargerThan(configBytesMax, config)) {
    throw new NodeFailure(
      'config_too_large',
      `The config comes to over ${configBytesMax} bytes: let its expressions select what is needed.`,
      {
        retryable: false,
      },
    );
  }
  const evaluate = (field: string, locals: Locals) => evaluateDeferred(node, field, { ...scope, ...locals }, tools.slow, steps);
  return { config, input: seen.input, trigger: seen.trigger, now: storeClock.now(), evaluate, scope };
}

const completed = (tools: StepTools, run: Run, place: Attempt, startedAt: string, handle: string, output: Json): Outcome => {
  const { value, bytes, blob } = keep(output);
  if (blob !== undefined) tools.blobs.remember(run.tenantId, blob);
  return {
    fact: { type: 'node.completed', ...place, handle, output: value, bytes, startedAt },
    ...(blob === undefined ? {} : { blobs: [blob] }),
  };
};

/** What a node's outcome tells the engine and the commit; an output that cannot be kept is a failure of the node. */
export async function outcomeOf(
  version: PublishedVersion,
  run: Run,
  place: Attempt,
  startedAt: string,
  outcome: NodeOutcome,
  { scope }: Pick<SeeingInput, 'scope'>,
  tools: StepTools,
): Promise<Outcome> {
  const waits = (waiting: Waiting): NodeFact => ({ type: 'node.waiting', ...place, waiting, startedAt });
  const { nodeId, iteration } = place;
  switch (outcome.kind) {
    case 'done':
      return completed(tools, run, place, startedAt, outcome.handle, outcome.output);
    case 'stop': {
      const stopped: Fact = { type: 'run.stopped', ...place, status: outcome.status, startedAt };
      if (outcome.output === undefined) return { fact: stopped };
      const { value: output, blob } = keep(outcome.output);
      return { fact: { ...stopped, output }, ...(blob === undefined ? {} : { blobs: [blob] }) };
    }
    case 'wait':
      return { fact: waits({ for: 'time', until: outcome.until.toISOString() }) };
    case 'loop': {
      const { value: items, blob } = keep(outcome.items);
      if (blob !== undefined) tools.blobs.remember(run.tenantId, blob);
      const fact: Fact = { type: 'node.looped', ...place, items, count: outcome.items.length, startedAt };
      return { fact, ...(blob === undefined ? {} : { blobs: [blob] }) };
    }
    case 'awaitEvent': {
      const { channelId, customerId, kinds, exclusive } = outcome;
      const until = outcome.until === undefined ? {} : { until: outcome.until.toISOString() };
      const deferred = version.compiled.programs.get(nodeId)?.deferred.get('condition');
      const condition = deferred && { condition: deferred.source, scope: storable(partsOf(scope, deferred.paths)) };
      return {
        fact: waits({ for: 'event', ...until }),
        wait: { kind: 'event', nodeId, iteration, channelId, customerId, kinds, exclusive, ...condition, ...until },
      };
    }
    case 'awaitApproval': {
      const { title, message } = outcome;
      const until = outcome.until === undefined ? {} : { until: outcome.until.toISOString() };
      const said = { title: storable(title), ...(message === undefined ? {} : { message: storable(message) }) };
      return { fact: waits({ for: 'approval', ...said, ...until }), wait: { kind: 'approval', nodeId, iteration, ...said, ...until } };
    }
    case 'call': {
      if (run.depth >= callDepthMax) {
        const message = `Workflows may call each other ${callDepthMax} deep: does one of them call itself?`;
        throw new NodeFailure('subworkflow_too_deep', message, { retryable: false });
      }
      const callee = await tools.callee(run, outcome.workflowId, outcome.version);
      const { value, blob } = keep(outcome.input);
      if (blob !== undefined) tools.blobs.remember(run.tenantId, blob);
      const child = await callee.begin(value, { executionId: run.id, nodeId, iteration }, place.attempt);
      return {
        fact: waits({ for: 'execution', calledExecutionId: child.step.run.id }),
        wait: { kind: 'execution', nodeId, iteration, childId: child.step.run.id },
        child,
        ...(blob === undefined ? {} : { blobs: [blob] }),
      };
    }
  }
}

/** What an error of a node tells the engine. What is not a NodeFailure is our own mistake: said plainly, never repeated. */
export function failureOf(place: Attempt, startedAt: string, error: unknown): Extract<Fact, { type: 'node.failed' }> {
  const { options, ...said } = causeOf(error);
  const { retryable, retryAfterMs } = options;
  return {
    type: 'node.failed',
    ...place,
    startedAt,
    error: storable<NodeError>({ ...said, message: said.message.slice(0, messageCharactersMax) }),
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function causeOf(error: unknown): NodeError & { readonly options: { readonly retryable: boolean; readonly retryAfterMs?: number } } {
  if (error instanceof NodeFailure) {
    const { details, ...options } = error.options;
    return { code: error.code, message: error.message, ...(details === undefined ? {} : { details }), options };
  }
  if (error instanceof ExpressionPoolUnavailable) return { code: 'expressions_busy', message: error.message, options: { retryable: true } };
  const code = error instanceof ExpressionFailed ? error.code : 'node_broken';
  return { code, message: error instanceof Error ? error.message : String(error), options: { retryable: false } };
}

const emptyStep = {
  leavesBehind: true,
  priority: 0,
  queue: 'default' as const,
  followUps: [],
  timers: [],
  waits: [],
  children: [],
  blobs: [],
  givenUp: [],
  outcomes: new Map<string, Outcome>(),
};

/** A step in which nothing happens but what is given. */
export const stepWith = (run: Run, changes: Partial<Step>): Step => ({ run, state: run.state, events: [], ...emptyStep, ...changes });

/** A step that ends the run because its version, or what its nodes came to, is nothing that can be worked with. */
export function failedStep(run: Run, error: NodeError): Step {
  const said = storable(error);
  return stepWith(run, {
    state: { ...run.state, status: 'failed', error: said },
    events: [{ type: 'workflow.execution.failed', aggregateId: run.id, payload: { workflowId: run.workflowId, error: said } }],
  });
}
