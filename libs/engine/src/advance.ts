import { isDeepStrictEqual } from 'node:util';
import type { Json } from '@sluice/kernel';
import { type CompiledGraph, type CompiledNode, GraphIsBroken } from './compile-graph.js';
import { inputFrom, lastNodes, outputOfNodes, regionOf } from './data-flow.js';
import type { EngineCommand, EngineEvent, Fact, NodeFact, NodePlace, SentMessages } from './facts.js';
import { frameOf, frameOfItem, framesAround, type Iteration, keyOf, placeOf } from './frames.js';
import { DEFAULT_HANDLE, DONE_HANDLE, ERROR_HANDLE, IN_DOUBT_HANDLE, ITEM_HANDLE, type NodeError } from './graph.js';
import { edgeState, judge } from './joins.js';
import { retryDelayMs } from './retry-delay.js';
import { executionIsOver, type LoopProgress, type NodeRun, type NodeRunStatus, type RunState, type RunStatus } from './run-state.js';

/** Everything that is not in the state: time, new ids and chance, so that the same fact can be decided again. */
export interface Circumstances {
  readonly now: Date;
  readonly newId: () => string;
  /** in [0, 1) */
  readonly random: () => number;
}

/** What a run may use; beyond it the run ends with `limit_exceeded`. */
export interface RunLimits {
  readonly nodeRuns: number;
  readonly events: number;
  readonly outputBytes: number;
}

export interface WorkflowOfRun {
  readonly executionId: string;
  readonly workflowId: string;
  readonly limits?: RunLimits;
}

export interface Decision {
  readonly state: RunState;
  readonly events: EngineEvent[];
  readonly commands: EngineCommand[];
  /** What waits or is queued for nodes in these frames is not needed any more: every iteration that, with a `/` behind it, begins so. */
  readonly givenUp: readonly string[];
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
  readonly givenUp: string[];
}

/**
 * Decides what follows from a fact. Pure: the same arguments give the same decision.
 * What is late, repeated or of an older attempt decides nothing, and neither does anything once the run is over; the shell may
 * therefore decide again with the facts it has whenever the state turns out to be newer than it thought.
 */
export function advance(graph: CompiledGraph, workflow: WorkflowOfRun, state: RunState, fact: Fact, at: Circumstances): Decision {
  if (!counts(fact, state)) return { state, events: [], commands: [], givenUp: [] };

  const runs = new Map(state.nodes);
  const turn: Turn = { graph, workflow, at, before: state, runs, state: { ...state, nodes: runs }, events: [], commands: [], givenUp: [] };
  apply(turn, fact);
  keepToLimits(turn);
  const spent = { ...turn.state.spent, events: state.spent.events + turn.events.length };
  const commands = executionIsOver(turn.state) ? [] : turn.commands;
  return { state: { ...turn.state, spent }, events: turn.events, commands, givenUp: turn.givenUp };
}

/** How a run failed that a node stopped as failed */
const STOPPED = 'stopped';

const active: readonly NodeRunStatus[] = ['running', 'waiting', 'in_doubt'];

const expectedIn: Record<NodeFact['type'], readonly NodeRunStatus[]> = {
  'node.started': ['running'],
  'node.waiting': ['running'],
  'node.looped': ['running'],
  'node.in_doubt': ['running'],
  'node.completed': active,
  'node.failed': active,
  'node.repeated': ['in_doubt'],
  'run.stopped': active,
};

function counts(fact: Fact, state: RunState): boolean {
  // Stopped as failed, it came to the end that its author gave it.
  if (fact.type === 'run.retried') return state.status === 'failed' && state.error?.code !== STOPPED;
  if (executionIsOver(state)) return false;
  switch (fact.type) {
    case 'run.started':
      return state.nodes.size === 0;
    case 'run.paused':
      return state.status !== 'paused';
    case 'run.resumed':
      return state.status === 'paused';
    case 'run.failed':
    case 'run.cancelled':
      return true;
  }
  const { nodeId, iteration = '' } = fact;
  const run = state.nodes.get(keyOf(nodeId, iteration));
  if (!run || !expectedIn[fact.type].includes(run.status) || !isUnderWay(state, iteration)) return false;
  if (fact.type === 'node.started' && run.startedAt !== undefined) return false;
  if (hasItemsLeft(run) || (fact.type === 'node.looped' && run.loop !== undefined)) return false;
  return fact.attempt === undefined || fact.attempt === run.attempt;
}

