import fc from 'fast-check';
import type { Json } from '@sluice/kernel';
import { advance, type Decision, type RunLimits } from './advance.js';
import { type CompiledGraph, type CompiledNode, compileGraph } from './compile-graph.js';
import { inputOf } from './data-flow.js';
import type { EngineEvent, Fact, NodeEvent, Waiting } from './facts.js';
import { frameOf, frameOfItem, framesAround, type Iteration, keyOf, placeOf } from './frames.js';
import {
  DEFAULT_HANDLE,
  DONE_HANDLE,
  ERROR_HANDLE,
  IN_DOUBT_HANDLE,
  ITEM_HANDLE,
  type JoinRule,
  type LoopRule,
  type NodeError,
  type NodePolicy,
} from './graph.js';
import { executionIsOver, newRun, type NodeRun, type RunState, type RunStatus } from './run-state.js';

/** What happens to a node whenever it is run. */
interface Fate {
  readonly join: JoinRule | undefined;
  readonly onError: NodePolicy['onError'];
  /** Attempts that fail */
  readonly fails: number;
  readonly retryable: boolean;
  /** In a loop: it only fails, lingers or branches off in every second item. */
  readonly everySecond: boolean;
  readonly reportsStart: boolean;
  /** Run at once by a shell that fuses nodes */
  readonly inProcess: boolean;
  /** A loop that does not end `done` fails at first to put its results together. */
  readonly ends: 'done' | 'later' | 'asks' | 'in doubt' | 'stop' | 'stop as failed';
  readonly leavesBy: string;
}

interface Draft extends Fate {
  /** How many nodes before the previous one, and by which handle */
  readonly from: readonly { readonly back: number; readonly handle: string }[];
  readonly loop: (LoopRule & { readonly count: number; readonly body: readonly Draft[] }) | undefined;
}

interface PlannedNode extends Fate {
  readonly id: string;
  readonly from: readonly (readonly [source: string, handle: string])[];
  readonly loop: (LoopRule & { readonly count: number }) | undefined;
}

/** Nodes from the entry on, each behind earlier ones; some also behind `other`, which no run reaches. */
interface Plan {
  readonly nodes: ReadonlyMap<string, PlannedNode>;
  readonly graph: CompiledGraph;
  readonly limits?: RunLimits;
}

/** What happens next: the n-th piece of outstanding work gets its turn, or a person (or a deadline) steps in. */
type Move = number | 'pause' | 'resume' | 'cancel' | 'retry' | 'resolve' | 'deadline';

interface Schedule {
  readonly moves: readonly Move[];
  /** How often a person helps when nothing goes on by itself: tries a failed run again, or resolves what is in doubt. */
  readonly help: number;
}

const input: Json = { text: 'hi' };
const entry = 'n0';

// --- Arbitrary runs. What shrinking goes towards stands first: a chain of nodes that simply complete.

const mostly = <T>(usual: T, ...others: T[]) => fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, fc.constantFrom(usual, ...others));
const often = <T>(usual: T, ...others: T[]) => fc.oneof(fc.constant(usual), fc.constantFrom(usual, ...others));

const atTimes = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

interface Mood {
  readonly onError: readonly NodePolicy['onError'][];
  readonly ends: readonly Fate['ends'][];
  readonly onItemError: readonly LoopRule['onItemError'][];
}

const draft = (mood: Mood, loopsWithin: number): fc.Arbitrary<Draft> =>
  fc.record({
    from: fc.array(fc.record({ back: fc.nat(3), handle: mostly(DEFAULT_HANDLE, 'yes', 'no', ERROR_HANDLE, IN_DOUBT_HANDLE) }), {
      minLength: 1,
      maxLength: 3,
    }),
    join: mostly<JoinRule | undefined>(undefined, { mode: 'all' }, { mode: 'any' }, { mode: 'kOf', count: 2 }, { mode: 'kOf', count: 3 }),
    onError: fc.constantFrom(...mood.onError),
    fails: often(0, 0, 0, 1, 2, 3),
    retryable: fc.boolean(),
    everySecond: fc.boolean(),
    reportsStart: fc.boolean(),
    inProcess: fc.boolean(),
    ends: often<Fate['ends']>('done', 'done', ...mood.ends),
    leavesBy: mostly(DEFAULT_HANDLE, 'yes', 'no'),
    loop:
      loopsWithin === 0
        ? fc.constant(undefined)
        : atTimes(
            fc.record({
              count: fc.nat(4),
              concurrency: fc.integer({ min: 1, max: 3 }),
              onItemError: fc.constantFrom(...mood.onItemError),
              body: fc.array(draft(mood, loopsWithin - 1), { maxLength: 4 }),
            }),
          ),
  });

