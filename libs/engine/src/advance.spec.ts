import type { Json } from '@sluice/kernel';
import { advance, type Decision } from './advance.js';
import { type CompiledGraph, compileGraph } from './compile-graph.js';
import { inputOf } from './data-flow.js';
import type { EngineCommand, EngineEvent, Fact } from './facts.js';
import type { GraphNode, JoinRule, NodePolicy } from './graph.js';
import { newRun, type RunState } from './run-state.js';

const input = { text: 'hi' };
const startedAt = '2026-01-01T00:00:00.000Z';
const noon = '2026-01-01T12:00:00.000Z';
const evening = '2026-01-01T18:00:00.000Z';
const problem = { code: 'http_503', message: 'No.' };

interface Details {
  readonly policy?: NodePolicy;
  readonly join?: JoinRule;
}

/** One edge a line, `source[.handle] > target`; the nodes are those that the edges name. */
function draw(edges: string, details: Record<string, Details> = {}): CompiledGraph {
  const parsed = [...edges.matchAll(/(\w+)(?:\.(\w+))? > (\w+)/g)].map(([, source = '', sourceHandle, target = '']) => ({
    source,
    sourceHandle,
    target,
  }));
  const ids = new Set(parsed.flatMap(({ source, target }) => [source, target]));
  const nodes = [...ids].map((id): GraphNode => ({ id, type: 'test', config: {}, policy: details[id]?.policy }));
  return compileGraph({ nodes, edges: parsed }, (node) => ({ join: details[node.id]?.join }));
}

const started: Fact = { type: 'run.started' };
const paused: Fact = { type: 'run.paused', by: 'ada' };
const resumed: Fact = { type: 'run.resumed', by: 'ada' };
const cancelled: Fact = { type: 'run.cancelled', by: 'ada' };
const calls = (nodeId: string, attempt = 1): Fact => ({ type: 'node.started', nodeId, attempt });
const done = (nodeId: string, handle = 'out', attempt = 1): Fact => ({
  type: 'node.completed',
  nodeId,
  attempt,
  handle,
  output: nodeId === 'start' ? input : `from ${nodeId}`,
  startedAt,
});
const fails = (nodeId: string, attempt = 1, retryAfterMs?: number): Fact => ({
  type: 'node.failed',
  nodeId,
  attempt,
  error: problem,
  retryable: true,
  retryAfterMs,
  startedAt,
});
const breaks = (nodeId: string): Fact => ({ type: 'node.failed', nodeId, attempt: 1, error: problem, retryable: false, startedAt });
const waits = (nodeId: string, until: string): Fact => ({ type: 'node.waiting', nodeId, waiting: { for: 'time', until } });
const doubts = (nodeId: string): Fact => ({ type: 'node.in_doubt', nodeId, attempt: 1, error: problem, startedAt });
const repeats = (nodeId: string): Fact => ({ type: 'node.repeated', nodeId });
const stops = (nodeId: string, status: 'completed' | 'failed', output?: Json): Fact => ({ type: 'run.stopped', nodeId, status, output });

let ids = 0;
const at = { now: new Date('2026-01-01T00:00:01.000Z'), newId: () => `run ${++ids}`, random: () => 0.5 };
const workflow = { executionId: 'execution', workflowId: 'workflow' };

/** `a completed, run completed` */
const tellEvent = ({ type, payload }: EngineEvent) =>
  `${'nodeRunId' in payload ? payload.nodeId : 'run'} ${type.slice(type.lastIndexOf('.') + 1)}`;
/** `→ a`, `→ a #2 in 5000 ms` */
const tellCommand = (command: EngineCommand) =>
  command.type === 'runNode' ? `→ ${command.nodeId}` : `→ ${command.nodeId} #${command.attempt} in ${command.delayMs} ms`;
const tell = ({ events, commands }: Decision) => [...events.map(tellEvent), ...commands.map(tellCommand)].join(', ');

type Step = readonly [fact: Fact, decision: string];

