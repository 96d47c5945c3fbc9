import { setImmediate } from 'node:timers/promises';
import {
  executionIsOver,
  type Fact,
  inputOf,
  keyOf,
  type NodePlace,
  type NodeRun,
  type RunState,
  TIMEOUT_HANDLE,
  type Waiting,
} from '@sluice/engine';
import { isJsonObject, type Json, newId } from '@sluice/kernel';
import type { NodeInput, NodeOutcome, NodeProgram, TaskNodeType } from '@sluice/nodes';
import { ExpressionPoolUnavailable } from '@sluice/platform-expression-pool';
import { requestHashOf } from '../effects/effect-ledger.js';
import type { PublishedVersion } from '../steps/compiled-versions.js';
import type { Run } from '../steps/run.js';
import {
  type Attempt,
  type Beginning,
  failureOf,
  inputFor,
  outcomeOf,
  runStep,
  type SeeingInput,
  type StepTools,
  stepWith,
} from '../steps/run-step.js';
import { itemOf } from '../steps/scope.js';

/** What a node of a recorded run came to. */
export interface RecordedNode {
  readonly run: NodeRun;
  /** Its type then: what a node of another type came to answers nothing. undefined: not known */
  readonly type?: string;
  /** Of an effect: of the config that it was called with */
  readonly requestHash?: Buffer;
}

/** By `keyOf` */
export type RecordedNodes = ReadonlyMap<string, RecordedNode>;

export interface SimulationTools extends Pick<StepTools, 'slow' | 'env' | 'blobs' | 'approvalUrl'> {
  /** Runs a task that leaves nothing behind. undefined: not here; what was recorded answers. */
  runTask(type: TaskNodeType, input: NodeInput): Promise<NodeOutcome | undefined>;
  readonly signal: AbortSignal;
}

export interface Simulated {
  readonly state: RunState;
  /** By `keyOf`: what nothing was recorded for, with the request that is missing an answer */
  readonly unknown: ReadonlyMap<string, Json>;
  /** By `keyOf`: effects whose request is another one than was sent, with that request */
  readonly changed: ReadonlyMap<string, Json>;
}

interface Answer {
  /** When it came in the recorded run: a join that takes the first must find the same one first */
  readonly at: string;
  readonly begin: Beginning;
}

const never = '~';

/**
 * A run of `version` with nothing outside of it: in-process nodes run, everything else is answered by what the same node came to in a
 * recorded run. Delays pass at once. What was not recorded has no answer, and what lies behind it does not run. Writes and sends nothing.
 * @param begun the run before its first fact, with the identity of the recorded one, so that expressions see the same
 */
export async function simulate(version: PublishedVersion, begun: Run, recorded: RecordedNodes, tools: SimulationTools): Promise<Simulated> {
  const unknown = new Map<string, Json>();
  const changed = new Map<string, Json>();
  if (!version.compiled.nodes.has(begun.state.entryNodeId)) return { state: begun.state, unknown, changed };

  const stepTools = stepToolsOf(tools);
  const steps: Beginning[] = [{ facts: [{ type: 'run.started' }] }];
  const answers: Answer[] = [];
  let run = begun;
  for (;;) {
    const begin = steps.shift() ?? takeEarliest(answers);
    if (begin === undefined) break;
    tools.signal.throwIfAborted();
    const before = run.state;
    const step = await runStep(version, run, begin, stepTools);
    run = { ...run, state: asStoredState(before, step.state) };
    if (executionIsOver(run.state)) break;
    for (const { kind, nodeId, iteration, attempt } of step.followUps) {
      if (kind === 'step') steps.push({ facts: [], commands: [{ type: 'runNode', nodeId, iteration, attempt }] });
      else await answerCall({ nodeId, iteration, attempt });
    }
    for (const { payload } of step.events.filter(({ type }) => type === 'node.execution.waiting')) {
      if ('for' in payload && 'nodeId' in payload) await answerWait(payload, payload.for);
    }
    // Others work in this process, too.
    await setImmediate();
  }
  return { state: run.state, unknown, changed };

  async function answerCall(place: Attempt): Promise<void> {
    const node = version.compiled.programs.get(place.nodeId);
    if (node === undefined) return;
    const key = keyOf(place.nodeId, place.iteration);
    const known = recordOf(recorded, key, node);
    const at = known?.run.completedAt ?? never;
    const startedAt = run.startedAt;
    let input: SeeingInput;
    try {
      input = await inputFor(version, run, run.state, place, node, stepTools);
      const outcome = node.type.kind === 'task' ? await tools.runTask(node.type, input) : undefined;
      if (outcome !== undefined) {
        answers.push({ at, begin: { facts: [await outcomeOf(version, run, place, startedAt, outcome, input, stepTools)] } });
        return;
      }
    } catch (error) {
      tools.signal.throwIfAborted();
      if (error instanceof ExpressionPoolUnavailable) throw error;
      answers.push({ at, begin: { facts: [{ ...failureOf(place, startedAt, error), retryable: false }] } });
      return;
    }
    // It failed before it was called: that says nothing about this call.
    const wasCalled = node.type.kind !== 'effect' || known?.run.status !== 'failed' || known.requestHash !== undefined;
    const outcome = known === undefined || !wasCalled ? undefined : answerOf(place, known.run);
    if (known === undefined || !wasCalled || outcome === undefined) {
      if (known === undefined || !wasCalled || !isOpen(known.run)) unknown.set(key, input.config);
      return;
    }
    if (known.requestHash !== undefined && !known.requestHash.equals(requestHashOf(input.config))) changed.set(key, input.config);
    answers.push({ at, begin: { facts: [outcome] } });
  }

  async function answerWait({ nodeId, iteration = '' }: NodePlace, waitsFor: Waiting['for']): Promise<void> {
    const node = version.compiled.programs.get(nodeId);
    if (node === undefined) return;
    const key = keyOf(nodeId, iteration);
    const known = recordOf(recorded, key, node);
    const at = known?.run.completedAt ?? never;
    const timedOut = known?.run.status === 'completed' && known.run.handle === TIMEOUT_HANDLE;
    if (waitsFor === 'time' || timedOut) {
      const output = inputOf(version.compiled, run.state, nodeId, iteration, await itemOf(run, run.state, iteration, tools.blobs));
      const handle = waitsFor === 'time' ? 'out' : TIMEOUT_HANDLE;
      answers.push({ at, begin: { facts: [{ type: 'node.completed', nodeId, iteration, handle, output }] } });
      return;
    }
    const fact = known === undefined ? undefined : answerOf({ nodeId, iteration }, known.run);
    if (fact !== undefined) answers.push({ at, begin: { facts: [fact] } });
    else if (known === undefined || !isOpen(known.run)) {
      const attempt = run.state.nodes.get(key)?.attempt ?? 1;
      unknown.set(key, (await inputFor(version, run, run.state, { nodeId, iteration, attempt }, node, stepTools)).config);
    }
  }
}