const limits = atTimes(
  fc.record({
    nodeRuns: fc.integer({ min: 8, max: 80 }),
    events: fc.integer({ min: 8, max: 160 }),
    outputBytes: fc.integer({ min: 80, max: 800 }),
  }),
);

const planOf = (mood: Mood): fc.Arbitrary<Plan> =>
  fc.array(draft(mood, 2), { minLength: 1, maxLength: 9 }).map((drafts) => toPlan(toNodes(drafts, 'n', 'other', DEFAULT_HANDLE)));

/** Node `n2b0` is the first in the body of the loop `n2`. What would be behind nothing is behind `first`. */
function toNodes(drafts: readonly Draft[], prefix: string, first: string, firstHandle: string): PlannedNode[] {
  const sourceOf = (index: number, handle: string) => {
    const source = drafts[index];
    if (!source) return [first, firstHandle] as const;
    return [`${prefix}${index}`, source.loop && handle === DEFAULT_HANDLE ? DONE_HANDLE : handle] as const;
  };
  return drafts.flatMap((one, index) => {
    const id = `${prefix}${index}`;
    const from = id === entry ? [] : one.from.map(({ back, handle }) => sourceOf(index - 1 - back, handle));
    return [{ ...one, id, from }, ...(one.loop ? toNodes(one.loop.body, `${id}b`, id, ITEM_HANDLE) : [])];
  });
}

function toPlan(list: readonly PlannedNode[]): Plan {
  const byId = new Map(list.map((one) => [one.id, one]));
  const nodes = ['other', ...byId.keys()].map((id) => ({
    id,
    type: 'test',
    config: {},
    policy: { onError: byId.get(id)?.onError, retry: { maxAttempts: 3 } },
  }));
  const edges = list.flatMap(({ id, from }) => from.map(([source, sourceHandle]) => ({ source, sourceHandle, target: id })));
  const graph = compileGraph({ nodes, edges }, ({ id }) => ({ join: byId.get(id)?.join, loop: byId.get(id)?.loop }));
  return Object.assign({ nodes: byId, graph }, { [fc.toStringMethod]: () => `\n${list.map(describeNode).join('\n')}\n` });
}

function describeNode({ id, from, join, loop, onError, fails, retryable, everySecond, ends, leavesBy }: PlannedNode): string {
  const rule = join ? ` (${join.mode}${join.mode === 'kOf' ? ` ${join.count}` : ''})` : '';
  const items = loop ? ` [${loop.count} items, ${loop.concurrency} at a time, ${loop.onItemError}]` : '';
  const sources = from.map(([source, handle]) => `${source}.${handle}`).join(', ');
  const failing = fails > 0 ? `, fails ${fails} × ${retryable ? 'retryably' : 'finally'}` : '';
  const fate = `${ends}${failing} (onError ${onError ?? 'by edges'}), leaves by ${leavesBy}${everySecond ? ', in every second item' : ''}`;
  return `  ${id}${rule}${items}${sources && ` <- ${sources}`}: ${fate}`;
}

const anyPlan = fc
  .tuple(
    planOf({
      onError: [undefined, 'fail', 'continue', 'branch'],
      ends: ['later', 'later', 'asks', 'asks', 'in doubt', 'done', 'done', 'stop', 'stop as failed'],
      onItemError: ['fail', 'continue'],
    }),
    limits,
  )
  .map(([plan, limits]): Plan => (limits ? { ...plan, limits } : plan));
/** Nothing in it ends the run, or an item, before its nodes do. */
const calmPlan = planOf({ onError: ['continue', 'branch'], ends: ['later', 'asks', 'in doubt'], onItemError: ['continue'] });

const schedules = (most: { readonly help: number }, ...people: Exclude<Move, number>[]): fc.Arbitrary<Schedule> =>
  fc.record({
    moves: fc.array(
      fc.oneof({ weight: 40, arbitrary: fc.nat(11) }, ...people.map((move) => ({ weight: 1, arbitrary: fc.constant<Move>(move) }))),
      { maxLength: 80 },
    ),
    help: fc.nat(most.help),
  });
const anySchedule = schedules({ help: 5 }, 'pause', 'resume', 'resume', 'cancel', 'retry', 'resolve', 'deadline', 'deadline');
const calmSchedule = schedules({ help: 0 }, 'pause', 'pause', 'resume', 'resume');

// --- The world around the engine: it does what commands say, in the order of the moves, and reports.

interface Work {
  readonly nodeId: string;
  readonly iteration: Iteration;
  readonly attempt: number;
  readonly stage: 'begin' | 'end' | 'wake';
}

interface Turn {
  readonly before: RunState;
  readonly fact: Fact;
  readonly decision: Decision;
  /** All that somebody still has to do, parked or not */
  readonly outstanding: readonly Work[];
  /** What was outstanding before and need not be done any more; somebody may be at it. */
  readonly dropped: readonly Work[];
}

