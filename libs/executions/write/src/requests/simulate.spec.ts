import { compileGraph, type Graph, keyOf, newRun, type NodeRun } from '@sluice/engine';
import { compileTemplate } from '@sluice/expressions';
import { type Json, type JsonObject, newId } from '@sluice/kernel';
import { catalogue, compileWorkflow, NodeFailure, type NodeType } from '@sluice/nodes';
import { readSettings } from '@sluice/workflows-domain';
import { requestHashOf } from '../effects/effect-ledger.js';
import type { PublishedVersion } from '../steps/compiled-versions.js';
import type { Run } from '../steps/run.js';
import { compareRun } from './compare-runs.js';
import { type RecordedNode, simulate, type SimulationTools } from './simulate.js';

const base = { title: '', description: '', configSchema: {}, handles: () => ['out'] };
const never = (): never => {
  throw new Error('a simulation calls nobody');
};

const typesHere: readonly NodeType[] = [
  { ...base, type: 'test.send', kind: 'effect', effect: 'idempotent', run: never },
  { ...base, type: 'test.task', kind: 'task', run: never },
  {
    ...base,
    type: 'test.each',
    kind: 'pure',
    handles: () => ['item', 'done'],
    loop: () => ({ concurrency: 2, onItemError: 'continue' }),
    run: ({ input }) => ({ kind: 'loop', items: Array.isArray(input) ? input : [] }),
  },
  {
    ...base,
    type: 'test.reply',
    kind: 'pure',
    handles: () => ['out', 'timeout'],
    run: () => ({ kind: 'awaitEvent', channelId: 'c', customerId: 'x', kinds: [], exclusive: false, until: new Date(0) }),
  },
  {
    ...base,
    type: 'test.approve',
    kind: 'pure',
    handles: () => ['approved', 'rejected', 'timeout'],
    run: () => ({ kind: 'awaitApproval', title: 'Refund?' }),
  },
  { ...base, type: 'test.call', kind: 'pure', run: ({ input }) => ({ kind: 'call', workflowId: newId(), input }) },
];
const types = new Map([...catalogue, ...typesHere.map((type) => [type.type, type] as const)]);

function versionOf(graph: Graph): PublishedVersion {
  const typeOf = (name: string): NodeType => {
    const type = types.get(name);
    if (type === undefined) throw new RangeError(name);
    return type;
  };
  const compiled = compileGraph(graph, ({ type: name, config }) => {
    const type = typeOf(name);
    return { handles: type.handles(config), join: type.join?.(config), loop: type.loop?.(config), policy: type.policy };
  });
  const programs = new Map(
    graph.nodes.map(({ id, type, config }) => [
      id,
      { type: typeOf(type), config: compileTemplate(config), deferred: new Map(), needed: [] },
    ]),
  );
  return {
    id: newId(),
    tenantId: newId(),
    workflowId: newId(),
    version: 1,
    settings: readSettings({}),
    compiled: { ...compiled, programs },
  };
}

const runOf = (version: PublishedVersion, input: Json): Run => ({
  tenantId: version.tenantId,
  id: newId(),
  workflowId: version.workflowId,
  workflowVersion: 1,
  versionId: version.id,
  version: 0,
  startKey: 'k',
  trigger: { source: 'webhook', sourceType: 'instagram', actionType: 'message', customerId: 'x', clientId: 'c', receivedAt: '' },
  customerId: 'x',
  correlationId: 'corr',
  startedAt: '2026-01-01T00:00:00.000Z',
  parent: null,
  depth: 0,
  concurrencyKey: null,
  state: newRun('in', input),
});

const tools: SimulationTools = {
  slow: () => Promise.reject(new Error('no slow expression is used here')),
  env: {},
  blobs: { resolve: (_tenantId, value) => value, remember: () => {} },
  approvalUrl: () => '',
  runTask: () => Promise.resolve(undefined),
  signal: new AbortController().signal,
};

const node = (id: string, type: string, config: JsonObject = {}) => ({ id, type, config });
const edge = (source: string, target: string, sourceHandle?: string) => ({ source, target, ...(sourceHandle && { sourceHandle }) });
const graphOf = (nodes: Graph['nodes'], edges: Graph['edges']): Graph => ({ nodes: [node('in', 'trigger.webhook'), ...nodes], edges });