/** A loop that is about its items: until they have ended, there is nothing to hear of the loop itself. */
const hasItemsLeft = ({ loop }: NodeRun): boolean => loop !== undefined && loop.ended < loop.count;

/** Every loop around it, and its item, still runs: what was given up decides nothing. */
const isUnderWay = ({ nodes }: Pick<RunState, 'nodes'>, iteration: Iteration): boolean =>
  framesAround(iteration).every((around) => {
    const frame = frameOf(around);
    if (!frame) return true;
    const loop = nodes.get(keyOf(frame.loopId, frame.outer));
    return loop?.status === 'running' && nodes.get(keyOf(frame.loopId, around))?.status === 'running';
  });

/** It failed for good, or its run ended while it was under way. */
const mayGoOn = ({ status, handle }: NodeRun): boolean => active.includes(status) || (status === 'failed' && handle === undefined);

function apply(turn: Turn, fact: Fact): void {
  const { workflowId } = turn.workflow;
  switch (fact.type) {
    case 'run.started':
      // It waited for its turn.
      if (turn.state.status === 'waiting') {
        turn.state = { ...turn.state, status: 'running' };
        emit(turn, { type: 'workflow.execution.resumed', payload: { workflowId } });
      }
      return begin(turn, nodeOf(turn, turn.state.entryNodeId), '');
    case 'run.paused':
      turn.state = { ...turn.state, status: 'paused' };
      return emit(turn, { type: 'workflow.execution.paused', payload: { workflowId, by: fact.by } });
    case 'run.resumed':
      turn.state = { ...turn.state, status: 'running' };
      emit(turn, { type: 'workflow.execution.resumed', payload: { workflowId, by: fact.by } });
      // Paused before it began: there is nothing to settle yet.
      if (turn.runs.size > 0) settle(turn, '');
      return;
    case 'run.cancelled': {
      turn.state = { ...turn.state, status: 'cancelled' };
      const reason = fact.reason === undefined ? {} : { reason: fact.reason };
      return emit(turn, { type: 'workflow.execution.cancelled', payload: { workflowId, by: fact.by, ...reason } });
    }
    case 'run.failed':
      return failRun(turn, fact.error);
    case 'run.retried':
      return retryRun(turn, fact.by);
    default:
      applyToNode(turn, fact);
      if (!executionIsOver(turn.state)) settle(turn, fact.iteration ?? '');
  }
}

/** A run ends by the first limit that it is over, unless it came to its own end at the same moment. */
function keepToLimits(turn: Turn): void {
  const { limits } = turn.workflow;
  if (!limits || executionIsOver(turn.state)) return;
  const { nodeRuns, outputBytes, events } = turn.state.spent;
  const used = { nodeRuns, outputBytes, events: events + turn.events.length };
  for (const name of ['nodeRuns', 'events', 'outputBytes'] as const) {
    if (used[name] <= limits[name]) continue;
    const message = `The run is over its limit of ${limits[name]} ${limitNames[name]}.`;
    return failRun(turn, { code: 'limit_exceeded', message, details: { limit: name, value: limits[name] } });
  }
}

const limitNames = { nodeRuns: 'node runs', events: 'events', outputBytes: 'bytes of output' } as const;

function applyToNode(turn: Turn, fact: NodeFact): void {
  const { iteration = '' } = fact;
  const node = nodeOf(turn, fact.nodeId);
  const place: Place = { node, iteration };
  const known = turn.runs.get(keyOf(node.id, iteration));
  if (!known) return;
  const reported = fact.type === 'node.started' ? undefined : fact.startedAt;
  const run = { ...known, startedAt: known.startedAt ?? reported ?? now(turn) };

  switch (fact.type) {
    case 'node.started':
      put(turn, place, run);
      return emit(turn, { type: 'node.execution.started', payload: attemptFields(turn, place, run) });
    case 'node.completed': {
      const { spent } = turn.state;
      turn.state = { ...turn.state, spent: { ...spent, outputBytes: spent.outputBytes + (fact.bytes ?? 0) } };
      return complete(turn, place, run, fact.handle, fact.output, fact.sent);
    }
    case 'node.failed': {
      const tries = run.attempt - (run.attemptsBefore ?? 0);
      if (fact.retryable && tries < node.policy.retry.maxAttempts) return retry(turn, place, run, tries, fact.error, fact.retryAfterMs);
      return fail(turn, place, run, fact.error);
    }
    case 'node.waiting': {
      const { waiting } = fact;
      put(turn, place, { ...run, status: 'waiting', waitUntil: waiting.until });
      return emit(turn, { type: 'node.execution.waiting', payload: { ...attemptFields(turn, place, run), ...waiting } });
    }
    case 'node.looped': {
      const { items, count } = fact;
      put(turn, place, { ...run, items, loop: { count, begun: 0, ended: 0 } });
      emit(turn, { type: 'node.execution.started', payload: { ...attemptFields(turn, place, run), items, itemCount: count } });
      return runItems(turn, place);
    }
    case 'node.in_doubt': {
      put(turn, place, { ...run, status: 'in_doubt', error: fact.error });
      emit(turn, { type: 'node.execution.in_doubt', payload: { ...attemptFields(turn, place, run), error: fact.error } });
      const takenOver = node.outgoing.some((edge) => edge.handle === IN_DOUBT_HANDLE);
      if (takenOver) failOnwards(turn, place, run, fact.error, IN_DOUBT_HANDLE);
      return;
    }
    case 'node.repeated':
      return repeat(turn, place, run);
    case 'run.stopped':
      complete(turn, place, run, DEFAULT_HANDLE, fact.output ?? null);
      return stop(turn, node, fact.status, fact.output ?? null);
  }
}