/** Plays a run from `start`: after each fact the decision must be as told. Returns the last one. */
function play(graph: CompiledGraph, steps: readonly Step[]): Decision {
  let decision: Decision = { state: newRun('start', input), events: [], commands: [], givenUp: [] };
  const told = steps.map(([fact]) => {
    decision = advance(graph, workflow, decision.state, fact, at);
    return tell(decision);
  });
  expect(told).toEqual(steps.map(([, expected]) => expected));
  return decision;
}

const starts: readonly Step[] = [
  [started, '→ start'],
  [done('start'), 'start completed, → a'],
];
const any: Details = { join: { mode: 'any' } };
const all: Details = { join: { mode: 'all' } };
const twoOf: Details = { join: { mode: 'kOf', count: 2 } };
const policy = (policy: NodePolicy): Details => ({ policy });

const sequence = draw('start > a, a > b');
const decision = draw('start > a, a.true > yes, yes > yesToo, a.false > no, yesToo > end, no > end');
const fork = (join: Details) => draw('start > a, start > b, start > c, a > join, b > join, c > join, join > end', { join });
const forked: readonly Step[] = [
  [started, '→ start'],
  [done('start'), 'start completed, → a, → b, → c'],
];
/** Two ifs before a join of two: how many branches arrive depends on them. */
const gated = draw('start > a, start > b, a.true > join, b.true > join, join > end, end > last', { join: twoOf });

