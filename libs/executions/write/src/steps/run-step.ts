import {
  advance,
  type EngineCommand,
  type EngineEvent,
  executionIsOver,
  type Fact,
  inputOf,
  type NodeError,
  type RunState,
} from '@sluice/engine';
import { ExpressionFailed, type Scope, type SlowEvaluator } from '@sluice/expressions';
import { type Json, type JsonObject, newId } from '@sluice/kernel';
import { evaluateConfig, evaluateDeferred, type Locals, NodeFailure, type NodeOutcome } from '@sluice/nodes';
import { ExpressionPoolUnavailable } from '@sluice/platform-expression-pool';
import type { PublishedVersion } from './compiled-versions.js';
import type { Run } from './run.js';

/** What a step leaves to others: a node to run later or elsewhere. */
export interface FollowUp {
  readonly kind: 'step' | 'effect';
  readonly nodeId: string;
  readonly attempt: number;
  /** Milliseconds from the commit; 0: at once */
  readonly delayMs: number;
}

/** A step's outcome: everything that one fenced commit writes. */
export interface Step {
  readonly run: Run;
  readonly state: RunState;
  readonly events: readonly EngineEvent[];
  readonly followUps: readonly FollowUp[];
  /** Nodes that wait, and until when */
  readonly timers: readonly { readonly nodeId: string; readonly until: string }[];
  /** What the nodes of this step came to; deciding again takes it from here instead of running them again. */
  readonly outcomes: ReadonlyMap<string, Fact>;
}

export interface StepTools {
  readonly slow: SlowEvaluator;
  /** `FUSION=off`: one node a step */
  readonly fusion: boolean;
  readonly env: JsonObject;
}

/** A step ends at 64 nodes, 50 ms, 256 KiB of output or 500 events, so that no run keeps a worker from the others. */
const nodesMax = 64;
const millisecondsMax = 50;
const bytesMax = 256 * 1024;
const eventsMax = 500;

/** A node's output beyond this is refused. */
export const outputBytesMax = 256 * 1024;

/**
 * Feeds what is known to the engine and runs the in-process nodes that follow, until the run is over, waits, or comes to a boundary:
 * an effect, a timer, a budget. Touches nothing outside: the commit does.
 */
export async function runStep(
  version: PublishedVersion,
  run: Run,
  begin: { readonly facts: readonly Fact[]; readonly commands?: readonly EngineCommand[] },
  tools: StepTools,
  known: ReadonlyMap<string, Fact> = new Map(),
): Promise<Step> {
  const graph = version.compiled;
  const workflow = { executionId: run.id, workflowId: run.workflowId };
  const began = performance.now();
  const outcomes = new Map(known);
  const events: EngineEvent[] = [];
  const followUps: FollowUp[] = [];
  const facts = [...begin.facts];
  const commands = [...(begin.commands ?? [])];
  let state = run.state;
  let ran = 0;
  let bytes = 0;

  for (;;) {
    const fact = facts.shift();
    if (fact !== undefined) {
      const decision = advance(graph, workflow, state, fact, { now: new Date(), newId, random: Math.random });
      state = decision.state;
      events.push(...decision.events);
      commands.push(...decision.commands);
      continue;
    }
    const command = commands.shift();
    if (command === undefined) break;
    if (executionIsOver(state)) break;
    const { nodeId, attempt } = command;
    const node = graph.programs.get(nodeId);
    if (node === undefined) throw new RangeError(`version ${version.id} has no node ${nodeId}`);
    const outcome = outcomes.get(`${nodeId}#${attempt}`);
    if (outcome !== undefined) {
      facts.push(outcome);
      continue;
    }
    if (node.type.kind === 'effect') {
      followUps.push({ kind: 'effect', nodeId, attempt, delayMs: command.type === 'retryNode' ? command.delayMs : 0 });
      if (command.type === 'runNode') facts.push({ type: 'node.started', nodeId, attempt });
      continue;
    }
    const spent =
      ran > 0 &&
      (!tools.fusion || ran >= nodesMax || bytes > bytesMax || events.length > eventsMax || performance.now() - began > millisecondsMax);
    if (spent || command.type === 'retryNode') {
      followUps.push({ kind: 'step', nodeId, attempt, delayMs: command.type === 'retryNode' ? command.delayMs : 0 });
      continue;
    }
    ran += 1;
    const result = await runInProcess(version, run, state, nodeId, attempt, tools);
    if (result.type === 'node.completed') bytes += JSON.stringify(result.output).length;
    outcomes.set(`${nodeId}#${attempt}`, result);
    facts.push(result);
  }

  const timers = [...state.nodes].flatMap(([nodeId, node]) =>
    node.status === 'waiting' && node.waitUntil !== undefined && run.state.nodes.get(nodeId)?.status !== 'waiting'
      ? [{ nodeId, until: node.waitUntil }]
      : [],
  );
  return { run, state, events, followUps: executionIsOver(state) ? [] : followUps, timers: executionIsOver(state) ? [] : timers, outcomes };
}