interface Place {
  readonly node: CompiledNode;
  readonly iteration: Iteration;
}

type Started = NodeRun & { readonly startedAt: string };

const put = (turn: Turn, { node, iteration }: Place, run: NodeRun): void => void turn.runs.set(keyOf(node.id, iteration), run);

function begin(turn: Turn, node: CompiledNode, iteration: Iteration): void {
  // What an `all` join gets is settled by now; the others must remember it, since more may arrive.
  const arrived = node.join.mode === 'all' ? {} : { inputFrom: inputFrom(turn.graph, turn.state, node.id, iteration) };
  put(turn, { node, iteration }, { id: turn.at.newId(), status: 'running', attempt: 1, ...arrived });
  spendNodeRun(turn);
  turn.commands.push({ type: 'runNode', nodeId: node.id, iteration, attempt: 1 });
}

function spendNodeRun(turn: Turn): void {
  const { spent } = turn.state;
  turn.state = { ...turn.state, spent: { ...spent, nodeRuns: spent.nodeRuns + 1 } };
}

function complete(turn: Turn, place: Place, run: Started, handle: string, output: Json, sent?: SentMessages): void {
  const ended = { error: undefined, waitUntil: undefined, completedAt: now(turn) };
  put(turn, place, { ...run, ...ended, status: 'completed', handle, output });
  // A trigger puts out the run's input, which the log has already.
  const known = place.iteration === '' && place.node.id === turn.state.entryNodeId && isDeepStrictEqual(output, turn.state.input);
  const said = { handle, ...(known ? {} : { output }), ...(sent === undefined ? {} : { sent }) };
  emit(turn, { type: 'node.execution.completed', payload: { ...attemptFields(turn, place, run), ...said } });
}

function retry(turn: Turn, place: Place, run: Started, tries: number, error: NodeError, retryAfterMs = 0): void {
  const { node, iteration } = place;
  const attempt = run.attempt + 1;
  const delayMs = retryDelayMs(node.policy.retry, tries, retryAfterMs, turn.at.random());
  const retryAt = new Date(turn.at.now.getTime() + delayMs).toISOString();

  put(turn, place, { ...run, status: 'running', attempt, error, startedAt: undefined, waitUntil: undefined });
  emit(turn, { type: 'node.execution.retried', payload: { ...attemptFields(turn, place, run), error, retryAt } });
  turn.commands.push({ type: 'retryNode', nodeId: node.id, iteration, attempt, delayMs });
}

/** At once, and with all the attempts of its policy before it: what a person decided counts against none. */
function repeat(turn: Turn, place: Place, run: Started): void {
  const { node, iteration } = place;
  const attempt = run.attempt + 1;
  const error = run.error ?? { code: 'in_doubt', message: 'It did not happen.' };
  put(turn, place, { ...run, status: 'running', attempt, attemptsBefore: run.attempt, startedAt: undefined, waitUntil: undefined });
  emit(turn, { type: 'node.execution.retried', payload: { ...attemptFields(turn, place, run), error, retryAt: now(turn) } });
  turn.commands.push({ type: 'runNode', nodeId: node.id, iteration, attempt });
}