const workflowOf = ({ limits }: Plan) => ({ executionId: 'execution', workflowId: 'workflow', limits });

/** Ids and chance depend on the step alone, so that it can be decided again. */
function circumstances(step: number) {
  let ids = 0;
  return { now: new Date(Date.UTC(2026, 0, 1, 0, 0, step)), newId: () => `${step}.${++ids}`, random: () => (step * 0.37) % 1 };
}

/** @param shell `fusing`: it runs in-process nodes at once, before anything else gets its turn. */
function live(plan: Plan, { moves, help }: Schedule, shell: 'stepwise' | 'fusing' = 'stepwise'): readonly Turn[] {
  const turns: Turn[] = [];
  let state = newRun(entry, input);
  let work: Work[] = [];
  let parked: Work[] = [];

  const report = (fact: Fact, next: readonly Work[] = []) => {
    const before = state;
    const decision = advance(plan.graph, workflowOf(plan), before, fact, circumstances(turns.length));
    state = decision.state;
    const commanded = decision.commands.map(({ nodeId, iteration, attempt }): Work => ({ nodeId, iteration, attempt, stage: 'begin' }));
    work.push(...next);
    const isDropped = (one: Work) => executionIsOver(state) || isGivenUp(one, decision);
    const dropped = [...work, ...parked].filter(isDropped);
    work = work.filter((one) => !isDropped(one));
    parked = parked.filter((one) => !isDropped(one));
    if (state.status === 'paused') parked.push(...commanded);
    else [work, parked] = [[...work, ...parked, ...commanded], []];
    turns.push({ before, fact, decision, outstanding: [...work, ...parked], dropped });
  };

  report({ type: 'run.started' });
  const left = [...moves];
  let helped = 0;
  for (;;) {
    const onlyBy = whoHelps(state, work);
    if (onlyBy === 'nobody' || (onlyBy !== 'itself' && helped === help)) return turns;
    if (onlyBy !== 'itself') helped += 1;
    const inProcess = shell === 'fusing' ? work.findIndex((one) => one.stage === 'begin' && plan.nodes.get(one.nodeId)?.inProcess) : -1;
    const usual = () => left.shift() ?? (work.length > 0 ? 0 : 'resume');
    const move = onlyBy !== 'itself' ? onlyBy : inProcess === -1 ? usual() : inProcess;
    if (typeof move === 'number') {
      const [next] = work.splice(move % Math.max(work.length, 1), 1);
      const one = next && plan.nodes.get(next.nodeId);
      if (next && one) report(...outcome(one, next, state));
    } else {
      const fact = interventions[move](state);
      if (fact) report(fact);
    }
  }
}

const isGivenUp = ({ iteration }: { readonly iteration: Iteration }, { givenUp }: Decision): boolean =>
  givenUp.some((prefix) => `${iteration}/`.startsWith(prefix));

/** `itself`: it goes on, or would if it were resumed. */
function whoHelps(state: RunState, work: readonly Work[]): 'itself' | 'retry' | 'resolve' | 'nobody' {
  if (executionIsOver(state)) return state.status === 'failed' ? 'retry' : 'nobody';
  return work.length > 0 || state.status === 'paused' ? 'itself' : 'resolve';
}

const interventions: Record<Exclude<Move, number>, (state: RunState) => Fact | undefined> = {
  pause: () => ({ type: 'run.paused', by: 'ada' }),
  resume: () => ({ type: 'run.resumed', by: 'ada' }),
  cancel: () => ({ type: 'run.cancelled', by: 'ada' }),
  retry: () => ({ type: 'run.retried', by: 'ada' }),
  deadline: () => ({ type: 'run.failed', error: { code: 'deadline_exceeded', message: 'Too late.' } }),
  resolve: (state) => {
    const [key] = underWay(state, 'in_doubt');
    return key === undefined ? undefined : { type: 'node.completed', ...placeOf(key), handle: DEFAULT_HANDLE, output: `ada says ${key}` };
  },
};

