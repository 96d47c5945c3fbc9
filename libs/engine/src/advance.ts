import { isDeepStrictEqual } from 'node:util';
import type { Json } from '@sluice/kernel';
import { type CompiledGraph, type CompiledNode, GraphIsBroken } from './compile-graph.js';
import { inputFrom, runOutput } from './data-flow.js';
import type { EngineCommand, EngineEvent, Fact, NodeFact } from './facts.js';
import { DEFAULT_HANDLE, ERROR_HANDLE, IN_DOUBT_HANDLE, type NodeError } from './graph.js';
import { edgeState, judge } from './joins.js';
import { retryDelayMs } from './retry-delay.js';
import { executionIsOver, type NodeRun, type NodeRunStatus, type RunState, type RunStatus } from './run-state.js';

/** Everything that is not in the state: time, new ids and chance, so that the same fact can be decided again. */
export interface Circumstances {
  readonly now: Date;
  readonly newId: () => string;
  /** in [0, 1) */
  readonly random: () => number;
}

export interface WorkflowOfRun {
  readonly executionId: string;
  readonly workflowId: string;
}

export interface Decision {
  readonly state: RunState;
  readonly events: EngineEvent[];
  readonly commands: EngineCommand[];
}

/** One decision in the making. It never leaves `advance`, so its maps and lists may grow in place. */
interface Turn {
  readonly graph: CompiledGraph;
  readonly workflow: WorkflowOfRun;
  readonly at: Circumstances;
  readonly before: RunState;
  readonly runs: Map<string, NodeRun>;
  state: RunState;
  readonly events: EngineEvent[];
  readonly commands: EngineCommand[];
}

/**
 * Decides what follows from a fact. Pure: the same arguments give the same decision.
 * What is late, repeated or of an older attempt decides nothing, and neither does anything once the run is over; the shell may
 * therefore decide again with the facts it has whenever the state turns out to be newer than it thought.
 */
export function advance(graph: CompiledGraph, workflow: WorkflowOfRun, state: RunState, fact: Fact, at: Circumstances): Decision {
  if (!counts(fact, state)) return { state, events: [], commands: [] };

  const runs = new Map(state.nodes);
  const turn: Turn = { graph, workflow, at, before: state, runs, state: { ...state, nodes: runs }, events: [], commands: [] };
  apply(turn, fact);
  return { state: turn.state, events: turn.events, commands: turn.commands };
}

const active: readonly NodeRunStatus[] = ['running', 'waiting', 'in_doubt'];

const expectedIn: Record<NodeFact['type'], readonly NodeRunStatus[]> = {
  'node.started': ['running'],
  'node.waiting': ['running'],
  'node.in_doubt': ['running'],
  'node.completed': active,
  'node.failed': active,
  'run.stopped': active,
};

function counts(fact: Fact, state: RunState): boolean {
  if (executionIsOver(state)) return false;
  switch (fact.type) {
    case 'run.started':
      return state.nodes.size === 0;
    case 'run.paused':
      return state.status !== 'paused';
    case 'run.resumed':
      return state.status === 'paused';
    case 'run.cancelled':
      return true;
  }
  const run = state.nodes.get(fact.nodeId);
  if (!run || !expectedIn[fact.type].includes(run.status)) return false;
  if (fact.type === 'node.started' && run.startedAt !== undefined) return false;
  return fact.attempt === undefined || fact.attempt === run.attempt;
}

function apply(turn: Turn, fact: Fact): void {
  const { workflowId } = turn.workflow;
  switch (fact.type) {
    case 'run.started':
      return begin(turn, nodeOf(turn, turn.state.entryNodeId));
    case 'run.paused':
      turn.state = { ...turn.state, status: 'paused' };
      return emit(turn, { type: 'workflow.execution.paused', payload: { workflowId, by: fact.by } });
    case 'run.resumed':
      turn.state = { ...turn.state, status: 'running' };
      emit(turn, { type: 'workflow.execution.resumed', payload: { workflowId, by: fact.by } });
      // Paused before it began: there is nothing to settle yet.
      if (turn.runs.size > 0) settle(turn);
      return;
    case 'run.cancelled':
      turn.state = { ...turn.state, status: 'cancelled' };
      return emit(turn, { type: 'workflow.execution.cancelled', payload: { workflowId, by: fact.by } });
    default:
      applyToNode(turn, fact);
      if (!executionIsOver(turn.state)) settle(turn);
  }
}