function fail(turn: Turn, place: Place, run: Started, error: NodeError): void {
  const { onError } = place.node.policy;
  const usual = place.node.loop ? DONE_HANDLE : DEFAULT_HANDLE;
  if (onError !== 'fail') return failOnwards(turn, place, run, error, onError === 'branch' ? ERROR_HANDLE : usual);
  put(turn, place, { ...run, status: 'failed', error, waitUntil: undefined, completedAt: now(turn) });
  emit(turn, { type: 'node.execution.failed', payload: { ...attemptFields(turn, place, run), error } });
  const frame = frameOf(place.iteration);
  if (frame) failItem(turn, place.iteration, error);
  else failRun(turn, error, place.node.id);
}

/** The failure is the node's output, and the run goes on from `handle`. */
function failOnwards(turn: Turn, place: Place, run: Started, error: NodeError, handle: string): void {
  put(turn, place, { ...run, status: 'failed', handle, output: asOutput(error), error, waitUntil: undefined, completedAt: now(turn) });
  emit(turn, { type: 'node.execution.failed', payload: { ...attemptFields(turn, place, run), error, handle } });
}

function asOutput({ code, message, details }: NodeError): Json {
  return { error: details === undefined ? { code, message } : { code, message, details } };
}

function stop(turn: Turn, node: CompiledNode, status: 'completed' | 'failed', output: Json): void {
  turn.state = { ...turn.state, output };
  if (status === 'failed') {
    return failRun(turn, { code: STOPPED, message: `Node "${node.id}" stopped the run.`, details: output }, node.id);
  }
  turn.state = { ...turn.state, status };
  emit(turn, { type: 'workflow.execution.completed', payload: { workflowId: turn.workflow.workflowId, output } });
}

function failRun(turn: Turn, error: NodeError, nodeId?: string): void {
  turn.state = { ...turn.state, status: 'failed', error };
  const where = nodeId === undefined ? {} : { nodeId };
  emit(turn, { type: 'workflow.execution.failed', payload: { workflowId: turn.workflow.workflowId, error, ...where } });
}

// Loops --------------------------------------------------------------------------------------------------------------

/** Begins as many items as may be under way; once all have ended, asks for their results. */
function runItems(turn: Turn, { node, iteration }: Place): void {
  for (;;) {
    const run = turn.runs.get(keyOf(node.id, iteration));
    if (run?.status !== 'running' || !run.loop) return;
    const { count, begun, ended } = run.loop;
    if (ended === count) return void turn.commands.push({ type: 'runNode', nodeId: node.id, iteration, attempt: run.attempt });
    if (begun === count || begun - ended >= (node.loop?.concurrency ?? 1)) return;

    turn.runs.set(keyOf(node.id, iteration), { ...run, loop: { count, begun: begun + 1, ended } });
    const frame = frameOfItem(node.id, begun, iteration);
    turn.runs.set(keyOf(node.id, frame), { id: turn.at.newId(), status: 'running', attempt: 1, startedAt: now(turn) });
    spendNodeRun(turn);
    settleItem(turn, frame);
  }
}

/** Begins and skips what the new outcomes allow in a frame; when nothing in it is active any more, its item has ended. */
function settleItem(turn: Turn, iteration: Iteration): void {
  if (!isUnderWay(turn.state, iteration)) return;
  const starved = spread(turn, iteration);
  const region = regionOf(turn.graph, turn.state, iteration);
  const isActive = ({ id }: CompiledNode) => active.includes(turn.runs.get(keyOf(id, iteration))?.status ?? 'skipped');
  if ([...region.nodes.values()].some(isActive)) return;
  const [join] = starved;
  if (join !== undefined) return failItem(turn, iteration, starvation(join));

  const item = placeOfItem(turn, iteration);
  const run = turn.runs.get(keyOf(item.node.id, iteration));
  if (!run?.startedAt) return;
  const from = lastNodes(region);
  const output = outputOfNodes(turn.state, iteration, from);
  const ended: Started = { ...run, startedAt: run.startedAt, status: 'completed', handle: ITEM_HANDLE, output, completedAt: now(turn) };
  put(turn, item, { ...ended, inputFrom: from });
  emit(turn, { type: 'node.execution.completed', payload: { ...attemptFields(turn, item, ended), inputFrom: from, handle: ITEM_HANDLE } });
  endItem(turn, iteration);
}

const placeOfItem = (turn: Turn, iteration: Iteration): Place => ({ node: nodeOf(turn, frameOf(iteration)?.loopId ?? ''), iteration });