function outcome(one: PlannedNode, work: Work, state: RunState): [fact: Fact, next?: Work[]] {
  const { nodeId, iteration, attempt, stage } = work;
  const key = keyOf(nodeId, iteration);
  const place = { nodeId, iteration, attempt, startedAt: '2026-01-01T00:00:00.000Z' };
  const error = { code: 'broken', message: `${key} is broken.` };
  const failed: Fact = { type: 'node.failed', ...place, error, retryable: one.retryable };
  const completed = (handle: string, output: Json): Fact => ({ type: 'node.completed', ...place, handle, output, bytes: 10 });
  const isSpared = one.everySecond && frameOf(iteration) !== undefined && Number(frameOf(iteration)?.index) % 2 === 0;
  const ends = isSpared ? 'done' : one.ends;

  const known = state.nodes.get(key)?.loop;
  if (known)
    return ends !== 'done' && attempt === 1 ? [failed] : [completed(DONE_HANDLE, resultsOf(state, nodeId, iteration, known.count))];

  if (stage === 'begin' && one.reportsStart && !one.loop) {
    return [{ type: 'node.started', nodeId, iteration, attempt }, [{ ...work, stage: 'end' }]];
  }
  if (stage !== 'wake') {
    if (!isSpared && attempt <= one.fails) return [failed];
    if (one.loop) {
      const items = Array.from({ length: one.loop.count }, (_, index) => `item ${index} of ${key}`);
      return [{ type: 'node.looped', ...place, items, count: one.loop.count }];
    }
    if (ends === 'stop') return [{ type: 'run.stopped', ...place, status: 'completed', output: key }];
    if (ends === 'stop as failed') return [{ type: 'run.stopped', ...place, status: 'failed', output: key }];
    if (ends === 'in doubt') return [{ type: 'node.in_doubt', ...place, error }];
    if (ends !== 'done') return [{ type: 'node.waiting', ...place, waiting: waitingOf(ends, key) }, [{ ...work, stage: 'wake' }]];
  }
  return [completed(isSpared ? DEFAULT_HANDLE : one.leavesBy, key)];
}

const waitingOf = (ends: 'later' | 'asks', key: string): Waiting =>
  ends === 'asks'
    ? { for: 'approval', title: `May ${key}?` }
    : { for: 'time', until: new Date(Date.UTC(2027, 0, Number(key.match(/\d+$/)?.[0]) + 1)).toISOString() };

const resultsOf = ({ nodes }: RunState, loopId: string, iteration: Iteration, count: number): Json[] =>
  Array.from({ length: count }, (_, index) => nodes.get(keyOf(loopId, frameOfItem(loopId, index, iteration)))?.output ?? null);

// --- What a run's state says.

const lastOf = (turns: readonly Turn[]): RunState => turns.at(-1)?.decision.state ?? newRun(entry, input);
const eventsOf = (turns: readonly Turn[]) => turns.flatMap(({ decision }) => decision.events);
const isNodeEvent = (event: EngineEvent): event is NodeEvent => event.type.startsWith('node.');
const keyOfEvent = ({ payload }: NodeEvent) => keyOf(payload.nodeId, payload.iteration);
const nodesWith = (state: RunState, ...statuses: string[]) =>
  [...state.nodes].flatMap(([key, { status }]) => (statuses.includes(status) ? [key] : [])).sort();

const isItem = (key: string): boolean => frameOf(placeOf(key).iteration)?.loopId === placeOf(key).nodeId;
const isOpen = ({ nodes }: RunState, iteration: Iteration): boolean =>
  framesAround(iteration).every((around) => {
    const frame = frameOf(around);
    const both = frame ? [keyOf(frame.loopId, frame.outer), keyOf(frame.loopId, around)] : [];
    return both.every((key) => nodes.get(key)?.status === 'running');
  });
/** Without items, and without what was given up */
const underWay = (state: RunState, ...statuses: string[]) =>
  nodesWith(state, ...statuses).filter((key) => !isItem(key) && isOpen(state, placeOf(key).iteration));
/** That is about its items, so that there is nothing to do for itself */
const isLooping = (state: RunState, key: string): boolean => {
  const loop = state.nodes.get(key)?.loop;
  return loop !== undefined && loop.ended < loop.count;
};

// --- What must hold.

const numRuns = Number(process.env['PROPERTY_RUNS'] ?? 300);

const always = <Ts extends [unknown, ...unknown[]]>(
  arbitraries: { [I in keyof Ts]: fc.Arbitrary<Ts[I]> },
  promise: (...values: Ts) => void,
) => fc.assert(fc.property(...arbitraries, promise), { numRuns });

const inEveryRun = (promise: (turns: readonly Turn[], plan: Plan) => void) => () =>
  always<[Plan, Schedule]>([anyPlan, anySchedule], (plan, schedule) => promise(live(plan, schedule), plan));

