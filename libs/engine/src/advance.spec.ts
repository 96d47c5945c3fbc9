import type { Json } from '@sluice/kernel';
import { advance, type Decision, type RunLimits } from './advance.js';
import { type CompiledGraph, compileGraph } from './compile-graph.js';
import { inputOf } from './data-flow.js';
import type { EngineCommand, EngineEvent, Fact, Waiting } from './facts.js';
import { keyOf, placeOf } from './frames.js';
import type { GraphNode, JoinRule, LoopRule, NodePolicy } from './graph.js';
import { newRun, type RunState } from './run-state.js';

const input = { text: 'hi' };
const startedAt = '2026-01-01T00:00:00.000Z';
const noon = '2026-01-01T12:00:00.000Z';
const evening = '2026-01-01T18:00:00.000Z';
const problem = { code: 'http_503', message: 'No.' };

interface Details {
  readonly policy?: NodePolicy;
  readonly join?: JoinRule;
  readonly loop?: LoopRule;
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
  return compileGraph({ nodes, edges: parsed }, (node) => ({ join: details[node.id]?.join, loop: details[node.id]?.loop }));
}

const started: Fact = { type: 'run.started' };
const paused: Fact = { type: 'run.paused', by: 'ada' };
const resumed: Fact = { type: 'run.resumed', by: 'ada' };
const cancelled: Fact = { type: 'run.cancelled', by: 'ada' };
const retried: Fact = { type: 'run.retried', by: 'ada' };
const tooLate: Fact = { type: 'run.failed', error: { code: 'deadline_exceeded', message: 'Too late.' } };
// Facts about nodes take the key of the node's run: `a`, `each:0/a`.
const calls = (key: string, attempt = 1): Fact => ({ type: 'node.started', ...placeOf(key), attempt });
const done = (key: string, handle = 'out', attempt = 1): Fact => ({
  type: 'node.completed',
  ...placeOf(key),
  attempt,
  handle,
  output: key === 'start' ? input : `from ${key}`,
  startedAt,
});
const fails = (key: string, attempt = 1, retryAfterMs?: number): Fact => ({
  type: 'node.failed',
  ...placeOf(key),
  attempt,
  error: problem,
  retryable: true,
  retryAfterMs,
  startedAt,
});
const breaks = (key: string, attempt = 1): Fact => ({
  type: 'node.failed',
  ...placeOf(key),
  attempt,
  error: problem,
  retryable: false,
  startedAt,
});
const waits = (key: string, until: string): Fact => awaits(key, { for: 'time', until });
const awaits = (key: string, waiting: Waiting): Fact => ({ type: 'node.waiting', ...placeOf(key), waiting });
const doubts = (key: string): Fact => ({ type: 'node.in_doubt', ...placeOf(key), attempt: 1, error: problem, startedAt });
const stops = (key: string, status: 'completed' | 'failed', output?: Json): Fact => ({
  type: 'run.stopped',
  ...placeOf(key),
  status,
  output,
});
const loops = (key: string, count: number): Fact => ({
  type: 'node.looped',
  ...placeOf(key),
  attempt: 1,
  items: Array.from({ length: count }, (_, index) => `item ${index}`),
  count,
  startedAt,
});
const repeats = (key: string): Fact => ({ type: 'node.repeated', ...placeOf(key) });

let ids = 0;
const at = { now: new Date('2026-01-01T00:00:01.000Z'), newId: () => `run ${++ids}`, random: () => 0.5 };
const workflow = { executionId: 'execution', workflowId: 'workflow' };

/** `a completed, run completed`; of an item `each:0/a completed`, and `each:0/each completed` for the item itself */
const tellEvent = ({ type, payload }: EngineEvent) =>
  `${'nodeRunId' in payload ? keyOf(payload.nodeId, payload.iteration) : 'run'} ${type.slice(type.lastIndexOf('.') + 1)}`;

/** `→ a`, `→ a #2`, `→ a #2 in 5000 ms` */
function tellCommand(command: EngineCommand): string {
  const attempt = command.attempt > 1 ? ` #${command.attempt}` : '';
  return `→ ${keyOf(command.nodeId, command.iteration)}${attempt}${command.type === 'retryNode' ? ` in ${command.delayMs} ms` : ''}`;
}

/** Events, what is given up (`× each:0/`), commands */
const tell = ({ events, givenUp, commands }: Decision) =>
  [...events.map(tellEvent), ...givenUp.map((prefix) => `× ${prefix}`), ...commands.map(tellCommand)].join(', ');