function failItem(turn: Turn, iteration: Iteration, error: NodeError): void {
  const item = placeOfItem(turn, iteration);
  const frame = frameOf(iteration);
  const run = turn.runs.get(keyOf(item.node.id, iteration));
  if (!frame || !run?.startedAt) return;
  const failed: Started = { ...run, startedAt: run.startedAt, inputFrom: [] };
  turn.givenUp.push(`${iteration}/`);
  if (item.node.loop?.onItemError === 'continue') {
    failOnwards(turn, item, failed, error, ITEM_HANDLE);
    return endItem(turn, iteration);
  }
  put(turn, item, { ...failed, status: 'failed', error, completedAt: now(turn) });
  emit(turn, { type: 'node.execution.failed', payload: { ...attemptFields(turn, item, failed), error } });

  const loop: Place = { node: item.node, iteration: frame.outer };
  const outer = turn.runs.get(keyOf(item.node.id, frame.outer));
  if (!outer?.startedAt) return;
  turn.givenUp.push(`${keyOf(frame.loopId, frame.outer)}:`);
  const message = `Item ${frame.index} failed: ${error.message}`;
  fail(
    turn,
    loop,
    { ...outer, startedAt: outer.startedAt },
    { code: 'item_failed', message, details: { index: frame.index, error: asError(error) } },
  );
}

const asError = ({ code, message }: NodeError): Json => ({ code, message });

function endItem(turn: Turn, iteration: Iteration): void {
  const frame = frameOf(iteration);
  if (!frame) return;
  const key = keyOf(frame.loopId, frame.outer);
  const run = turn.runs.get(key);
  if (!run?.loop) return;
  const loop: LoopProgress = { ...run.loop, ended: run.loop.ended + 1 };
  turn.runs.set(key, { ...run, loop });
}

// Going on -----------------------------------------------------------------------------------------------------------

/** From the frame of a fact outwards: an item that ends may end its loop, and that the item around it. Then the run. */
function settle(turn: Turn, iteration: Iteration): void {
  for (const around of framesAround(iteration).toReversed()) {
    const frame = frameOf(around);
    if (!frame) break;
    settleItem(turn, around);
    if (executionIsOver(turn.state)) return;
    runItems(turn, { node: nodeOf(turn, frame.loopId), iteration: frame.outer });
    if (executionIsOver(turn.state)) return;
  }
  settleRun(turn);
}