describe('In every run', () => {
  it(
    'something is always to be done until it is over, or a person is asked',
    inEveryRun((turns) => {
      for (const { decision, outstanding } of turns) {
        const { state } = decision;
        const todo = executionIsOver(state) ? [] : underWay(state, 'running', 'waiting').filter((key) => !isLooping(state, key));
        expect(outstanding.map((work) => keyOf(work.nodeId, work.iteration)).sort()).toEqual(todo);
        if (!executionIsOver(state)) expect(todo.length + underWay(state, 'in_doubt').length).toBeGreaterThan(0);
      }
      const end = lastOf(turns);
      if (executionIsOver(end)) return;
      const isLoopOpen = nodesWith(end, 'running').some((key) => placeOf(key).iteration === '');
      expect([end.status, underWay(end, 'in_doubt').length > 0]).toEqual([isLoopOpen ? 'running' : 'waiting', true]);
    }),
  );

  it(
    'an attempt is begun once, and attempts count up',
    inEveryRun((turns, { nodes }) => {
      const commands = turns.flatMap(({ decision }) => decision.commands);
      const attempts = Map.groupBy(commands, ({ nodeId, iteration }) => keyOf(nodeId, iteration));
      for (const [key, list] of attempts) {
        const numbers = list.map(({ attempt }) => attempt);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        // A loop is run for its items, and again for their results.
        const once = nodes.get(placeOf(key).nodeId)?.loop ? 2 : 1;
        for (const same of Map.groupBy(numbers, (number) => number).values()) expect(same.length).toBeLessThanOrEqual(once);
      }
    }),
  );

  it(
    'a node has one outcome, unless it failed for good and a person had it tried again',
    inEveryRun((turns) => {
      const outcomes = new Map<string, 'final' | 'failed' | 'failed before the retry'>();
      const twice: string[] = [];
      for (const event of eventsOf(turns)) {
        if (event.type === 'workflow.execution.retried') {
          for (const [key, was] of outcomes) if (was === 'failed') outcomes.set(key, 'failed before the retry');
        }
        if (!isNodeEvent(event) || !/(completed|failed|skipped)$/.test(event.type)) continue;
        const key = keyOfEvent(event);
        if (outcomes.get(key) === 'final' || outcomes.get(key) === 'failed') twice.push(key);
        outcomes.set(key, event.type === 'node.execution.failed' && event.payload.handle === undefined ? 'failed' : 'final');
      }
      expect(twice).toEqual([]);
      const again = nodesWith(lastOf(turns), 'running', 'waiting', 'in_doubt');
      const ended = [...outcomes].flatMap(([key, was]) => (was === 'failed before the retry' && again.includes(key) ? [] : [key]));
      expect(ended.sort()).toEqual(nodesWith(lastOf(turns), 'completed', 'failed', 'skipped'));
    }),
  );

  it(
    'one event ends it, and none follows but a person’s retry after a failure',
    inEveryRun((turns) => {
      const isEnd = (type: string | undefined) => /^workflow\.execution\.(completed|failed|cancelled|incomplete)$/.test(type ?? '');
      const types: string[] = eventsOf(turns).map(({ type }) => type);
      types.forEach((type, index) => {
        const next = types[index + 1];
        if (isEnd(type) && next !== undefined) expect([type, next]).toEqual(['workflow.execution.failed', 'workflow.execution.retried']);
        if (next === 'workflow.execution.retried') expect(isEnd(type)).toBe(true);
      });
      for (const { decision } of turns) if (executionIsOver(decision.state)) expect(decision.commands).toEqual([]);
      const { status } = lastOf(turns);
      if (executionIsOver(lastOf(turns))) expect(types.at(-1)).toBe(`workflow.execution.${status}`);
      else expect(isEnd(types.at(-1))).toBe(false);
    }),
  );

  it(
    'the log alone tells the state of it, with the commands for what has begun and not been heard of',
    inEveryRun((turns) => {
      const told: Told = { status: 'running', nodes: new Map() };
      for (const { decision } of turns) {
        hear(told, decision);
        expectSame(shown(told, told), shown(decision.state, told));
      }
    }),
  );

  it(
    'what was reported once decides nothing when it is reported again, however late',
    inEveryRun((turns, plan) => {
      const reported: Fact[] = [];
      const repeatable: Fact['type'][] = ['run.paused', 'run.resumed', 'run.retried', 'run.failed', 'run.cancelled'];
      for (const { fact, decision } of turns) {
        const { state } = decision;
        // A person may ask for another retry as soon as the run has failed again.
        const late = fact.type === 'run.retried' && state.status === 'failed' ? reported : [...reported, fact];
        const counted = late.filter((old) => counts(plan, state, old));
        expect(counted).toEqual([]);
        if (!repeatable.includes(fact.type)) reported.push(fact);
      }
    }),
  );

  it(
    'what was given up decides nothing, however it ends, and nothing in it is begun',
    inEveryRun((turns, plan) => {
      const late: Fact[] = [];
      for (const { before, decision, dropped } of turns) {
        expect(decision.commands.filter((command) => isGivenUp(command, decision))).toEqual([]);
        for (const work of dropped) {
          const one = plan.nodes.get(work.nodeId);
          if (one) late.push(outcome(one, work, before)[0]);
        }
        expect(late.filter((fact) => counts(plan, decision.state, fact))).toEqual([]);
      }
    }),
  );

  it(
    'a state read back from its rows decides as the one in memory, be it of the frames around the fact alone',
    inEveryRun((turns, plan) => {
      turns.forEach(({ before, fact, decision }, step) => {
        for (const rows of [readBack(before), readBack(around(before, fact))]) {
          const again = advance(plan.graph, workflowOf(plan), rows, fact, circumstances(step));
          expectSame(withChanges(again, rows), withChanges(decision, before));
        }
      });
    }),
  );

  it(
    'the input of a node stays what it was when the node was begun',
    inEveryRun((turns, { graph }) => {
      const begun = new Map<string, Json>();
      for (const { decision } of turns) {
        const inputNow = (key: string) => {
          const { nodeId, iteration } = placeOf(key);
          return inputOf(graph, decision.state, nodeId, iteration, `item of ${iteration}`);
        };
        for (const { nodeId, iteration } of decision.commands) {
          const key = keyOf(nodeId, iteration);
          if (!begun.has(key)) begun.set(key, inputNow(key));
        }
        for (const [key, was] of begun) expectSame(inputNow(key), was);
      }
    }),
  );

  it(
    'the state that was passed in is left alone, so that a decision that was lost can be made again',
    inEveryRun((turns, plan) => {
      turns.forEach(({ before, fact, decision }, step) => {
        const copy = JSON.stringify([before, [...before.nodes]]);
        const again = advance(plan.graph, workflowOf(plan), before, fact, circumstances(step));
        expectSame(withChanges(again, before), withChanges(decision, before));
        expect(JSON.stringify([before, [...before.nodes]])).toBe(copy);
      });
    }),
  );

  it(
    'a loop begins each item once, in order, no more at a time than it may, and is done once all have ended',
    inEveryRun((turns, { nodes }) => {
      const ids = new Map<string, string>();
      const done: string[] = [];
      const itemsEnded = new Set<string>();
      for (const { decision } of turns) {
        const { state } = decision;
        for (const event of decision.events.filter(isNodeEvent)) {
          const key = keyOfEvent(event);
          if (isItem(key) && 'handle' in event.payload && event.payload.handle === ITEM_HANDLE) itemsEnded.add(key);
          if (event.type !== 'node.execution.completed' || event.payload.handle !== DONE_HANDLE) continue;
          done.push(key);
          const { nodeId, iteration } = placeOf(key);
          const count = state.nodes.get(key)?.loop?.count ?? 0;
          for (let index = 0; index < count; index++) {
            expect(itemsEnded).toContain(keyOf(nodeId, frameOfItem(nodeId, index, iteration)));
          }
          expectSame(event.payload.output ?? input, resultsOf(state, nodeId, iteration, count));
        }

        const items = Map.groupBy([...state.nodes.keys()].filter(isItem), loopOf);
        for (const [loop, keys] of items) {
          const open = keys.filter((key) => state.nodes.get(key)?.status === 'running').length;
          const places = keys.map((key) => frameOf(placeOf(key).iteration)?.index).sort();
          const concurrency = nodes.get(placeOf(loop).nodeId)?.loop?.concurrency ?? 0;
          const begun = state.nodes.get(loop)?.loop?.begun;
          expectSame([open <= concurrency, begun, places], [true, keys.length, keys.map((_, index) => index)]);
        }
        for (const key of [...items.values()].flat()) {
          const id = state.nodes.get(key)?.id ?? '';
          expectSame([key, id], [key, ids.get(key) ?? id]);
          ids.set(key, id);
        }
      }
      expect(done).toEqual([...new Set(done)]);
    }),
  );
});