const examples: Record<string, readonly [graph: CompiledGraph, steps: readonly Step[]]> = {
  'a call in doubt that did not happen is made again at once, and its policy counts anew': [
    draw('start > a', { a: policy({ retry: { maxAttempts: 2, delayMs: 1_000, backoff: 'fixed', jitter: false } }) }),
    [
      ...starts,
      [repeats('a'), ''],
      [doubts('a'), 'a in_doubt, run waiting'],
      [repeats('a'), 'a retried, run resumed, → a'],
      [repeats('a'), ''],
      [fails('a', 2), 'a retried, → a #3 in 1000 ms'],
      [fails('a', 3), 'a failed, run failed'],
    ],
  ],
  'a sequence runs one node after the other and completes': [
    sequence,
    [...starts, [done('a'), 'a completed, → b'], [done('b'), 'b completed, run completed']],
  ],
  'a graph of one node is a run': [
    compileGraph({ nodes: [{ id: 'start', type: 'trigger.manual', config: {} }], edges: [] }, () => ({})),
    [
      [started, '→ start'],
      [done('start'), 'start completed, run completed'],
    ],
  ],
  'an if takes one branch; the other is skipped, as far as the branches meet again': [
    decision,
    [
      ...starts,
      [done('a', 'false'), 'a completed, yes skipped, yesToo skipped, → no'],
      [done('no'), 'no completed, → end'],
      [done('end'), 'end completed, run completed'],
    ],
  ],
  'a switch left by a handle without an edge skips every case': [
    draw('start > a, a.red > red, a.blue > blue'),
    [...starts, [done('a', 'default'), 'a completed, red skipped, blue skipped, run completed']],
  ],
  'what cannot be reached from the entry takes no part, and nobody waits for it': [
    draw('start > a, other > b, a > end, b > end'),
    [...starts, [done('a'), 'a completed, → end'], [done('end'), 'end completed, run completed']],
  ],
  'two edges between the same handles are one': [
    draw('start > a, a > b, a > b, b > end', { b: twoOf }),
    [...starts, [done('a'), 'a completed, run incomplete']],
  ],

  'parallel branches run at once, and a merge of all waits for the last': [
    fork(all),
    [
      ...forked,
      [done('b'), 'b completed'],
      [done('a'), 'a completed'],
      [done('c'), 'c completed, → join'],
      [done('join'), 'join completed, → end'],
      [done('end'), 'end completed, run completed'],
    ],
  ],
  'a merge of any runs at the first and absorbs the rest': [
    fork(any),
    [
      ...forked,
      [done('b'), 'b completed, → join'],
      [done('a'), 'a completed'],
      [done('join'), 'join completed, → end'],
      [done('end'), 'end completed'],
      [done('c'), 'c completed, run completed'],
    ],
  ],
  'a merge of two runs at the second': [
    fork(twoOf),
    [
      ...forked,
      [done('b'), 'b completed'],
      [done('c'), 'c completed, → join'],
      [done('join'), 'join completed, → end'],
      [done('a'), 'a completed'],
      [done('end'), 'end completed, run completed'],
    ],
  ],
  'a merge of two that gets one is starved with all behind it, and the run is incomplete': [
    gated,
    [
      [started, '→ start'],
      [done('start'), 'start completed, → a, → b'],
      [done('a', 'true'), 'a completed'],
      [done('b', 'false'), 'b completed, run incomplete'],
    ],
  ],
  'a merge of two that gets none is skipped like any node': [
    gated,
    [
      [started, '→ start'],
      [done('start'), 'start completed, → a, → b'],
      [done('a', 'false'), 'a completed'],
      [done('b', 'false'), 'b completed, join skipped, end skipped, last skipped, run completed'],
    ],
  ],
  'a starved join does not hold up what needs it not': [
    draw('start > a, start > b, a.true > join, b.true > join, join > first, b.false > first, first > end', { join: twoOf, first: any }),
    [
      [started, '→ start'],
      [done('start'), 'start completed, → a, → b'],
      [done('a', 'true'), 'a completed'],
      [done('b', 'false'), 'b completed, → first'],
      [done('first'), 'first completed, → end'],
      [done('end'), 'end completed, run incomplete'],
    ],
  ],

  'a failure that another attempt may mend is retried, later each time (here: at half of the full jitter)': [
    sequence,
    [
      ...starts,
      [fails('a', 1), 'a retried, → a #2 in 2500 ms'],
      [fails('a', 2), 'a retried, → a #3 in 5000 ms'],
      [fails('a', 3), 'a failed, run failed'],
    ],
  ],
  'a retry that succeeds goes on as if nothing had been': [
    sequence,
    [
      ...starts,
      [fails('a'), 'a retried, → a #2 in 2500 ms'],
      [done('a', 'out', 2), 'a completed, → b'],
      [done('b'), 'b completed, run completed'],
    ],
  ],
  'a failure that none can mend fails the run at once, though others are at work': [
    fork(all),
    [...forked, [breaks('b'), 'b failed, run failed'], [done('a'), '']],
  ],
  'Retry-After is waited for': [sequence, [...starts, [fails('a', 1, 60_000), 'a retried, → a #2 in 60000 ms']]],
  'onError continue leaves the failed node by out': [
    draw('start > a, a > b', { a: policy({ onError: 'continue' }) }),
    [...starts, [breaks('a'), 'a failed, → b'], [done('b'), 'b completed, run completed']],
  ],
  'a connected error handle takes over, and the other branch is skipped': [
    draw('start > a, a > b, a.error > mend'),
    [...starts, [breaks('a'), 'a failed, b skipped, → mend'], [done('mend'), 'mend completed, run completed']],
  ],
  'an error handle that is not needed is skipped': [
    draw('start > a, a > b, a.error > mend'),
    [...starts, [done('a'), 'a completed, mend skipped, → b'], [done('b'), 'b completed, run completed']],
  ],

  'a delay makes the run wait and then go on': [
    sequence,
    [
      ...starts,
      [waits('a', noon), 'a waiting, run waiting'],
      [done('a'), 'a completed, run resumed, → b'],
      [done('b'), 'b completed, run completed'],
    ],
  ],
  'a run waits when every active node does, and says so again when the next date changes': [
    fork(all),
    [
      ...forked,
      [waits('a', evening), 'a waiting'],
      [done('b'), 'b completed'],
      [waits('c', noon), 'c waiting, run waiting'],
      [done('c'), 'c completed, run waiting'],
      [done('a'), 'a completed, run resumed, → join'],
    ],
  ],
  'an effect reports its start once per attempt': [
    sequence,
    [
      ...starts,
      [calls('a'), 'a started'],
      [calls('a'), ''],
      [fails('a'), 'a retried, → a #2 in 2500 ms'],
      [calls('a'), ''],
      [calls('a', 2), 'a started'],
      [done('a', 'out', 2), 'a completed, → b'],
    ],
  ],
  'a call with an unknown outcome waits for a person': [
    sequence,
    [...starts, [doubts('a'), 'a in_doubt, run waiting'], [done('a'), 'a completed, run resumed, → b']],
  ],
  'a call that was not made after all is tried again': [
    sequence,
    [...starts, [doubts('a'), 'a in_doubt, run waiting'], [fails('a'), 'a retried, run resumed, → a #2 in 2500 ms']],
  ],
  'a connected in_doubt handle takes over instead': [
    draw('start > a, a > b, a.in_doubt > ask'),
    [...starts, [doubts('a'), 'a in_doubt, a failed, b skipped, → ask']],
  ],

  'stop ends the run at once, whoever is still at work': [
    fork(all),
    [...forked, [stops('a', 'completed', 'enough'), 'a completed, run completed'], [done('b'), ''], [cancelled, '']],
  ],
  'stop can end it as failed': [sequence, [...starts, [stops('a', 'failed'), 'a completed, run failed']]],
  'a cancelled run decides nothing more': [
    sequence,
    [...starts, [cancelled, 'run cancelled'], [done('a'), ''], [resumed, ''], [started, '']],
  ],
  'a paused run absorbs what comes in; its commands are for the shell to park': [
    sequence,
    [
      ...starts,
      [paused, 'run paused'],
      [paused, ''],
      [done('a'), 'a completed, → b'],
      [resumed, 'run resumed'],
      [resumed, ''],
      [done('b'), 'b completed, run completed'],
    ],
  ],
  'a run paused before its start starts when it may': [
    sequence,
    [
      [paused, 'run paused'],
      [resumed, 'run resumed'],
      [started, '→ start'],
    ],
  ],
  'a paused run waits on': [
    sequence,
    [
      ...starts,
      [paused, 'run paused'],
      [waits('a', noon), 'a waiting'],
      [resumed, 'run resumed, run waiting'],
      [done('a'), 'a completed, run resumed, → b'],
    ],
  ],
  'a paused run with nothing left to do ends': [
    sequence,
    [...starts, [done('a'), 'a completed, → b'], [paused, 'run paused'], [done('b'), 'b completed, run completed']],
  ],
  'what is repeated, outdated or about nobody decides nothing': [
    sequence,
    [
      ...starts,
      [started, ''],
      [done('start'), ''],
      [done('b'), ''],
      [done('nobody'), ''],
      [resumed, ''],
      [fails('a'), 'a retried, → a #2 in 2500 ms'],
      [fails('a'), ''],
      [done('a'), ''],
      [done('a', 'out', 2), 'a completed, → b'],
      [breaks('a'), ''],
    ],
  ],
};