/** Begins and skips what the new outcomes allow, then gives the run the status that its nodes make. */
function settleRun(turn: Turn): void {
  const starved = spread(turn, '');
  const open = [...turn.runs].flatMap(([key, run]) => (placeOf(key).iteration === '' && active.includes(run.status) ? [run] : []));
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
function spread(turn: Turn, iteration: Iteration): ReadonlySet<string> {
  const region = regionOf(turn.graph, turn.state, iteration);
  const starved = new Set<string>();
  for (const node of region.nodes.values()) {
    if (turn.runs.has(keyOf(node.id, iteration))) continue;
    const edges = node.incoming.map((edge) => edgeState(edge, region, starved));
    const verdict = judge(node.join, edges);
    if (verdict === 'run') begin(turn, node, iteration);
    if (verdict === 'skip') skip(turn, { node, iteration });
    if (verdict === 'starve') starved.add(node.id);
  }
  return starved;
}

function skip(turn: Turn, place: Place): void {
  const run: NodeRun = { id: turn.at.newId(), status: 'skipped', attempt: 0, completedAt: now(turn) };
  put(turn, place, run);
  emit(turn, { type: 'node.execution.skipped', payload: nodeFields(turn, place, run) });
}

const starvation = (join: string): NodeError => ({
  code: 'join_starved',
  message: `Join "${join}" can no longer get the branches it waits for.`,
});

function finish(turn: Turn, starved: ReadonlySet<string>): void {
  const { workflowId } = turn.workflow;
  const output = outputOfNodes(turn.state, '', lastNodes(regionOf(turn.graph, turn.state, '')));
  const [join] = starved;
  if (join === undefined) {
    turn.state = { ...turn.state, status: 'completed', output };
    return emit(turn, { type: 'workflow.execution.completed', payload: { workflowId, output } });
  }
  const error = starvation(join);
  turn.state = { ...turn.state, status: 'incomplete', output, error };
  emit(turn, { type: 'workflow.execution.incomplete', payload: { workflowId, error, output } });
}

// A person's retry ---------------------------------------------------------------------------------------------------

/** Frames around it; an item comes before the nodes of its frame. */
function depthOf(key: string): number {
  const { nodeId, iteration } = placeOf(key);
  return framesAround(iteration).length - (frameOf(iteration)?.loopId === nodeId ? 0.5 : 0);
}

/** From the outside in, item by item, as the graph has them; rows come in any order. */
function outsideIn({ graph, runs }: Turn): string[] {
  const positions = new Map([...graph.nodes.keys()].map((id, index) => [id, index]));
  const places = [...runs.keys()].map((key) => {
    const { nodeId, iteration } = placeOf(key);
    return { key, depth: depthOf(key), iteration, position: positions.get(nodeId) ?? 0 };
  });
  const inOrder = places.toSorted(
    (a, b) => a.depth - b.depth || a.iteration.localeCompare(b.iteration, 'en', { numeric: true }) || a.position - b.position,
  );
  return inOrder.map(({ key }) => key);
}

/**
 * What failed for good is tried again, and so is all that was under way when the run ended: its tasks are gone. From the outside in, so that
 * what belongs to a loop that is over stays as it is. A loop goes on with the items that had not ended. A run that had not begun begins.
 */
function retryRun(turn: Turn, by: string): void {
  turn.state = { ...turn.state, status: 'running', error: undefined };
  const again: NodePlace[] = [];
  const items: Iteration[] = [];
  if (turn.runs.size === 0) {
    begin(turn, nodeOf(turn, turn.state.entryNodeId), '');
    again.push({ nodeId: turn.state.entryNodeId });
  } else {
    for (const key of outsideIn(turn)) {
      const { nodeId, iteration } = placeOf(key);
      const run = turn.runs.get(key);
      if (!run || !mayGoOn(run)) continue;
      const place: Place = { node: nodeOf(turn, nodeId), iteration };
      const frame = frameOf(iteration);
      if (frame?.loopId === nodeId) {
        const isOfLoopUnderWay = isUnderWay(turn.state, frame.outer) && turn.runs.get(keyOf(nodeId, frame.outer))?.status === 'running';
        if (!isOfLoopUnderWay) continue;
        items.unshift(iteration);
        put(turn, place, goingOn(run));
      } else if (isUnderWay(turn.state, iteration)) {
        put(turn, place, hasItemsLeft(run) ? goingOn(run) : nextAttempt(run));
        if (hasItemsLeft(run)) continue;
        again.push({ nodeId, ...inLoop(iteration) });
        turn.commands.push({ type: 'runNode', nodeId, iteration, attempt: run.attempt + 1 });
      }
    }
  }
  emit(turn, { type: 'workflow.execution.retried', payload: { workflowId: turn.workflow.workflowId, by, nodes: again } });
  // In an item that failed by a starved join there is nothing to try again: it fails once more, lest its loop wait for it.
  for (const item of items) if (!executionIsOver(turn.state)) settle(turn, item);
}

/** A loop or an item, which has no attempts of its own */
const goingOn = (run: NodeRun): NodeRun => ({ ...run, status: 'running', error: undefined, completedAt: undefined });

const nextAttempt = (run: NodeRun): NodeRun => ({
  ...run,
  status: 'running',
  attempt: run.attempt + 1,
  attemptsBefore: run.attempt,
  startedAt: undefined,
  completedAt: undefined,
  waitUntil: undefined,
});

/** Of the run's own nodes: with a loop under way it does not wait. */
const earliestWait = (runs: ReadonlyMap<string, NodeRun>): string | undefined =>
  [...runs]
    .flatMap(([key, run]) =>
      placeOf(key).iteration === '' && run.status === 'waiting' && run.waitUntil !== undefined ? [run.waitUntil] : [],
    )
    .sort()[0];

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

const inLoop = (iteration: Iteration) => (iteration === '' ? {} : { iteration });

const nodeFields = (turn: Turn, { node, iteration }: Place, run: NodeRun) => ({
  workflowId: turn.workflow.workflowId,
  nodeId: node.id,
  ...inLoop(iteration),
  nodeRunId: run.id,
  nodeType: node.type,
  attempt: run.attempt,
});

const attemptFields = (turn: Turn, place: Place, run: Started) => ({
  ...nodeFields(turn, place, run),
  inputFrom: inputFrom(turn.graph, turn.state, place.node.id, place.iteration),
  ...(place.node.joined ? { joined: true as const } : {}),
  startedAt: run.startedAt,
});