const loopOf = (itemKey: string): string => {
  const { nodeId, iteration } = placeOf(itemKey);
  return keyOf(nodeId, frameOf(iteration)?.outer);
};

describe('In a run that comes to its own end', () => {
  it('a node ran, was skipped or is starved as its incoming edges say, in the run and in each item', () =>
    always<[Plan, Schedule]>([calmPlan, calmSchedule], (plan, schedule) => {
      const end = lastOf(live(plan, schedule));
      if (!executionIsOver(end)) return;

      const frames = ['', ...[...end.nodes.keys()].filter(isItem).map((key) => placeOf(key).iteration)];
      for (const iteration of frames) {
        const frame = frameOf(iteration);
        const taking = frame ? plan.graph.bodyOf(frame.loopId) : plan.graph.reachableFrom(entry);
        const runOf = (id: string) => end.nodes.get(keyOf(id, iteration));
        const ran = (id: string) => ['completed', 'failed'].includes(runOf(id)?.status ?? '');
        const fateOf = ({ id, join, incoming }: CompiledNode) => {
          const sources = incoming.filter((edge) => taking.has(edge.source));
          const arrived = sources.filter((edge) => ran(edge.source) && runOf(edge.source)?.handle === edge.handle).length;
          const item = incoming.filter((edge) => edge.source === frame?.loopId && edge.handle === ITEM_HANDLE).length;
          const live = arrived + item;
          const starved = sources.filter((edge) => !runOf(edge.source)).length;
          const needed = { all: live + starved, any: 1, kOf: join.mode === 'kOf' ? join.count : 0 }[join.mode];
          if ((!frame && id === entry) || (live > 0 && live >= needed)) return 'ran';
          return live + starved === 0 ? 'skipped' : 'starved';
        };
        const found = ({ id }: CompiledNode) => (ran(id) ? 'ran' : (runOf(id)?.status ?? 'starved'));

        const all = [...taking.values()];
        expect(all.map((node) => [node.id, found(node)])).toEqual(all.map((node) => [node.id, fateOf(node)]));
        const isShort = all.some((node) => fateOf(node) === 'starved');
        if (frame) expect(runOf(frame.loopId)?.status).toBe(isShort ? 'failed' : 'completed');
        else expect(end.status).toBe(isShort ? 'incomplete' : 'completed');
      }
      const placed = frames.flatMap((iteration) => {
        const frame = frameOf(iteration);
        const taking = frame ? [...plan.graph.bodyOf(frame.loopId).keys(), frame.loopId] : [...plan.graph.reachableFrom(entry).keys()];
        return taking.map((id) => keyOf(id, iteration));
      });
      expect([...end.nodes.keys()].filter((key) => !placed.includes(key))).toEqual([]);
    }));

  it('neither the order in which nodes end nor a pause nor fusion changes what comes out, or what a node tells', () =>
    always<[Plan, Schedule, Schedule]>([calmPlan, calmSchedule, schedules({ help: 0 })], (plan, schedule, other) => {
      const [one, ...others] = [live(plan, schedule), live(plan, other), live(plan, schedule, 'fusing')].map(resultOf);
      for (const another of others) expectSame(another, one);
    }));
});