const came = (output: Json, changes: Partial<NodeRun> = {}, requestHash?: Buffer): RecordedNode => ({
  run: { id: newId(), status: 'completed', attempt: 1, handle: 'out', output, completedAt: '2026-01-01T00:00:01.000Z', ...changes },
  requestHash,
});
const failed = (code: string, requestHash = requestHashOf({})): RecordedNode =>
  came(null, { status: 'failed', handle: undefined, output: undefined, error: { code, message: code } }, requestHash);

async function simulated(graph: Graph, recorded: Readonly<Record<string, RecordedNode>> = {}, input: Json = null) {
  const version = versionOf(graph);
  const result = await simulate(version, runOf(version, input), new Map(Object.entries(recorded)), tools);
  const way = Object.fromEntries([...result.state.nodes].map(([key, { status, handle }]) => [key, handle ?? status]));
  return { ...result, way };
}

it('runs in-process nodes for real, and ends', async () => {
  const graph = graphOf([node('set', 'data.set', { values: { said: '{{ trigger.text }}' } })], [edge('in', 'set')]);
  const { state } = await simulated(graph, {}, { text: 'hello' });
  expect(state).toMatchObject({ status: 'completed', output: { said: 'hello' } });
});

it('B-11: a node whose conditions take too much together fails', async () => {
  const graph = graphOf(
    [node('some', 'data.filter', { items: 'input.items', condition: "$contains(trigger.long, 'y')" })],
    [edge('in', 'some')],
  );
  const version = { ...versionOf(graph), compiled: compileWorkflow(graph) };
  const input = { items: Array.from({ length: 200 }, () => 0), long: 'x'.repeat(2_000_000) };
  const { state } = await simulate(version, runOf(version, input), new Map(), tools);
  expect(state.nodes.get('some')).toMatchObject({ status: 'failed', error: { code: 'expression_timeout' } });
});

it('answers an effect and a task with what they came to, and tells when another request would be sent', async () => {
  const graph = graphOf(
    [node('a', 'test.send', { to: '{{ trigger.to }}' }), node('b', 'test.send', { to: 'bob' }), node('c', 'test.task')],
    [edge('in', 'a'), edge('a', 'b'), edge('b', 'c')],
  );
  const recorded = { a: came('A', {}, requestHashOf({ to: 'ada' })), b: came('B', {}, requestHashOf({ to: 'eve' })), c: came('C') };
  const { state, changed, unknown } = await simulated(graph, recorded, { to: 'ada' });
  expect(state).toMatchObject({ status: 'completed', output: 'C' });
  expect([...changed]).toEqual([['b', { to: 'bob' }]]);
  expect(unknown.size).toBe(0);
});

it('takes a request for the same when its values only stand in another order than the database gives them', async () => {
  const graph = graphOf(
    [node('set', 'data.set', { values: { longer: 1, b: { zz: 1, a: 2 } } }), node('a', 'test.send', { body: '{{ input }}' })],
    [edge('in', 'set'), edge('set', 'a')],
  );
  const recorded = { a: came(null, {}, requestHashOf({ body: { b: { a: 2, zz: 1 }, longer: 1 } })) };
  expect((await simulated(graph, recorded)).changed.size).toBe(0);
});

it('has no answer for what was not recorded, was of another type, or failed before it was called; what lies behind does not run', async () => {
  const graph = graphOf(
    [node('a', 'test.send', { to: '{{ trigger.to }}' }), node('b', 'data.set', { values: {} })],
    [edge('in', 'a'), edge('a', 'b')],
  );
  const recordings: Readonly<Record<string, RecordedNode>>[] = [
    {},
    { a: { ...came('A', {}, requestHashOf({ to: 'ada' })), type: 'logic.if' } },
    { a: came('A', { status: 'skipped' }) },
    { a: { run: failed('expression_failed').run } },
  ];
  for (const recorded of recordings) {
    const { unknown, way } = await simulated(graph, recorded, { to: 'ada' });
    expect([...unknown]).toEqual([['a', { to: 'ada' }]]);
    expect(way).not.toHaveProperty('b');
  }
});

it('lets a recorded failure go the way that the draft gives it', async () => {
  const nodes = [node('a', 'test.send'), node('rescue', 'data.set', { values: { rescued: true } })];
  const caught = await simulated(graphOf(nodes, [edge('in', 'a'), edge('a', 'rescue', 'error')]), { a: failed('http_status') });
  expect(caught).toMatchObject({ state: { status: 'completed', output: { rescued: true } }, way: { a: 'error', rescue: 'out' } });
  const uncaught = await simulated(graphOf(nodes, [edge('in', 'a'), edge('a', 'rescue')]), { a: failed('http_status') });
  expect(uncaught.state).toMatchObject({ status: 'failed', error: { code: 'http_status' } });
});