function takeEarliest(answers: Answer[]): Beginning | undefined {
  const earliest = answers.reduce<Answer | undefined>((first, one) => (first === undefined || one.at < first.at ? one : first), undefined);
  if (earliest === undefined) return undefined;
  answers.splice(answers.indexOf(earliest), 1);
  return earliest.begin;
}

function recordOf(recorded: RecordedNodes, key: string, { type }: NodeProgram): RecordedNode | undefined {
  const known = recorded.get(key);
  return known === undefined || known.run.status === 'skipped' || (known.type ?? type.type) !== type.type ? undefined : known;
}

/** The recorded run ended while it was under way: nothing more is known, there or here. */
const isOpen = ({ status }: NodeRun): boolean => status === 'running' || status === 'waiting';

function answerOf(place: NodePlace, { status, handle, output = null, error }: NodeRun): Fact | undefined {
  if (status === 'completed' && handle !== undefined) {
    return { type: 'node.completed', ...place, handle, output, bytes: JSON.stringify(output).length };
  }
  if (status === 'failed' && error !== undefined) return { type: 'node.failed', ...place, error, retryable: false };
  if (status === 'in_doubt' && error !== undefined) return { type: 'node.in_doubt', ...place, error };
  return undefined;
}

function stepToolsOf({ slow, env, blobs, approvalUrl }: SimulationTools): StepTools {
  return {
    slow,
    env,
    blobs,
    approvalUrl,
    fusion: true,
    // All items are in the state.
    results: () => Promise.resolve(new Map()),
    // Nobody is called: the caller waits, and is answered by what was recorded.
    callee: (run) =>
      Promise.resolve({
        begin: (_input, parent) => Promise.resolve({ first: [], step: stepWith({ ...run, id: newId(), parent }, {}) }),
      }),
  };
}

/** Outputs as the database would give them back: what is evaluated from them, and hashed, is then the same as it was. */
function asStoredState(before: RunState, after: RunState): RunState {
  const nodes = new Map(after.nodes);
  for (const [key, node] of after.nodes) {
    if (before.nodes.get(key) === node) continue;
    nodes.set(key, {
      ...node,
      ...(node.output === undefined ? {} : { output: asStored(node.output) }),
      ...(node.items === undefined ? {} : { items: asStored(node.items) }),
    });
  }
  return { ...after, nodes };
}

/** With members in the order of jsonb: the shorter name first, then by bytes. */
function asStored(value: Json): Json {
  if (isJsonObject(value)) {
    const members = Object.entries(value).map(([name, member]) => ({ name, bytes: Buffer.from(name), member: asStored(member) }));
    const inOrder = members.toSorted((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes));
    return Object.fromEntries(inOrder.map(({ name, member }) => [name, member]));
  }
  return Array.isArray(value) ? value.map((item: Json) => asStored(item)) : value;
}