// --- Comparing.

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/** Of what JSON can say. Texts are compared first, since Jest takes its time: there are thousands of equal states. */
function expectSame(actual: unknown, expected: unknown): void {
  if (textOf(actual) !== textOf(expected)) expect(actual).toEqual(expected);
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(byKey)) : part,
  );

/** Rows come in no particular order, as JSON, and know nothing but what is in them. */
function readBack({ nodes, ...execution }: RunState): RunState {
  const rows: readonly [string, NodeRun][] = JSON.parse(JSON.stringify([...nodes].reverse()));
  return { ...JSON.parse(JSON.stringify(execution)), nodes: new Map(rows) };
}

/** What the shell loads for a fact */
function around(state: RunState, fact: Fact): RunState {
  if (fact.type === 'run.retried') return state;
  const frames = framesAround('iteration' in fact ? (fact.iteration ?? '') : '');
  return { ...state, nodes: new Map([...state.nodes].filter(([key]) => frames.includes(placeOf(key).iteration))) };
}

/** A decision with the rows that are to be written, instead of all */
function withChanges({ state: { nodes, ...run }, ...decided }: Decision, before: RunState) {
  return { ...decided, run, changes: [...nodes].filter(([key, one]) => before.nodes.get(key) !== one).sort(byKey) };
}

function counts(plan: Plan, state: RunState, fact: Fact): boolean {
  const { events, commands, givenUp, state: after } = advance(plan.graph, workflowOf(plan), state, fact, circumstances(0));
  return after !== state || events.length + commands.length + givenUp.length > 0;
}

function resultOf(turns: readonly Turn[]) {
  const { status, output, error, nodes } = lastOf(turns);
  const runs = [...nodes].map(([key, run]) => ({ key, status: run.status, handle: run.handle, output: run.output, attempt: run.attempt }));
  const events = Map.groupBy(eventsOf(turns).filter(isNodeEvent), keyOfEvent);
  return {
    status,
    output,
    error,
    runs: runs.sort((a, b) => a.key.localeCompare(b.key)),
    events: [...events].map(([key, list]) => [key, list.map(withoutChance)] as const).sort(byKey),
  };
}

/** Without ids, times, and from whom a join got what came first */
function withoutChance({ type, payload }: NodeEvent) {
  const { nodeRunId, ...rest } = payload;
  const lessOf = { ...rest, startedAt: '', retryAt: '', ...('joined' in rest ? { inputFrom: [] } : {}) };
  return { type, ...lessOf, isNamed: nodeRunId !== '' };
}

// --- A reader of the log.

type ToldRun = Pick<NodeRun, 'status' | 'attempt' | 'handle' | 'output' | 'error' | 'waitUntil' | 'items'>;

interface Told {
  status: RunStatus;
  output?: Json;
  error?: NodeError;
  readonly nodes: Map<string, ToldRun>;
}