describe('A run', () => {
  it.each(Object.entries(examples))('%s', (_promise, [graph, steps]) => {
    play(graph, steps);
  });
});

const afterwards = (graph: CompiledGraph, ...facts: Fact[]): RunState =>
  facts.reduce((state, fact) => advance(graph, workflow, state, fact, at).state, newRun('start', input));

describe('The input of a node', () => {
  it('is the run’s input for the entry', () => expect(inputOf(sequence, newRun('start', input), 'start')).toEqual(input));

  it('is the output of the node before it', () =>
    expect(inputOf(sequence, afterwards(sequence, started, done('start'), done('a')), 'b')).toBe('from a'));

  it('is that of the branch that was taken', () =>
    expect(inputOf(decision, afterwards(decision, started, done('start'), done('a', 'false'), done('no')), 'end')).toBe('from no'));

  it('is an object by node id of several branches', () => {
    const graph = draw('start > a, start > b, a > end, b > end');
    const state = afterwards(graph, started, done('start'), done('b'), done('a'));
    expect(inputOf(graph, state, 'end')).toEqual({ a: 'from a', b: 'from b' });
  });

  it('is an object after a join, be it of one branch, and stays what the join ran with', () => {
    const state = afterwards(fork(any), started, done('start'), done('b'), done('a'));
    expect(inputOf(fork(any), state, 'join')).toEqual({ b: 'from b' });
  });

  it('is the error after a failure', () => {
    const graph = draw('start > a, a.error > mend');
    expect(inputOf(graph, afterwards(graph, started, done('start'), breaks('a')), 'mend')).toEqual({ error: problem });
  });
});

