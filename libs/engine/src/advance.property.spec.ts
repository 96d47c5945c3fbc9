import fc from 'fast-check';
import type { Json } from '@sluice/kernel';
import { advance, type Decision } from './advance.js';
import { type CompiledGraph, type CompiledNode, compileGraph } from './compile-graph.js';
import { inputOf } from './data-flow.js';
import type { EngineCommand, Fact } from './facts.js';
import { DEFAULT_HANDLE, ERROR_HANDLE, IN_DOUBT_HANDLE, type JoinRule, type NodePolicy } from './graph.js';
import { executionIsOver, newRun, type NodeRun, type RunState } from './run-state.js';

/** A node and its fate: where it stands in the graph, and what happens whenever it is run. */
interface Fate {
  readonly id: string;
  readonly from: readonly (readonly [source: string, handle: string])[];
  readonly join: JoinRule | undefined;
  readonly onError: NodePolicy['onError'];
  readonly fails: number;
  readonly retryable: boolean;
  readonly reportsStart: boolean;
  readonly ends: 'done' | 'later' | 'in doubt' | 'stop';
  readonly leavesBy: string;
}

/** Nodes from the entry on, each behind earlier ones; some also behind `other`, which no run reaches. */
interface Plan {
  readonly fates: ReadonlyMap<string, Fate>;
  readonly graph: CompiledGraph;
}

/** What happens next: the n-th piece of outstanding work gets its turn, or a person steps in. */
type Move = number | 'pause' | 'resume' | 'cancel';

const input: Json = { text: 'hi' };
const entry = 'n0';

// --- Arbitrary runs. What shrinking goes towards stands first: a chain of nodes that simply complete.

const mostly = <T>(usual: T, ...others: T[]) => fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, fc.constantFrom(usual, ...others));

const fate = (policies: readonly NodePolicy['onError'][], ends: readonly Fate['ends'][]) =>
  fc.record({
    from: fc.array(fc.record({ back: fc.nat(3), handle: mostly(DEFAULT_HANDLE, 'yes', 'no', ERROR_HANDLE, IN_DOUBT_HANDLE) }), {
      minLength: 1,
      maxLength: 4,
    }),
    join: mostly<JoinRule | undefined>(undefined, { mode: 'all' }, { mode: 'any' }, { mode: 'kOf', count: 2 }, { mode: 'kOf', count: 3 }),
    onError: fc.constantFrom(...policies),
    fails: mostly(0, 1, 2, 3),
    retryable: fc.boolean(),
    reportsStart: fc.boolean(),
    ends: mostly<Fate['ends']>('done', ...ends),
    leavesBy: mostly(DEFAULT_HANDLE, 'yes', 'no'),
  });

const planOf = (drafts: ReturnType<typeof fate>): fc.Arbitrary<Plan> =>
  fc.array(drafts, { minLength: 1, maxLength: 9 }).map((list) => {
    const fates = list.map((draft, index): Fate => {
      const from = draft.from.map(({ back, handle }) => [index - 1 - back < 0 ? 'other' : `n${index - 1 - back}`, handle] as const);
      return { ...draft, id: `n${index}`, from: index === 0 ? [] : from };
    });
    return toPlan(fates);
  });

function toPlan(fates: readonly Fate[]): Plan {
  const byId = new Map(fates.map((one) => [one.id, one]));
  const nodes = [{ id: 'other' }, ...fates].map(({ id }) => ({
    id,
    type: 'test',
    config: {},
    policy: { onError: byId.get(id)?.onError, retry: { maxAttempts: 3 } },
  }));
  const edges = fates.flatMap(({ id, from }) => from.map(([source, sourceHandle]) => ({ source, sourceHandle, target: id })));
  const graph = compileGraph({ nodes, edges }, (node) => ({ join: byId.get(node.id)?.join }));
  return Object.assign({ fates: byId, graph }, { [fc.toStringMethod]: () => `\n${fates.map(describeFate).join('\n')}\n` });
}