function hear(told: Told, { events, commands }: Decision): void {
  for (const event of events) {
    if (isNodeEvent(event)) hearOfNode(told, event);
    else hearOfRun(told, event);
  }
  for (const { nodeId, iteration, attempt } of commands) {
    for (const key of itemsAround(iteration)) if (!told.nodes.has(key)) told.nodes.set(key, { status: 'running', attempt: 1 });
    const key = keyOf(nodeId, iteration);
    told.nodes.set(key, { ...told.nodes.get(key), status: 'running', attempt });
  }
}

const itemsAround = (iteration: Iteration): string[] =>
  framesAround(iteration).flatMap((around) => {
    const frame = frameOf(around);
    return frame ? [keyOf(frame.loopId, around)] : [];
  });

function hearOfNode({ nodes }: Told, event: NodeEvent): void {
  const key = keyOfEvent(event);
  const { attempt, iteration } = event.payload;
  const run: ToldRun = { ...nodes.get(key), status: 'running', attempt };
  const ended = { ...run, error: undefined, waitUntil: undefined };
  const outputs = (ids: readonly string[]) => ids.map((id) => [id, nodes.get(keyOf(id, iteration))?.output ?? null] as const);

  switch (event.type) {
    case 'node.execution.started':
      return void nodes.set(key, { ...run, items: event.payload.items });
    case 'node.execution.waiting':
      return void nodes.set(key, { ...run, status: 'waiting', waitUntil: event.payload.until });
    case 'node.execution.in_doubt':
      return void nodes.set(key, { ...run, status: 'in_doubt', error: event.payload.error });
    case 'node.execution.retried':
      return void nodes.set(key, { ...ended, attempt: attempt + 1, error: event.payload.error });
    case 'node.execution.skipped':
      return void nodes.set(key, { status: 'skipped', attempt });
    case 'node.execution.failed': {
      const { error, handle } = event.payload;
      const output = handle === undefined ? undefined : { error: { ...error } };
      return void nodes.set(key, { ...ended, status: 'failed', error, handle, output });
    }
    case 'node.execution.completed': {
      const { handle, inputFrom } = event.payload;
      const [first, ...others] = outputs(inputFrom);
      const passedOn = others.length > 0 ? Object.fromEntries(outputs(inputFrom)) : (first?.[1] ?? (isItem(key) ? null : input));
      return void nodes.set(key, { ...ended, status: 'completed', handle, output: event.payload.output ?? passedOn });
    }
  }
}

function hearOfRun(told: Told, event: Exclude<EngineEvent, NodeEvent>): void {
  switch (event.type) {
    case 'workflow.execution.waiting':
      return void (told.status = 'waiting');
    case 'workflow.execution.paused':
      return void (told.status = 'paused');
    case 'workflow.execution.resumed':
      return void (told.status = 'running');
    case 'workflow.execution.cancelled':
      return void (told.status = 'cancelled');
    case 'workflow.execution.completed':
      return void Object.assign(told, { status: 'completed', output: event.payload.output });
    case 'workflow.execution.incomplete':
      return void Object.assign(told, { status: 'incomplete', ...event.payload });
    case 'workflow.execution.failed': {
      const { error } = event.payload;
      return void Object.assign(told, { status: 'failed', error, ...(error.code === 'stopped' ? { output: error.details } : {}) });
    }
    case 'workflow.execution.retried': {
      const again = new Set(event.payload.nodes.map(({ nodeId, iteration }) => keyOf(nodeId, iteration)));
      const goOn = new Set(
        event.payload.nodes.flatMap(({ iteration = '' }) => itemsAround(iteration).flatMap((key) => [key, loopOf(key)])),
      );
      for (const [key, run] of told.nodes) {
        if (again.has(key)) told.nodes.set(key, { ...run, status: 'running', attempt: run.attempt + 1, waitUntil: undefined });
        if (goOn.has(key)) told.nodes.set(key, { ...run, status: 'running', error: undefined });
      }
      return void Object.assign(told, { status: 'running', error: undefined });
    }
  }
}

/** As it can be compared. What a limit kept from running has neither event nor command. */
function shown(
  { status, output, error, nodes }: Pick<RunState, 'status' | 'output' | 'error'> & { readonly nodes: ReadonlyMap<string, ToldRun> },
  told: Told,
) {
  const runs = [...nodes]
    .filter(([key, run]) => run.status !== 'running' || told.nodes.has(key))
    .map(
      ([key, run]) =>
        [
          key,
          {
            status: run.status,
            attempt: run.attempt,
            handle: run.handle,
            output: run.output,
            error: run.error,
            waitUntil: run.waitUntil,
            items: run.items,
          },
        ] as const,
    );
  return { status, output, error, runs: runs.sort(byKey) };
}