it('passes delays at once, and goes on after waits as they ended: by event, by time-out with the draft’s input, by approval, by a called run', async () => {
  const graph = graphOf(
    [
      node('pause', 'flow.delay', { ms: 3_600_000 }),
      node('reply', 'test.reply'),
      node('late', 'test.reply'),
      node('ok', 'test.approve'),
      node('call', 'test.call'),
    ],
    [edge('in', 'pause'), edge('pause', 'reply'), edge('reply', 'late'), edge('late', 'ok', 'timeout'), edge('ok', 'call', 'approved')],
  );
  const recorded = {
    reply: came({ text: 'yes' }),
    late: came({ text: 'recorded' }, { handle: 'timeout' }),
    ok: came({ decision: 'approved' }, { handle: 'approved' }),
    call: came({ answer: 42 }),
  };
  const { state, way } = await simulated(graph, recorded, { text: 'hello' });
  expect(way).toEqual({ in: 'out', pause: 'out', reply: 'out', late: 'timeout', ok: 'approved', call: 'out' });
  expect(state).toMatchObject({ status: 'completed', output: { answer: 42 } });
  expect(state.nodes.get('late')?.output).toEqual({ text: 'yes' });
});

it('a wait that nothing was recorded for is unknown; one that the recorded run never saw the end of stays open', async () => {
  const graph = graphOf(
    [node('ok', 'test.approve'), node('b', 'data.set', { values: {} })],
    [edge('in', 'ok'), edge('ok', 'b', 'approved')],
  );
  expect([...(await simulated(graph)).unknown.keys()]).toEqual(['ok']);
  const open = await simulated(graph, { ok: came(null, { status: 'waiting', handle: undefined }) });
  expect(open).toMatchObject({ state: { status: 'waiting' }, way: { in: 'out', ok: 'waiting' } });
  expect(open.unknown.size).toBe(0);
});

it('runs a loop item by item, each answered by its own item of the recorded run', async () => {
  const graph = graphOf(
    [node('each', 'test.each'), node('a', 'test.send', { n: '{{ item }}' }), node('all', 'data.set', { values: { all: '{{ input }}' } })],
    [edge('in', 'each'), edge('each', 'a', 'item'), edge('each', 'all', 'done')],
  );
  const recorded = Object.fromEntries(
    [0, 1, 2].map((index) => [
      keyOf('a', `each:${index}`),
      index === 1 ? failed('http_status', requestHashOf({ n: 20 })) : came(`A${index}`, {}, requestHashOf({ n: (index + 1) * 10 })),
    ]),
  );
  const { state, changed } = await simulated(graph, recorded, [10, 20, 31]);
  expect(state).toMatchObject({ status: 'completed', output: { all: ['A0', { error: { code: 'http_status' } }, 'A2'] } });
  expect([...changed]).toEqual([['each:2/a', { n: 31 }]]);
  const one = await simulated(graph, { 'each:0/a': came('A0') }, [10, 20]);
  expect([...one.unknown.keys()]).toEqual(['each:1/a']);
  expect(one.way).not.toHaveProperty('all');
});

it('a join that takes the first takes the one that came first in the recorded run', async () => {
  const graph = graphOf(
    [node('a', 'test.send'), node('b', 'test.send'), node('first', 'logic.merge', { mode: 'any' })],
    [edge('in', 'a'), edge('in', 'b'), edge('a', 'first'), edge('b', 'first')],
  );
  const at = (second: number) => ({ completedAt: `2026-01-01T00:00:0${second}.000Z` });
  const aFirst = await simulated(graph, { a: came('A', at(1)), b: came('B', at(2)) });
  expect(aFirst.state.nodes.get('first')?.inputFrom).toEqual(['a']);
  const bFirst = await simulated(graph, { a: came('A', at(2)), b: came('B', at(1)) });
  expect(bFirst.state.nodes.get('first')?.inputFrom).toEqual(['b']);
});