function applyToNode(turn: Turn, fact: NodeFact): void {
  const node = nodeOf(turn, fact.nodeId);
  const known = turn.runs.get(fact.nodeId);
  if (!known) return;
  const reported = 'startedAt' in fact ? fact.startedAt : undefined;
  const run = { ...known, startedAt: known.startedAt ?? reported ?? now(turn) };

  switch (fact.type) {
    case 'node.started':
      turn.runs.set(node.id, run);
      return emit(turn, { type: 'node.execution.started', payload: attemptFields(turn, node, run) });
    case 'node.completed':
      return complete(turn, node, run, fact.handle, fact.output);
    case 'node.failed': {
      if (fact.retryable && run.attempt < node.policy.retry.maxAttempts) return retry(turn, node, run, fact.error, fact.retryAfterMs);
      if (node.policy.onError === 'fail') return failForGood(turn, node, run, fact.error);
      return failOnwards(turn, node, run, fact.error, node.policy.onError === 'branch' ? ERROR_HANDLE : DEFAULT_HANDLE);
    }
    case 'node.waiting':
      turn.runs.set(node.id, { ...run, status: 'waiting', waitUntil: fact.until });
      return emit(turn, { type: 'node.execution.waiting', payload: { ...attemptFields(turn, node, run), until: fact.until } });
    case 'node.in_doubt': {
      turn.runs.set(node.id, { ...run, status: 'in_doubt', error: fact.error });
      emit(turn, { type: 'node.execution.in_doubt', payload: { ...attemptFields(turn, node, run), error: fact.error } });
      const takenOver = node.outgoing.some((edge) => edge.handle === IN_DOUBT_HANDLE);
      if (takenOver) failOnwards(turn, node, run, fact.error, IN_DOUBT_HANDLE);
      return;
    }
    case 'run.stopped':
      complete(turn, node, run, DEFAULT_HANDLE, fact.output ?? null);
      return stop(turn, node, fact.status, fact.output ?? null);
  }
}

type Started = NodeRun & { readonly startedAt: string };

function begin(turn: Turn, node: CompiledNode): void {
  // What an `all` join gets is settled by now; the others must remember it, since more may arrive.
  const arrived = node.join.mode === 'all' ? {} : { inputFrom: inputFrom(turn.graph, turn.state, node.id) };
  turn.runs.set(node.id, { id: turn.at.newId(), status: 'running', attempt: 1, ...arrived });
  turn.commands.push({ type: 'runNode', nodeId: node.id, attempt: 1 });
}

function complete(turn: Turn, node: CompiledNode, run: Started, handle: string, output: Json): void {
  const ended = { error: undefined, waitUntil: undefined, completedAt: now(turn) };
  turn.runs.set(node.id, { ...run, ...ended, status: 'completed', handle, output });
  // A trigger puts out the run's input, which the log has already.
  const known = node.id === turn.state.entryNodeId && isDeepStrictEqual(output, turn.state.input);
  emit(turn, { type: 'node.execution.completed', payload: { ...attemptFields(turn, node, run), handle, ...(known ? {} : { output }) } });
}

function retry(turn: Turn, node: CompiledNode, run: Started, error: NodeError, retryAfterMs = 0): void {
  const attempt = run.attempt + 1;
  const delayMs = retryDelayMs(node.policy.retry, run.attempt, retryAfterMs, turn.at.random());
  const retryAt = new Date(turn.at.now.getTime() + delayMs).toISOString();

  turn.runs.set(node.id, { ...run, status: 'running', attempt, error, startedAt: undefined, waitUntil: undefined });
  emit(turn, { type: 'node.execution.retried', payload: { ...attemptFields(turn, node, run), error, retryAt } });
  turn.commands.push({ type: 'retryNode', nodeId: node.id, attempt, delayMs });
}

function failForGood(turn: Turn, node: CompiledNode, run: Started, error: NodeError): void {
  turn.runs.set(node.id, { ...run, status: 'failed', error, waitUntil: undefined, completedAt: now(turn) });
  emit(turn, { type: 'node.execution.failed', payload: { ...attemptFields(turn, node, run), error } });
  failRun(turn, node, error);
}

/** The failure is the node's output, and the run goes on from `handle`. */
function failOnwards(turn: Turn, node: CompiledNode, run: Started, error: NodeError, handle: string): void {
  const { details, ...said } = error;
  const output: Json = { error: details === undefined ? said : { ...said, details } };
  turn.runs.set(node.id, { ...run, status: 'failed', handle, output, error, waitUntil: undefined, completedAt: now(turn) });
  emit(turn, { type: 'node.execution.failed', payload: { ...attemptFields(turn, node, run), error, handle } });
}