function describeFate({ id, from, join, onError, fails, retryable, ends, leavesBy }: Fate): string {
  const rule = join ? ` (${join.mode}${join.mode === 'kOf' ? ` ${join.count}` : ''})` : '';
  const sources = from.map(([source, handle]) => `${source}.${handle}`).join(', ');
  const failing = fails > 0 ? `, fails ${fails} × ${retryable ? 'retryably' : 'finally'} (onError ${onError ?? 'by edges'})` : '';
  return `  ${id}${rule}${sources && ` <- ${sources}`}: ${ends}${failing}, leaves by ${leavesBy}`;
}

const anyPlan = planOf(fate([undefined, 'fail', 'continue', 'branch'], ['later', 'in doubt', 'stop']));
/** Nothing in it ends the run before its nodes do. */
const calmPlan = planOf(fate(['continue', 'branch'], ['later', 'in doubt']));

const moves = (...people: Exclude<Move, number>[]) =>
  fc.array(fc.oneof({ weight: 12, arbitrary: fc.nat(11) }, ...people.map((move) => fc.constant<Move>(move))), { maxLength: 60 });
const anyMoves = moves('pause', 'resume', 'cancel');
const calmMoves = moves('pause', 'resume');

// --- The world around the engine: it does what commands say, in the order of the moves, and reports.

interface Work {
  readonly nodeId: string;
  readonly attempt: number;
  readonly stage: 'begin' | 'end' | 'wake';
}

interface Turn {
  readonly before: RunState;
  readonly fact: Fact;
  readonly decision: Decision;
  /** All that somebody still has to do, parked or not */
  readonly outstanding: readonly Work[];
}

const workflow = { executionId: 'execution', workflowId: 'workflow' };

/** Ids and chance depend on the step alone, so that it can be decided again. */
function circumstances(step: number) {
  let ids = 0;
  return { now: new Date(Date.UTC(2026, 0, 1, 0, 0, step)), newId: () => `${step}.${++ids}`, random: () => (step * 0.37) % 1 };
}

function live({ fates, graph }: Plan, schedule: readonly Move[]): readonly Turn[] {
  const turns: Turn[] = [];
  let state = newRun(entry, input);
  let work: Work[] = [];
  let parked: Work[] = [];

  const report = (fact: Fact, next: readonly Work[] = []) => {
    const before = state;
    const decision = advance(graph, workflow, before, fact, circumstances(turns.length));
    state = decision.state;
    const commanded = decision.commands.map(({ nodeId, attempt }: EngineCommand): Work => ({ nodeId, attempt, stage: 'begin' }));
    work.push(...next);
    if (state.status === 'paused') parked.push(...commanded);
    else [work, parked] = [[...work, ...parked, ...commanded], []];
    turns.push({ before, fact, decision, outstanding: [...work, ...parked] });
  };

  report({ type: 'run.started' });
  const left = [...schedule];
  while (!executionIsOver(state) && (work.length > 0 || state.status === 'paused')) {
    const move = left.shift() ?? (work.length > 0 ? 0 : 'resume');
    if (move === 'pause') report({ type: 'run.paused', by: 'ada' });
    else if (move === 'resume') report({ type: 'run.resumed', by: 'ada' });
    else if (move === 'cancel') report({ type: 'run.cancelled', by: 'ada' });
    else {
      const [next] = work.splice(move % Math.max(work.length, 1), 1);
      const one = next && fates.get(next.nodeId);
      if (next && one) report(...outcome(one, next));
    }
  }
  return turns;
}

function outcome(one: Fate, { nodeId, attempt, stage }: Work): [fact: Fact, next?: Work[]] {
  const startedAt = '2026-01-01T00:00:00.000Z';
  const error = { code: 'broken', message: `${nodeId} is broken.` };
  if (stage === 'begin' && one.reportsStart) return [{ type: 'node.started', nodeId, attempt }, [{ nodeId, attempt, stage: 'end' }]];

  if (stage !== 'wake') {
    if (attempt <= one.fails) return [{ type: 'node.failed', nodeId, attempt, error, retryable: one.retryable, startedAt }];
    if (one.ends === 'stop') return [{ type: 'run.stopped', nodeId, attempt, status: 'completed', output: nodeId, startedAt }];
    if (one.ends === 'in doubt') return [{ type: 'node.in_doubt', nodeId, attempt, error, startedAt }];
    if (one.ends === 'later') {
      const until = new Date(Date.UTC(2027, 0, Number(nodeId.slice(1)) + 1)).toISOString();
      return [{ type: 'node.waiting', nodeId, attempt, waiting: { for: 'time', until }, startedAt }, [{ nodeId, attempt, stage: 'wake' }]];
    }
  }
  return [{ type: 'node.completed', nodeId, attempt, handle: one.leavesBy, output: nodeId, startedAt }];
}