type Step = readonly [fact: Fact, decision: string];

/** Plays a run from `start`: after each fact the decision must be as told. Returns the last one. */
function play(graph: CompiledGraph, steps: readonly Step[], limits?: RunLimits): Decision {
  let decision: Decision = { state: newRun('start', input), events: [], commands: [], givenUp: [] };
  const told = steps.map(([fact]) => {
    decision = advance(graph, { ...workflow, limits }, decision.state, fact, at);
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
      [repeats('a'), 'a retried, run resumed, → a #2'],
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
  'a run waits for what has no date: an event, an approval, another run': [
    fork(all),
    [
      ...forked,
      [awaits('a', { for: 'event' }), 'a waiting'],
      [awaits('b', { for: 'approval', title: 'May we?' }), 'b waiting'],
      [awaits('c', { for: 'execution', calledExecutionId: 'other' }), 'c waiting, run waiting'],
      [done('b', 'approved'), 'b completed'],
      [breaks('c'), 'c failed, run failed'],
    ],
  ],
  'a wait that ends by its date is left by timeout': [
    draw('start > a, a > b, a.timeout > late'),
    [
      ...starts,
      [awaits('a', { for: 'event', until: noon }), 'a waiting, run waiting'],
      [done('a', 'timeout'), 'a completed, b skipped, run resumed, → late'],
    ],
  ],
  'a call of another run that fails is retried': [
    sequence,
    [
      ...starts,
      [awaits('a', { for: 'execution', calledExecutionId: 'other' }), 'a waiting, run waiting'],
      [fails('a'), 'a retried, run resumed, → a #2 in 2500 ms'],
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
  'a run that fails for a reason of its own decides nothing more': [
    sequence,
    [...starts, [tooLate, 'run failed'], [done('a'), ''], [tooLate, ''], [cancelled, ''], [paused, '']],
  ],
  'a run may fail before it starts, or while it is paused': [
    sequence,
    [
      [paused, 'run paused'],
      [tooLate, 'run failed'],
      [started, ''],
    ],
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

const loop = (concurrency = 1, onItemError: LoopRule['onItemError'] = 'fail', policy?: NodePolicy): Details => ({
  loop: { concurrency, onItemError },
  policy,
});
const each = (...rule: Parameters<typeof loop>) => draw('start > each, each.item > a, a > b, each.done > end', { each: loop(...rule) });
const toLoop: readonly Step[] = [
  [started, '→ start'],
  [done('start'), 'start completed, → each'],
];
const nested = (...outer: Parameters<typeof loop>) =>
  draw('start > each, each.item > part, part.item > a, part.done > b, each.done > end', { each: loop(...outer), part: loop(2) });

const loopExamples: Record<string, readonly [graph: CompiledGraph, steps: readonly Step[]]> = {
  'runs its body for one item after the other, then asks for the results and is left by done': [
    each(),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a'],
      [done('each:0/a'), 'each:0/a completed, → each:0/b'],
      [done('each:0/b'), 'each:0/b completed, each:0/each completed, → each:1/a'],
      [done('each:1/a'), 'each:1/a completed, → each:1/b'],
      [done('each:1/b'), 'each:1/b completed, each:1/each completed, → each'],
      [done('each', 'done'), 'each completed, → end'],
      [done('end'), 'end completed, run completed'],
    ],
  ],
  'has as many items under way as its concurrency allows': [
    each(2),
    [
      ...toLoop,
      [loops('each', 3), 'each started, → each:0/a, → each:1/a'],
      [done('each:1/a'), 'each:1/a completed, → each:1/b'],
      [done('each:1/b'), 'each:1/b completed, each:1/each completed, → each:2/a'],
      [done('each:2/a'), 'each:2/a completed, → each:2/b'],
      [done('each:0/a'), 'each:0/a completed, → each:0/b'],
      [done('each:0/b'), 'each:0/b completed, each:0/each completed'],
      [done('each:2/b'), 'each:2/b completed, each:2/each completed, → each'],
      [done('each', 'done'), 'each completed, → end'],
    ],
  ],
  'without items is asked for its results at once': [
    each(),
    [...toLoop, [loops('each', 0), 'each started, → each'], [done('each', 'done'), 'each completed, → end']],
  ],
  'without a body gives nothing for each item': [
    draw('start > each, each.done > end', { each: loop() }),
    [...toLoop, [loops('each', 2), 'each started, each:0/each completed, each:1/each completed, → each']],
  ],
  'that nothing follows ends the run': [
    draw('start > each, each.item > a', { each: loop() }),
    [
      ...toLoop,
      [loops('each', 1), 'each started, → each:0/a'],
      [done('each:0/a'), 'each:0/a completed, each:0/each completed, → each'],
      [done('each', 'done'), 'each completed, run completed'],
    ],
  ],
  'learns its items once, and says nothing of itself while they run': [
    each(),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a'],
      [loops('each', 5), ''],
      [breaks('each'), ''],
      [fails('each'), ''],
      [done('each', 'done'), ''],
      [done('each:0/a'), 'each:0/a completed, → each:0/b'],
    ],
  ],
  'whose items cannot be found out is retried like any node': [
    each(),
    [...toLoop, [fails('each'), 'each retried, → each #2 in 2500 ms'], [breaks('each', 2), 'each failed, run failed']],
  ],
  'whose results cannot be put together is asked for them again, and fails in the end': [
    each(),
    [
      ...toLoop,
      [loops('each', 0), 'each started, → each'],
      [fails('each'), 'each retried, → each #2 in 2500 ms'],
      [breaks('each', 2), 'each failed, run failed'],
    ],
  ],
  'waits for an attempt that an item needs': [
    each(),
    [
      ...toLoop,
      [loops('each', 1), 'each started, → each:0/a'],
      [fails('each:0/a'), 'each:0/a retried, → each:0/a #2 in 2500 ms'],
      [done('each:0/a', 'out', 2), 'each:0/a completed, → each:0/b'],
    ],
  ],

  'fails with its first item that fails, and what the others report late decides nothing': [
    each(3),
    [
      ...toLoop,
      [loops('each', 4), 'each started, → each:0/a, → each:1/a, → each:2/a'],
      [done('each:0/a'), 'each:0/a completed, → each:0/b'],
      [breaks('each:1/a'), 'each:1/a failed, each:1/each failed, each failed, run failed, × each:1/, × each:'],
      [done('each:0/b'), ''],
      [done('each:2/a'), ''],
    ],
  ],
  'that fails is left by its error handle, its other items given up': [
    draw('start > each, each.item > a, each.done > end, each.error > mend, mend > end', { each: loop(2) }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a, → each:1/a'],
      [breaks('each:0/a'), 'each:0/a failed, each:0/each failed, each failed, × each:0/, × each:, → mend'],
      [done('each:1/a'), ''],
      [fails('each:1/a'), ''],
      [stops('each:1/a', 'completed'), ''],
      [done('each', 'done'), ''],
      [done('mend'), 'mend completed, → end'],
      [done('end'), 'end completed, run completed'],
    ],
  ],
  'that fails under onError continue is left by done': [
    each(1, 'fail', { onError: 'continue' }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a'],
      [breaks('each:0/a'), 'each:0/a failed, each:0/each failed, each failed, × each:0/, × each:, → end'],
    ],
  ],
  'that is to go on gives up a failed item alone': [
    draw('start > each, each.item > a, each.item > b, each.done > end', { each: loop(1, 'continue') }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a, → each:0/b'],
      [breaks('each:0/a'), 'each:0/a failed, each:0/each failed, × each:0/, → each:1/a, → each:1/b'],
      [done('each:0/b'), ''],
      [done('each:1/a'), 'each:1/a completed'],
      [done('each:1/b'), 'each:1/b completed, each:1/each completed, → each'],
      [done('each', 'done'), 'each completed, → end'],
    ],
  ],
  'does not fail where the body mends the failure': [
    draw('start > each, each.item > a, a > b, a.error > mend', { each: loop() }),
    [
      ...toLoop,
      [loops('each', 1), 'each started, → each:0/a'],
      [breaks('each:0/a'), 'each:0/a failed, each:0/b skipped, → each:0/mend'],
      [done('each:0/mend'), 'each:0/mend completed, each:0/each completed, → each'],
    ],
  ],

  'skips in a body what the item does not need': [
    draw('start > each, each.item > a, a.true > yes, yes > end, a.false > end', { each: loop() }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a'],
      [done('each:0/a', 'false'), 'each:0/a completed, each:0/yes skipped, → each:0/end'],
      [done('each:0/end'), 'each:0/end completed, each:0/each completed, → each:1/a'],
      [done('each:1/a', 'true'), 'each:1/a completed, → each:1/yes'],
    ],
  ],
  'joins in a body what belongs to the item': [
    draw('start > each, each.item > a, each.item > b, a > join, b > join', { each: loop(2), join: all }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a, → each:0/b, → each:1/a, → each:1/b'],
      [done('each:0/a'), 'each:0/a completed'],
      [done('each:1/b'), 'each:1/b completed'],
      [done('each:0/b'), 'each:0/b completed, → each:0/join'],
      [done('each:1/a'), 'each:1/a completed, → each:1/join'],
      [done('each:1/join'), 'each:1/join completed, each:1/each completed'],
      [done('each:0/join'), 'each:0/join completed, each:0/each completed, → each'],
    ],
  ],
  'fails with an item whose join is starved': [
    draw('start > each, each.item > a, a > join, a.other > join', { each: loop(), join: twoOf }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a'],
      [done('each:0/a'), 'each:0/a completed, each:0/each failed, each failed, run failed, × each:0/, × each:'],
    ],
  ],
  'that is to go on goes on after a starved join': [
    draw('start > each, each.item > a, a > join, a.other > join', { each: loop(1, 'continue'), join: twoOf }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a'],
      [done('each:0/a'), 'each:0/a completed, each:0/each failed, × each:0/, → each:1/a'],
      [done('each:1/a'), 'each:1/a completed, each:1/each failed, × each:1/, → each'],
    ],
  ],
  'waits for every end of a body': [
    draw('start > each, each.item > a, a > b, a > c', { each: loop() }),
    [
      ...toLoop,
      [loops('each', 1), 'each started, → each:0/a'],
      [done('each:0/a'), 'each:0/a completed, → each:0/b, → each:0/c'],
      [done('each:0/c'), 'each:0/c completed'],
      [done('each:0/b'), 'each:0/b completed, each:0/each completed, → each'],
    ],
  ],
  'ends with the run that a node of its body stops': [
    each(2),
    [
      ...toLoop,
      [loops('each', 3), 'each started, → each:0/a, → each:1/a'],
      [stops('each:0/a', 'completed', 'enough'), 'each:0/a completed, run completed'],
      [done('each:1/a'), ''],
    ],
  ],

  'may lie within another': [
    nested(),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/part'],
      [loops('each:0/part', 2), 'each:0/part started, → each:0/part:0/a, → each:0/part:1/a'],
      [done('each:0/part:1/a'), 'each:0/part:1/a completed, each:0/part:1/part completed'],
      [done('each:0/part:0/a'), 'each:0/part:0/a completed, each:0/part:0/part completed, → each:0/part'],
      [done('each:0/part', 'done'), 'each:0/part completed, → each:0/b'],
      [done('each:0/b'), 'each:0/b completed, each:0/each completed, → each:1/part'],
      [loops('each:1/part', 0), 'each:1/part started, → each:1/part'],
      [done('each:1/part', 'done'), 'each:1/part completed, → each:1/b'],
      [done('each:1/b'), 'each:1/b completed, each:1/each completed, → each'],
      [done('each', 'done'), 'each completed, → end'],
    ],
  ],
  'within another takes that one’s item with it': [
    nested(2, 'continue'),
    [
      ...toLoop,
      [loops('each', 3), 'each started, → each:0/part, → each:1/part'],
      [loops('each:0/part', 2), 'each:0/part started, → each:0/part:0/a, → each:0/part:1/a'],
      [loops('each:1/part', 1), 'each:1/part started, → each:1/part:0/a'],
      [
        breaks('each:0/part:1/a'),
        'each:0/part:1/a failed, each:0/part:1/part failed, each:0/part failed, each:0/each failed, ' +
          '× each:0/part:1/, × each:0/part:, × each:0/, → each:2/part',
      ],
      [done('each:0/part:0/a'), ''],
      [done('each:1/part:0/a'), 'each:1/part:0/a completed, each:1/part:0/part completed, → each:1/part'],
    ],
  ],
  'within another fails the run where both say so': [
    nested(),
    [
      ...toLoop,
      [loops('each', 1), 'each started, → each:0/part'],
      [loops('each:0/part', 1), 'each:0/part started, → each:0/part:0/a'],
      [
        breaks('each:0/part:0/a'),
        'each:0/part:0/a failed, each:0/part:0/part failed, each:0/part failed, each:0/each failed, each failed, run failed, ' +
          '× each:0/part:0/, × each:0/part:, × each:0/, × each:',
      ],
    ],
  ],

  'begins a body by its handle item alone': [
    draw('start > each, each.item > a, a.true > end, each.done > end', { each: loop() }),
    [
      ...toLoop,
      [loops('each', 1), 'each started, → each:0/a'],
      [done('each:0/a', 'false'), 'each:0/a completed, each:0/end skipped, each:0/each completed, → each'],
      [done('each', 'done'), 'each completed, → end'],
      [done('end'), 'end completed, run completed'],
    ],
  ],
  'that failed has nothing left to wait for': [
    draw('start > each, each.item > a, each.error > mend', { each: loop(2) }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a, → each:1/a'],
      [waits('each:0/a', noon), 'each:0/a waiting'],
      [breaks('each:1/a'), 'each:1/a failed, each:1/each failed, each failed, × each:1/, × each:, → mend'],
      [waits('mend', evening), 'mend waiting, run waiting'],
      [done('each:0/a'), ''],
    ],
  ],
  'keeps its run running while its items wait': [
    each(2),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a, → each:1/a'],
      [waits('each:0/a', noon), 'each:0/a waiting'],
      [doubts('each:1/a'), 'each:1/a in_doubt'],
      [done('each:0/a'), 'each:0/a completed, → each:0/b'],
      [done('each:1/a'), 'each:1/a completed, → each:1/b'],
    ],
  ],
  'goes on after a pause where it was': [
    each(),
    [
      ...toLoop,
      [paused, 'run paused'],
      [loops('each', 2), 'each started, → each:0/a'],
      [done('each:0/a'), 'each:0/a completed, → each:0/b'],
      [resumed, 'run resumed'],
      [done('each:0/b'), 'each:0/b completed, each:0/each completed, → each:1/a'],
      [paused, 'run paused'],
      [done('each:1/a'), 'each:1/a completed, → each:1/b'],
      [done('each:1/b'), 'each:1/b completed, each:1/each completed, → each'],
      [resumed, 'run resumed'],
      [done('each', 'done'), 'each completed, → end'],
    ],
  ],
};

const retryExamples: Record<string, readonly [graph: CompiledGraph, steps: readonly Step[]]> = {
  'tries the failed node again and goes on': [
    sequence,
    [
      ...starts,
      [breaks('a'), 'a failed, run failed'],
      [retried, 'run retried, → a #2'],
      [retried, ''],
      [breaks('a', 1), ''],
      [done('a', 'out', 2), 'a completed, → b'],
      [done('b'), 'b completed, run completed'],
    ],
  ],
  'has the policy’s attempts anew': [
    sequence,
    [
      ...starts,
      [fails('a', 1), 'a retried, → a #2 in 2500 ms'],
      [fails('a', 2), 'a retried, → a #3 in 5000 ms'],
      [fails('a', 3), 'a failed, run failed'],
      [retried, 'run retried, → a #4'],
      [fails('a', 4), 'a retried, → a #5 in 2500 ms'],
      [fails('a', 5), 'a retried, → a #6 in 5000 ms'],
      [fails('a', 6), 'a failed, run failed'],
      [retried, 'run retried, → a #7'],
    ],
  ],
  'takes up what was under way beside the failure, be it at work, waiting or in doubt': [
    draw('start > a, start > b, start > c, start > d, start > e, a > end, b > end, c > end, d > end, e > end'),
    [
      [started, '→ start'],
      [done('start'), 'start completed, → a, → b, → c, → d, → e'],
      [calls('a'), 'a started'],
      [waits('b', noon), 'b waiting'],
      [doubts('c'), 'c in_doubt'],
      [done('d'), 'd completed'],
      [breaks('e'), 'e failed, run failed'],
      [retried, 'run retried, → a #2, → b #2, → c #2, → e #2'],
      [done('a', 'out', 1), ''],
      [done('a', 'out', 2), 'a completed'],
    ],
  ],
  'goes on after its deadline': [
    sequence,
    [
      ...starts,
      [fails('a'), 'a retried, → a #2 in 2500 ms'],
      [tooLate, 'run failed'],
      [done('a', 'out', 2), ''],
      [retried, 'run retried, → a #3'],
      [done('a', 'out', 3), 'a completed, → b'],
    ],
  ],
  'begins where it never had': [
    sequence,
    [
      [tooLate, 'run failed'],
      [retried, 'run retried, → start'],
      [done('start'), 'start completed, → a'],
    ],
  ],
  'goes on in the item that failed, and takes up the others': [
    each(2),
    [
      ...toLoop,
      [loops('each', 4), 'each started, → each:0/a, → each:1/a'],
      [done('each:0/a'), 'each:0/a completed, → each:0/b'],
      [done('each:0/b'), 'each:0/b completed, each:0/each completed, → each:2/a'],
      [done('each:2/a'), 'each:2/a completed, → each:2/b'],
      [breaks('each:1/a'), 'each:1/a failed, each:1/each failed, each failed, run failed, × each:1/, × each:'],
      [retried, 'run retried, → each:1/a #2, → each:2/b #2'],
      [done('each:2/b', 'out', 2), 'each:2/b completed, each:2/each completed, → each:3/a'],
      [done('each:1/a', 'out', 2), 'each:1/a completed, → each:1/b'],
      [done('each:1/b'), 'each:1/b completed, each:1/each completed'],
      [done('each:3/a'), 'each:3/a completed, → each:3/b'],
      [done('each:3/b'), 'each:3/b completed, each:3/each completed, → each'],
      [done('each', 'done'), 'each completed, → end'],
    ],
  ],
  'goes on in a loop within a loop': [
    nested(),
    [
      ...toLoop,
      [loops('each', 1), 'each started, → each:0/part'],
      [loops('each:0/part', 1), 'each:0/part started, → each:0/part:0/a'],
      [
        breaks('each:0/part:0/a'),
        'each:0/part:0/a failed, each:0/part:0/part failed, each:0/part failed, each:0/each failed, each failed, run failed, ' +
          '× each:0/part:0/, × each:0/part:, × each:0/, × each:',
      ],
      [retried, 'run retried, → each:0/part:0/a #2'],
      [done('each:0/part:0/a', 'out', 2), 'each:0/part:0/a completed, each:0/part:0/part completed, → each:0/part'],
    ],
  ],
  'leaves the failed items of a loop that went on as they are': [
    draw('start > each, each.item > a, each.item > b, each.done > end', { each: loop(1, 'continue') }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a, → each:0/b'],
      [breaks('each:0/a'), 'each:0/a failed, each:0/each failed, × each:0/, → each:1/a, → each:1/b'],
      [done('each:1/a'), 'each:1/a completed'],
      [tooLate, 'run failed'],
      [retried, 'run retried, → each:1/b #2'],
      [done('each:1/b', 'out', 2), 'each:1/b completed, each:1/each completed, → each'],
    ],
  ],
  'leaves a loop whose failure was mended as it is': [
    draw('start > each, each.item > a, each.error > mend', { each: loop(2) }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a, → each:1/a'],
      [breaks('each:0/a'), 'each:0/a failed, each:0/each failed, each failed, × each:0/, × each:, → mend'],
      [breaks('mend'), 'mend failed, run failed'],
      [retried, 'run retried, → mend #2'],
      [done('mend', 'out', 2), 'mend completed, run completed'],
    ],
  ],
  'has a loop put its results together again': [
    each(),
    [
      ...toLoop,
      [loops('each', 0), 'each started, → each'],
      [tooLate, 'run failed'],
      [retried, 'run retried, → each #2'],
      [fails('each', 2), 'each retried, → each #3 in 2500 ms'],
      [done('each', 'done', 3), 'each completed, → end'],
    ],
  ],
  'fails again at once where a join is starved in an item': [
    draw('start > each, each.item > a, a > join, a.other > join', { each: loop(2), join: twoOf }),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a, → each:1/a'],
      [done('each:0/a'), 'each:0/a completed, each:0/each failed, each failed, run failed, × each:0/, × each:'],
      [retried, 'run retried, each:0/each failed, each failed, run failed, × each:0/, × each:'],
    ],
  ],
  'decides nothing where nothing failed': [
    sequence,
    [[retried, ''], ...starts, [retried, ''], [done('a'), 'a completed, → b'], [done('b'), 'b completed, run completed'], [retried, '']],
  ],
  'decides nothing where the run was cancelled or is incomplete': [
    gated,
    [
      [started, '→ start'],
      [done('start'), 'start completed, → a, → b'],
      [done('a', 'true'), 'a completed'],
      [done('b', 'false'), 'b completed, run incomplete'],
      [retried, ''],
    ],
  ],
  'decides nothing where a node stopped the run as failed, whoever was at work': [
    fork(all),
    [...forked, [stops('a', 'failed'), 'a completed, run failed'], [retried, '']],
  ],
  'decides nothing where a node of a loop stopped the run as failed': [
    each(),
    [
      ...toLoop,
      [loops('each', 2), 'each started, → each:0/a'],
      [done('each:0/a'), 'each:0/a completed, → each:0/b'],
      [stops('each:0/b', 'failed'), 'each:0/b completed, run failed'],
      [retried, ''],
    ],
  ],
};

describe('A run', () => {
  it.each(Object.entries(examples))('%s', (_promise, [graph, steps]) => {
    play(graph, steps);
  });
});

describe('A loop', () => {
  it.each(Object.entries(loopExamples))('%s', (_promise, [graph, steps]) => {
    play(graph, steps);
  });
});

describe('A run that a person tries again', () => {
  it.each(Object.entries(retryExamples))('%s', (_promise, [graph, steps]) => {
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

  it('is the item where a body begins, and is found within its own item', () => {
    const graph = each(2);
    const state = afterwards(graph, started, done('start'), loops('each', 2), done('each:1/a'));
    expect(inputOf(graph, state, 'a', 'each:0', 'item 0')).toBe('item 0');
    expect(inputOf(graph, state, 'b', 'each:1', 'item 1')).toBe('from each:1/a');
  });

  it('is the error after a failure', () => {
    const graph = draw('start > a, a.error > mend');
    expect(inputOf(graph, afterwards(graph, started, done('start'), breaks('a')), 'mend')).toEqual({ error: problem });
  });
});

it('What a node sent is told with its end, and is no part of its output', () => {
  const sent = { channelId: 'channel', messageIds: ['m-1', 'm-2'] };
  const state = afterwards(sequence, started, done('start'));
  const { events, state: after } = advance(sequence, workflow, state, { ...done('a'), sent } as Fact, at);
  expect(events[0]).toMatchObject({ type: 'node.execution.completed', payload: { nodeId: 'a', output: 'from a', sent } });
  expect(after.nodes.get('a')).not.toHaveProperty('sent');
  expect(advance(sequence, workflow, state, done('a'), at).events[0]?.payload).not.toHaveProperty('sent');
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

describe('The limits of a run', () => {
  const enough = { nodeRuns: 100, events: 100, outputBytes: 100 };
  const limitOf = ({ state }: Decision) => state.error;

  it('end it when one is exceeded, whatever it had just begun', () => {
    const decision = play(
      sequence,
      [
        [started, '→ start'],
        [done('start'), 'start completed, run failed'],
        [done('a'), ''],
      ],
      { ...enough, nodeRuns: 1 },
    );
    expect(limitOf(decision)).toEqual({
      code: 'limit_exceeded',
      message: 'The run is over its limit of 1 node runs.',
      details: { limit: 'nodeRuns', value: 1 },
    });
  });

  it('count every item and every node in it', () => {
    const steps: readonly Step[] = [...toLoop, [loops('each', 3), 'each started, run failed']];
    expect(limitOf(play(each(3), steps, { ...enough, nodeRuns: 7 }))).toMatchObject({ details: { limit: 'nodeRuns', value: 7 } });
    play(each(3), [...toLoop, [loops('each', 3), 'each started, → each:0/a, → each:1/a, → each:2/a']], { ...enough, nodeRuns: 8 });
  });

  it('count events', () => {
    const steps: readonly Step[] = [...starts, [calls('a'), 'a started'], [fails('a'), 'a retried, run failed']];
    expect(limitOf(play(sequence, steps, { ...enough, events: 2 }))).toMatchObject({ details: { limit: 'events', value: 2 } });
  });

  it('count what nodes put out', () => {
    const big = { ...done('a'), bytes: 101 };
    const steps: readonly Step[] = [...starts, [big, 'a completed, run failed']];
    expect(limitOf(play(sequence, steps, enough))).toMatchObject({ details: { limit: 'outputBytes', value: 100 } });
    const exactly = { ...done('a'), bytes: 100 };
    play(sequence, [...starts, [exactly, 'a completed, → b']], enough);
  });

  it('do not undo an end that the run came to by itself', () => {
    const big = { ...done('b'), bytes: 101 };
    play(sequence, [...starts, [done('a'), 'a completed, → b'], [big, 'b completed, run completed']], enough);
  });

  it('hold for a retry, too', () => {
    const limits = { ...enough, nodeRuns: 1 };
    const steps: readonly Step[] = [
      [started, '→ start'],
      [done('start'), 'start completed, run failed'],
      [retried, 'run retried, run failed'],
    ];
    const { state } = play(sequence, steps, limits);
    expect(tell(advance(sequence, workflow, state, retried, at))).toBe('run retried, → a #3');
  });
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
    const { events, state } = play(...found(examples, 'a merge of two that gets one'));
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

  it('tell what a loop runs over, and what its items came to', () => {
    const { events } = play(each(), [...toLoop, [loops('each', 2), 'each started, → each:0/a']]);
    expect(events[0]?.payload).toMatchObject({
      nodeId: 'each',
      attempt: 1,
      inputFrom: ['start'],
      items: ['item 0', 'item 1'],
      itemCount: 2,
    });

    const item = play(draw('start > each, each.item > a, a > b, a > c', { each: loop() }), [
      ...toLoop,
      [loops('each', 1), 'each started, → each:0/a'],
      [done('each:0/a'), 'each:0/a completed, → each:0/b, → each:0/c'],
      [done('each:0/b'), 'each:0/b completed'],
      [done('each:0/c'), 'each:0/c completed, each:0/each completed, → each'],
    ]);
    expect(item.events[0]?.payload).toMatchObject({ nodeId: 'c', iteration: 'each:0', inputFrom: ['a'] });
    expect(item.events[1]?.payload).toMatchObject({ nodeId: 'each', iteration: 'each:0', inputFrom: ['b', 'c'], handle: 'item' });
    expect(item.events[1]?.payload).not.toHaveProperty('output');
    expect(item.state.nodes.get('each:0/each')?.output).toEqual({ b: 'from each:0/b', c: 'from each:0/c' });
  });

  it('say until when a run waits, whatever an item that was given up had waited for', () => {
    const { events } = play(...found(loopExamples, 'that failed has nothing left', 6));
    expect(events[1]?.payload).toEqual({ workflowId: 'workflow', until: evening });
  });

  it('name the item that failed its loop', () => {
    const { events, state } = play(...found(loopExamples, 'fails with its first item', 5));
    const error = {
      code: 'item_failed',
      message: 'Item 1 failed: No.',
      details: { index: 1, error: problem },
    };
    expect(events.slice(1).map(({ payload }) => payload)).toMatchObject([
      { nodeId: 'each', iteration: 'each:1', error: problem },
      { nodeId: 'each', error },
      { nodeId: 'each', error },
    ]);
    expect(events[2]?.payload).not.toHaveProperty('iteration');
    expect(state).toMatchObject({ status: 'failed', error });
  });

  it('say what a node waits for', () => {
    const { events } = play(sequence, [
      ...starts,
      [awaits('a', { for: 'approval', title: 'May we?', until: noon }), 'a waiting, run waiting'],
    ]);
    expect(events[0]?.payload).toMatchObject({ for: 'approval', title: 'May we?', until: noon });
    expect(events[1]?.payload).toEqual({ workflowId: 'workflow', until: noon });

    const forever = play(sequence, [...starts, [awaits('a', { for: 'event' }), 'a waiting, run waiting']]);
    expect(forever.events[1]?.payload).toEqual({ workflowId: 'workflow' });
  });

  it('name what a person tries again', () => {
    const { events } = play(...found(retryExamples, 'goes on in the item that failed', 8));
    const nodes = [
      { nodeId: 'a', iteration: 'each:1' },
      { nodeId: 'b', iteration: 'each:2' },
    ];
    expect(events[0]?.payload).toEqual({ workflowId: 'workflow', by: 'ada', nodes });
  });

  it('name the loop that puts its results together again', () => {
    const { events } = play(...found(retryExamples, 'has a loop put its results', 5));
    expect(events[0]?.payload).toMatchObject({ nodes: [{ nodeId: 'each' }] });
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

/** The example, or its first steps */
function found(all: typeof examples, beginning: string, count?: number): readonly [CompiledGraph, readonly Step[]] {
  const example = Object.entries(all).find(([promise]) => promise.startsWith(beginning));
  if (!example) throw new Error(`No example begins with "${beginning}".`);
  const [graph, steps] = example[1];
  return [graph, steps.slice(0, count)];
}