function stop(turn: Turn, node: CompiledNode, status: 'completed' | 'failed', output: Json): void {
  turn.state = { ...turn.state, output };
  if (status === 'failed') return failRun(turn, node, { code: 'stopped', message: `Node "${node.id}" stopped the run.`, details: output });
  turn.state = { ...turn.state, status };
  emit(turn, { type: 'workflow.execution.completed', payload: { workflowId: turn.workflow.workflowId, output } });
}

function failRun(turn: Turn, node: CompiledNode, error: NodeError): void {
  turn.state = { ...turn.state, status: 'failed', error };
  emit(turn, { type: 'workflow.execution.failed', payload: { workflowId: turn.workflow.workflowId, error, nodeId: node.id } });
}

/** Begins and skips what the new outcomes allow, then gives the run the status that its nodes make. */
function settle(turn: Turn): void {
  const starved = spread(turn);
  const open = [...turn.runs.values()].filter((run) => active.includes(run.status));
  if (open.length === 0) return finish(turn, starved);
  if (turn.state.status === 'paused') return;

  const { workflowId } = turn.workflow;
  const before = turn.state.status;
  const status: RunStatus = open.some((run) => run.status === 'running') ? 'running' : 'waiting';
  turn.state = { ...turn.state, status };
  if (status === 'running') {
    if (before === 'waiting') emit(turn, { type: 'workflow.execution.resumed', payload: { workflowId } });
    return;
  }
  const until = earliestWait(turn.runs);
  if (before === 'waiting' && until === earliestWait(turn.before.nodes)) return;
  emit(turn, { type: 'workflow.execution.waiting', payload: { workflowId, ...(until === undefined ? {} : { until }) } });
}

/**
 * One walk in topological order, in which every node that has not run meets the final state of the edges before it, so that
 * skipping goes all the way down at once. Returns the starved nodes: the first is the join that is to blame.
 */
function spread(turn: Turn): ReadonlySet<string> {
  const reachable = turn.graph.reachableFrom(turn.state.entryNodeId);
  const starved = new Set<string>();
  for (const node of reachable.values()) {
    if (turn.runs.has(node.id)) continue;
    const edges = node.incoming.map((edge) => edgeState(edge, reachable, turn.runs, starved));
    const verdict = judge(node.join, edges);
    if (verdict === 'run') begin(turn, node);
    if (verdict === 'skip') skip(turn, node);
    if (verdict === 'starve') starved.add(node.id);
  }
  return starved;
}

function skip(turn: Turn, node: CompiledNode): void {
  const run: NodeRun = { id: turn.at.newId(), status: 'skipped', attempt: 0, completedAt: now(turn) };
  turn.runs.set(node.id, run);
  emit(turn, { type: 'node.execution.skipped', payload: nodeFields(turn, node, run) });
}

function finish(turn: Turn, starved: ReadonlySet<string>): void {
  const { workflowId } = turn.workflow;
  const output = runOutput(turn.graph, turn.state);
  const [join] = starved;
  if (join === undefined) {
    turn.state = { ...turn.state, status: 'completed', output };
    return emit(turn, { type: 'workflow.execution.completed', payload: { workflowId, output } });
  }
  const error = { code: 'join_starved', message: `Join "${join}" can no longer get the branches it waits for.` };
  turn.state = { ...turn.state, status: 'incomplete', output, error };
  emit(turn, { type: 'workflow.execution.incomplete', payload: { workflowId, error, output } });
}

const earliestWait = (runs: ReadonlyMap<string, NodeRun>): string | undefined =>
  [...runs.values()].flatMap((run) => (run.status === 'waiting' && run.waitUntil !== undefined ? [run.waitUntil] : [])).sort()[0];

const now = (turn: Turn): string => turn.at.now.toISOString();

function nodeOf(turn: Turn, nodeId: string): CompiledNode {
  const node = turn.graph.nodes.get(nodeId);
  if (!node) throw new GraphIsBroken(`The run is at a node that its graph does not have: "${nodeId}".`);
  return node;
}

type DecidedEvent<Event = EngineEvent> = Event extends EngineEvent ? Omit<Event, 'aggregateId'> : never;

function emit(turn: Turn, event: DecidedEvent): void {
  turn.events.push({ ...event, aggregateId: turn.workflow.executionId });
}

const nodeFields = (turn: Turn, node: CompiledNode, run: NodeRun) => ({
  workflowId: turn.workflow.workflowId,
  nodeId: node.id,
  nodeRunId: run.id,
  nodeType: node.type,
  attempt: run.attempt,
});

const attemptFields = (turn: Turn, node: CompiledNode, run: Started) => ({
  ...nodeFields(turn, node, run),
  inputFrom: inputFrom(turn.graph, turn.state, node.id),
  ...(node.joined ? { joined: true as const } : {}),
  startedAt: run.startedAt,
});