// --- What must hold.

const lastOf = (turns: readonly Turn[]): RunState => turns.at(-1)?.decision.state ?? newRun(entry, input);
const eventsOf = (turns: readonly Turn[]) => turns.flatMap(({ decision }) => decision.events);
const nodesWith = (state: RunState, ...statuses: string[]) =>
  [...state.nodes].flatMap(([id, { status }]) => (statuses.includes(status) ? [id] : [])).sort();

const always = <Ts extends [unknown, ...unknown[]]>(
  arbitraries: { [I in keyof Ts]: fc.Arbitrary<Ts[I]> },
  promise: (...values: Ts) => void,
) => fc.assert(fc.property(...arbitraries, promise), { numRuns: 300 });

const inEveryRun = (promise: (turns: readonly Turn[], plan: Plan) => void) => () =>
  always<[Plan, Move[]]>([anyPlan, anyMoves], (plan, schedule) => promise(live(plan, schedule), plan));

describe('In every run', () => {
  it(
    'something is always to be done until it is over, or a person is asked',
    inEveryRun((turns) => {
      for (const { decision, outstanding } of turns) {
        if (executionIsOver(decision.state)) continue;
        expect(outstanding.map((work) => work.nodeId).sort()).toEqual(nodesWith(decision.state, 'running', 'waiting'));
        expect(nodesWith(decision.state, 'running', 'waiting', 'in_doubt')).not.toEqual([]);
      }
      const end = lastOf(turns);
      if (!executionIsOver(end)) expect([end.status, nodesWith(end, 'in_doubt').length > 0]).toEqual(['waiting', true]);
    }),
  );

  it(
    'a node is begun once, has one outcome, and its attempts count up',
    inEveryRun((turns) => {
      const commands = turns.flatMap(({ decision }) => decision.commands);
      const attempts = Map.groupBy(commands, (command) => command.nodeId);
      for (const list of attempts.values()) expect(list.map((command) => command.attempt)).toEqual(list.map((_, index) => index + 1));

      const outcomes = eventsOf(turns).filter(({ type }) => /^node\.execution\.(completed|failed|skipped)$/.test(type));
      const ended = outcomes.map(({ payload }) => ('nodeId' in payload ? payload.nodeId : undefined)).sort();
      expect(ended).toEqual(nodesWith(lastOf(turns), 'completed', 'failed', 'skipped'));
    }),
  );

  it(
    'one event ends it, and none follows',
    inEveryRun((turns) => {
      const terminal = /^workflow\.execution\.(completed|failed|cancelled|incomplete)$/;
      const types = eventsOf(turns).map(({ type }) => type);
      const ends = types.filter((type) => terminal.test(type));
      expect(ends).toEqual(executionIsOver(lastOf(turns)) ? [`workflow.execution.${lastOf(turns).status}`] : []);
      if (ends.length > 0) expect(types.at(-1)).toBe(ends[0]);
    }),
  );

  it(
    'the events alone tell its status',
    inEveryRun((turns) => {
      let told = 'running';
      for (const { decision } of turns) {
        const types = decision.events.map(({ type }) => type).filter((type) => type.startsWith('workflow.'));
        told = types.at(-1)?.replace('workflow.execution.', '').replace('resumed', 'running') ?? told;
        expect(decision.state.status).toBe(told);
      }
    }),
  );

  it(
    'what was reported once decides nothing when it is reported again, however late',
    inEveryRun((turns, { graph }) => {
      const reported: Fact[] = [];
      for (const { fact, decision } of turns) {
        if (fact.type !== 'run.paused' && fact.type !== 'run.resumed') reported.push(fact);
        for (const old of reported) {
          const again = advance(graph, workflow, decision.state, old, circumstances(0));
          expect(again).toEqual({ state: decision.state, events: [], commands: [], givenUp: [] });
        }
      }
    }),
  );

  it(
    'a state read back from its rows decides as the one in memory',
    inEveryRun((turns, { graph }) => {
      turns.forEach(({ before, fact, decision }, step) => {
        expect(advance(graph, workflow, readBack(before), fact, circumstances(step))).toEqual(decision);
      });
    }),
  );

  it(
    'the input of a node stays what it was when the node was begun',
    inEveryRun((turns, { graph }) => {
      const begun = new Map<string, Json>();
      for (const { decision } of turns) {
        for (const { nodeId } of decision.commands) if (!begun.has(nodeId)) begun.set(nodeId, inputOf(graph, decision.state, nodeId));
        for (const [nodeId, was] of begun) expect(inputOf(graph, decision.state, nodeId)).toEqual(was);
      }
    }),
  );

  it(
    'the state that was passed in is left alone',
    inEveryRun((turns, { graph }) => {
      turns.forEach(({ before, fact }, step) => {
        const copy = structuredClone(before);
        advance(graph, workflow, before, fact, circumstances(step));
        expect(before).toEqual(copy);
      });
    }),
  );
});