describe('The output of a run', () => {
  const outputOf = (graph: CompiledGraph, ...facts: Fact[]) => afterwards(graph, started, done('start'), ...facts).output;

  it('is that of its last node', () => expect(outputOf(sequence, done('a'), done('b'))).toBe('from b'));

  it('is an object by node id where it ended in several places', () =>
    expect(outputOf(draw('start > a, start > b'), done('b'), done('a'))).toEqual({ a: 'from a', b: 'from b' }));

  it('is what stop says', () => expect(outputOf(sequence, stops('a', 'completed', 7))).toBe(7));

  it('is nothing where only a starved join was left', () =>
    expect(outputOf(draw('start > a, a > b, a.other > b', { b: twoOf }), done('a'))).toBeNull());
});

describe('The events', () => {
  it('tell what a read model shows of a node, under the execution’s id', () => {
    const { events } = play(fork(twoOf), [
      ...forked,
      [done('c'), 'c completed'],
      [done('a'), 'a completed, → join'],
      [done('join'), 'join completed, → end'],
    ]);
    expect(events).toEqual([
      {
        type: 'node.execution.completed',
        aggregateId: 'execution',
        payload: {
          workflowId: 'workflow',
          nodeId: 'join',
          nodeRunId: expect.stringContaining('run'),
          nodeType: 'test',
          attempt: 1,
          inputFrom: ['a', 'c'],
          joined: true,
          startedAt,
          handle: 'out',
          output: 'from join',
        },
      },
    ]);
  });

  it('do not repeat the run’s input as the output of its trigger', () => {
    const { events, state } = play(sequence, starts);
    expect(events[0]?.payload).not.toHaveProperty('output');
    expect(state.nodes.get('start')?.output).toEqual(input);
  });

  it('name the join that starved', () => {
    const { events, state } = play(...examplesOf('a merge of two that gets one'));
    const error = { code: 'join_starved', message: 'Join "join" can no longer get the branches it waits for.' };
    expect(events.at(-1)?.payload).toEqual({ workflowId: 'workflow', error, output: 'from b' });
    expect(state).toMatchObject({ status: 'incomplete', error });
    expect([...state.nodes.keys()]).toEqual(['start', 'a', 'b']);
  });

  it('say when a retry is due and when a wait is over', () => {
    const { events } = play(sequence, [...starts, [fails('a'), 'a retried, → a #2 in 2500 ms']]);
    expect(events[0]?.payload).toMatchObject({ attempt: 1, error: problem, retryAt: '2026-01-01T00:00:03.500Z' });

    const waiting = play(fork(all), [
      ...forked,
      [waits('a', evening), 'a waiting'],
      [waits('b', noon), 'b waiting'],
      [waits('c', evening), 'c waiting, run waiting'],
    ]);
    expect(waiting.events.at(-1)?.payload).toEqual({ workflowId: 'workflow', until: noon });
  });

  it('count a wait as part of the node’s time', () => {
    const { events } = play(sequence, [
      ...starts,
      [waits('a', noon), 'a waiting, run waiting'],
      [done('a'), 'a completed, run resumed, → b'],
    ]);
    expect(events[0]?.payload).toMatchObject({ startedAt: at.now.toISOString() });
  });
});

function examplesOf(beginning: string): readonly [CompiledGraph, readonly Step[]] {
  const found = Object.entries(examples).find(([promise]) => promise.startsWith(beginning));
  if (!found) throw new Error(`No example begins with "${beginning}".`);
  return found[1];
}