async function runInProcess(
  version: PublishedVersion,
  run: Run,
  state: RunState,
  nodeId: string,
  attempt: number,
  tools: StepTools,
): Promise<Fact> {
  const startedAt = new Date().toISOString();
  const node = version.compiled.programs.get(nodeId);
  try {
    if (node === undefined) throw new NodeFailure('node_unknown', `This version has no node "${nodeId}".`, { retryable: false });
    if (node.type.kind === 'trigger') return { type: 'node.completed', nodeId, attempt, handle: 'out', output: state.input, startedAt };
    if (node.type.kind !== 'pure') throw new NodeFailure('effect_in_step', 'An effect does not run in process.', { retryable: false });
    const input = inputOf(version.compiled, state, nodeId);
    const scope = scopeOf(version, run, state, input, tools.env);
    const evaluated = evaluateConfig(node, scope, tools.slow);
    const config = evaluated instanceof Promise ? await evaluated : evaluated;
    const evaluate = (field: string, locals: Locals) => evaluateDeferred(node, field, { ...scope, ...locals }, tools.slow);
    const outcome = node.type.run({ config, input, trigger: state.input, now: new Date(), evaluate });
    return factOf(nodeId, attempt, startedAt, outcome instanceof Promise ? await outcome : outcome);
  } catch (error) {
    // No fault of the node: its task stays, and is tried again.
    if (error instanceof ExpressionPoolUnavailable) throw error;
    return failureOf(nodeId, attempt, startedAt, error);
  }
}

/** What a node's outcome tells the engine; an output that cannot be kept is a failure of the node. */
export function factOf(nodeId: string, attempt: number, startedAt: string, outcome: NodeOutcome): Fact {
  switch (outcome.kind) {
    case 'done':
      return { type: 'node.completed', nodeId, attempt, handle: outcome.handle, output: keepable(outcome.output), startedAt };
    case 'wait':
      return { type: 'node.waiting', nodeId, attempt, until: outcome.until.toISOString(), startedAt };
    case 'stop':
      return {
        type: 'run.stopped',
        nodeId,
        attempt,
        status: outcome.status,
        ...(outcome.output === undefined ? {} : { output: keepable(outcome.output) }),
        startedAt,
      };
    default:
      throw new NodeFailure('not_supported', 'Not yet.', { retryable: false });
  }
}

const unstorable = /\\u0000|\\ud[89a-f][0-9a-f]{2}/i;

/** Postgres keeps no NUL and no half of an emoji; JSON.stringify writes either as an escape. */
function keepable(output: Json): Json {
  const text = JSON.stringify(output);
  if (text.length > outputBytesMax) {
    throw new NodeFailure('output_too_large', `The output has ${text.length} bytes; ${outputBytesMax} are kept. Select what is needed.`, {
      retryable: false,
    });
  }
  return storable(output, text);
}

/** The same with what Postgres refuses replaced. */
function storable<Value>(value: Value, text = JSON.stringify(value)): Value {
  return unstorable.test(text) ? JSON.parse(text.replaceAll(/(?<!\\)((?:\\\\)*)(?:\\u0000|\\ud[89a-f][0-9a-f]{2})/gi, '$1\ufffd')) : value;
}

/** What an error of a node tells the engine. What is not a NodeFailure is our own mistake: said plainly, never repeated. */
export function failureOf(nodeId: string, attempt: number, startedAt: string, error: unknown): Extract<Fact, { type: 'node.failed' }> {
  const { options, ...said } = causeOf(error);
  const { retryable, retryAfterMs } = options;
  return {
    type: 'node.failed',
    nodeId,
    attempt,
    startedAt,
    error: storable<NodeError>(said),
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

/** A step that ends the run because its version, or what its nodes came to, is nothing that can be worked with. */
export function failedStep(run: Run, error: NodeError): Step {
  const said = storable(error);
  return {
    run,
    state: { ...run.state, status: 'failed', error: said },
    events: [{ type: 'workflow.execution.failed', aggregateId: run.id, payload: { workflowId: run.workflowId, error: said } }],
    followUps: [],
    timers: [],
    outcomes: new Map(),
  };
}

/** What an expression of this node can see. */
export function scopeOf(version: PublishedVersion, run: Run, state: RunState, input: Json, env: JsonObject): Scope {
  return {
    trigger: state.input,
    input,
    nodes: Object.fromEntries([...state.nodes].map(([id, node]) => [id, { output: node.output ?? null }])),
    execution: { id: run.id, startedAt: run.startedAt, correlationId: run.correlationId },
    workflow: { id: version.workflowId, version: version.version },
    customer: { id: run.customerId },
    env,
  };
}