describe('In a run that comes to its own end', () => {
  it('a node ran, was skipped or is starved as its incoming edges say', () =>
    always<[Plan, Move[]]>([calmPlan, calmMoves], ({ fates, graph }, schedule) => {
      const end = lastOf(live({ fates, graph }, schedule));
      if (!executionIsOver(end)) return;

      const reachable = graph.reachableFrom(entry);
      const ran = (id: string) => nodesWith(end, 'completed', 'failed').includes(id);
      const fateOf = ({ id, join, incoming }: CompiledNode) => {
        const sources = incoming.filter((edge) => reachable.has(edge.source));
        const arrived = sources.filter((edge) => ran(edge.source) && end.nodes.get(edge.source)?.handle === edge.handle).length;
        const starved = sources.filter((edge) => !end.nodes.has(edge.source)).length;
        const needed = { all: arrived + starved, any: 1, kOf: join.mode === 'kOf' ? join.count : 0 }[join.mode];
        if (id === entry || (arrived > 0 && arrived >= needed)) return 'ran';
        return arrived + starved === 0 ? 'skipped' : 'starved';
      };
      const found = ({ id }: CompiledNode) => (ran(id) ? 'ran' : (end.nodes.get(id)?.status ?? 'starved'));

      const taking = [...reachable.values()];
      expect(taking.map((node) => [node.id, found(node)])).toEqual(taking.map((node) => [node.id, fateOf(node)]));
      expect(end.status).toBe(taking.some((node) => fateOf(node) === 'starved') ? 'incomplete' : 'completed');
      expect([...end.nodes.keys()].filter((id) => !reachable.has(id))).toEqual([]);
    }));

  it('neither the order in which nodes end nor a pause changes what comes out', () =>
    always<[Plan, Move[], Move[]]>([calmPlan, calmMoves, moves()], (plan, schedule, other) => {
      expect(resultOf(live(plan, schedule))).toEqual(resultOf(live(plan, other)));
    }));
});

/** Rows come in no particular order, as JSON, and know nothing but what is in them. */
function readBack({ nodes, ...execution }: RunState): RunState {
  const rows: readonly [string, NodeRun][] = JSON.parse(JSON.stringify([...nodes].reverse()));
  return { ...JSON.parse(JSON.stringify(execution)), nodes: new Map(rows) };
}

function resultOf(turns: readonly Turn[]) {
  const { status, output, error, nodes } = lastOf(turns);
  const runs = [...nodes].map(([id, run]) => ({ id, status: run.status, handle: run.handle, output: run.output, attempt: run.attempt }));
  return { status, output, error, runs: runs.sort((a, b) => a.id.localeCompare(b.id)) };
}