it('runs a task that leaves nothing behind, and takes its failure for the node’s', async () => {
  const graph = graphOf([node('c', 'test.task')], [edge('in', 'c')]);
  const version = versionOf(graph);
  const run = runOf(version, 1);
  const recorded = new Map([['c', came('recorded')]]);
  const here = await simulate(version, run, recorded, {
    ...tools,
    runTask: () => Promise.resolve({ kind: 'done', handle: 'out', output: 'here' }),
  });
  expect(here.state.output).toBe('here');
  const broken = () => Promise.reject(new NodeFailure('code_failed', 'x is not defined', { retryable: true }));
  expect((await simulate(version, run, recorded, { ...tools, runTask: broken })).state).toMatchObject({
    status: 'failed',
    error: { code: 'code_failed' },
  });
});

it('does nothing for a draft without the node that the run began with', async () => {
  const graph = { nodes: [node('other', 'trigger.webhook')], edges: [] };
  expect((await simulated(graph)).state.nodes.size).toBe(0);
});

describe('compared with the recorded run', () => {
  const drawn = (condition: string) =>
    graphOf(
      [
        node('if', 'logic.if', { condition }),
        node('yes', 'test.send', { say: 'yes' }),
        node('no', 'data.set', { values: { said: 'no' } }),
        node('after', 'data.set', { values: { after: true } }),
      ],
      [edge('in', 'if'), edge('if', 'yes', 'true'), edge('if', 'no', 'false'), edge('yes', 'after'), edge('no', 'after')],
    );
  const skipped = came(null, { status: 'skipped', handle: undefined, output: undefined });

  async function compared(graph: Graph, recorded: Readonly<Record<string, RecordedNode>>, input: Json) {
    const version = versionOf(graph);
    const nodes = new Map(Object.entries(recorded));
    const live = { ...newRun('in', input), status: 'completed' as const };
    return compareRun(live, nodes, await simulate(version, runOf(version, input), nodes, tools), (value) => value);
  }

  const saidYes = {
    in: came({ n: 5 }),
    if: came({ n: 5 }, { handle: 'true' }),
    yes: came('sent', {}, requestHashOf({ say: 'yes' })),
    no: skipped,
    after: came({ after: true }),
  };
  const saidNo = {
    in: came({ n: 1 }),
    if: came({ n: 1 }, { handle: 'false' }),
    yes: skipped,
    no: came({ said: 'no' }),
    after: came({ after: true }),
  };

  it('the same path, requests and outputs are no difference', async () => {
    expect(await compared(drawn('{{ trigger.n > 3 }}'), saidYes, { n: 5 })).toMatchObject({ differs: false, nodes: [] });
    expect(await compared(drawn('{{ trigger.n > 3 }}'), saidNo, { n: 1 })).toMatchObject({ differs: false, nodes: [] });
  });

  it('another branch is named, node by node', async () => {
    expect(await compared(drawn('{{ trigger.n > 8 }}'), saidYes, { n: 5 })).toEqual({
      differs: true,
      status: { live: 'completed', draft: 'completed' },
      nodes: [
        {
          nodeId: 'if',
          live: { status: 'completed', handle: 'true' },
          draft: { status: 'completed', handle: 'false' },
          why: 'path_changed',
        },
        { nodeId: 'yes', live: { status: 'completed', handle: 'out' }, draft: { status: 'skipped' }, why: 'path_changed' },
        { nodeId: 'no', live: { status: 'skipped' }, draft: { status: 'completed', handle: 'out' }, why: 'path_changed' },
      ],
    });
  });

  it('a call that the recorded run did not make is shown with its request, and what lies behind it as not followed', async () => {
    expect(await compared(drawn('{{ trigger.n > 0 }}'), saidNo, { n: 1 })).toMatchObject({
      differs: true,
      status: { live: 'completed', draft: 'running' },
      nodes: [
        { nodeId: 'if', why: 'path_changed' },
        { nodeId: 'yes', draft: { status: 'unknown' }, why: 'not_recorded', request: { say: 'yes' } },
        { nodeId: 'no', draft: { status: 'skipped' }, why: 'path_changed' },
        { nodeId: 'after', draft: { status: 'not_followed' }, why: 'not_followed' },
      ],
    });
  });

  it('another request and another output are told from another path', async () => {
    const other = { ...saidYes, yes: came('sent', {}, requestHashOf({ say: 'yes!' })), after: came({ after: false }) };
    expect((await compared(drawn('{{ trigger.n > 3 }}'), other, { n: 5 })).nodes).toEqual([
      { nodeId: 'yes', live: expect.anything(), draft: expect.anything(), why: 'request_changed', request: { say: 'yes' } },
      { nodeId: 'after', live: expect.anything(), draft: expect.anything(), why: 'output_changed', outputDiffers: true },
    ]);
  });
});
