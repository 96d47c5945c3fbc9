import { eventually } from '@sluice/testing';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

interface NodeRun {
  readonly nodeId: string;
  readonly iteration?: string;
  readonly status: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly calledExecutionId?: string;
}

let sluice: InProcess;

beforeAll(async () => {
  sluice = await inProcess();
}, 60_000);

afterAll(() => sluice?.close(), 60_000);

const node = (id: string, type: string, config: object = {}, policy?: object) => ({ id, type, config, ...(policy && { policy }) });

/** `a > b, a.item > c` */
const edges = (drawn: string) =>
  drawn.split(/,\s*/).map((one) => {
    const [from = '', target = ''] = one.trim().split(/\s*>\s*/);
    const [source = '', sourceHandle] = from.split('.');
    return { source, target, ...(sourceHandle && { sourceHandle }) };
  });

const published = (name: string, nodes: readonly object[], drawn: string, settings: object = {}): Promise<string> =>
  sluice.published({ name, nodes, edges: drawn === '' ? [] : edges(drawn), settings });

async function started(workflowId: string, input: unknown, metadata?: object): Promise<string> {
  const answer = await sluice.call('POST', `/api/workflows/${workflowId}/nodes/in/trigger`, { input, ...(metadata && { metadata }) });
  if (answer.status !== 202) throw new Error(JSON.stringify(answer.body));
  return answer.body.executionId;
}

/** What the query API shows of a run, once it has this status. */
function run(id: string, status: string, timeoutMs = 20_000) {
  return eventually(
    async () => {
      const { body } = await sluice.call('GET', `/api/executions/${id}`);
      if (body?.status !== status) throw new Error(`the run is ${body?.status}: ${JSON.stringify(body?.error)}`);
      return body;
    },
    { timeoutMs },
  );
}

const listOf = async (workflowId: string) => (await sluice.call('GET', `/api/workflows/${workflowId}/executions?limit=200`)).body.items;
const nodeOf = (execution: { nodes: readonly NodeRun[] }, nodeId: string, iteration?: string) =>
  execution.nodes.find((one) => one.nodeId === nodeId && one.iteration === iteration);
const openTasks = async (executionId: string) => {
  const { rows } = await sluice.db.query(
    `SELECT (SELECT count(*) FROM tasks WHERE execution_id = $1)::int AS tasks, (SELECT count(*) FROM waits WHERE execution_id = $1)::int AS waits,
            (SELECT count(*) FROM timers WHERE execution_id = $1)::int AS timers`,
    [executionId],
  );
  return rows[0];
};
const nothing = { tasks: 0, waits: 0, timers: 0 };

describe('a loop', () => {
  it('runs its body for each item and goes on with the results in order', async () => {
    const id = await published(
      'loop',
      [
        node('in', 'trigger.manual'),
        node('each', 'logic.forEach', { items: 'trigger.orders', concurrency: 3 }),
        node('price', 'data.set', { values: { id: '{{ item.id }}', total: '{{ item.amount * 2 }}', place: '{{ index }}' } }),
        node('after', 'data.transform', { expression: '$sum(input.total)' }),
      ],
      'in > each, each.item > price, each.done > after',
    );
    const orders = Array.from({ length: 7 }, (_, n) => ({ id: `o${n}`, amount: n }));
    const execution = await run(await started(id, { orders }), 'completed');
    expect(execution.output).toBe(42);
    expect(nodeOf(execution, 'each')?.output).toEqual(
      orders.map(({ id: order, amount }, place) => ({ id: order, total: amount * 2, place })),
    );
    expect(nodeOf(execution, 'price', 'each:4')).toMatchObject({ status: 'completed', input: orders[4] });
    expect(nodeOf(execution, 'each', 'each:4')).toMatchObject({ status: 'completed', output: { id: 'o4', total: 8, place: 4 } });
  });

  it('runs within another one, with waits in its body, and keeps the results of both in order', async () => {
    const id = await published(
      'nested',
      [
        node('in', 'trigger.manual'),
        node('outer', 'logic.forEach', { items: 'trigger.groups', concurrency: 2 }),
        node('inner', 'logic.forEach', { items: 'item', concurrency: 2 }),
        node('pause', 'flow.delay', { ms: 20 }),
        node('text', 'data.transform', { expression: "'<' & item & '>'" }),
        node('join', 'data.transform', { expression: "$join(input, '')" }),
      ],
      'in > outer, outer.item > inner, inner.item > pause, pause > text, inner.done > join',
    );
    const execution = await run(await started(id, { groups: [['a', 'b', 'c'], [], ['d']] }), 'completed');
    expect(execution.output).toEqual(['<a><b><c>', '', '<d>']);
  });

  it('goes on with `{error}` for an item that failed, or fails and gives up the others', async () => {
    const body = (onItemError: string) => [
      node('in', 'trigger.manual'),
      node('each', 'logic.forEach', { items: 'trigger', concurrency: 2, onItemError }),
      node('wait', 'flow.delay', { ms: '{{ item.ms }}' }),
    ];
    const drawn = 'in > each, each.item > wait';
    const items = [{ ms: 1 }, { ms: 'soon' }, { ms: 2 }];
    const going = await run(await started(await published('continue', body('continue'), drawn), items), 'completed');
    expect(going.output).toEqual([{ ms: 1 }, { error: expect.objectContaining({ code: 'config_invalid' }) }, { ms: 2 }]);

    const executionId = await started(await published('fail', body('fail'), drawn), [{ ms: 60_000 }, { ms: 'soon' }, { ms: 2 }]);
    const failed = await run(executionId, 'failed');
    expect(failed.error).toMatchObject({ code: 'item_failed', details: { index: 1 } });
    expect(await openTasks(executionId)).toEqual(nothing);
  });

  it('N-15: of 10 000 items, 50 at a time, keeps the order and ends in one join', async () => {
    const id = await published(
      'ten thousand',
      [
        node('in', 'trigger.manual'),
        node('each', 'logic.forEach', { items: '[1..10000]', concurrency: 50 }),
        node('square', 'data.transform', { expression: 'item * item' }),
        node('after', 'data.transform', { expression: '$count(input)' }),
      ],
      'in > each, each.item > square, each.done > after',
    );
    const executionId = await started(id, null);
    await eventually(
      async () => {
        const answer = await sluice.db.query('SELECT status FROM workflow_executions WHERE id = $1', [executionId]);
        expect(answer.rows[0].status).toBe('completed');
      },
      { timeoutMs: 120_000, everyMs: 200 },
    );
    const shown = await run(executionId, 'completed');
    expect([shown.output, shown.nodes.length]).toEqual([10_000, 1_000]);
    const item = (await sluice.call('GET', `/api/executions/${executionId}?iteration=each:9999`)).body;
    expect(nodeOf(item, 'square', 'each:9999')).toMatchObject({ input: 10_000, output: 100_000_000 });
    const { rows } = await sluice.db.query(
      `SELECT type, payload ->> 'nodeId' AS node, count(*)::int AS n FROM domain_events WHERE aggregate_id = $1 AND type = 'node.execution.completed'
         AND (payload ->> 'iteration') IS NULL GROUP BY 1, 2`,
      [executionId],
    );
    expect(rows.map(({ node: name, n }) => [name, n]).sort()).toEqual([
      ['after', 1],
      ['each', 1],
      ['in', 1],
    ]);
    const { rows: stored } = await sluice.db.query(
      `SELECT output FROM node_executions WHERE workflow_execution_id = $1 AND node_id = 'each' AND iteration = ''`,
      [executionId],
    );
    const { sha256 } = stored[0].output.$blob;
    const { rows: blobs } = await sluice.db.query('SELECT bytes FROM blobs WHERE sha256 = $1', [Buffer.from(sha256, 'hex')]);
    expect(JSON.parse(blobs[0].bytes.toString())).toEqual(Array.from({ length: 10_000 }, (_, n) => (n + 1) ** 2));
  }, 150_000);

  it('N-16: stops with `limit_exceeded` when the run is over its limits', async () => {
    const id = await published(
      'limited',
      [
        node('in', 'trigger.manual'),
        node('outer', 'logic.forEach', { items: '[1..1000]', concurrency: 10 }),
        node('inner', 'logic.forEach', { items: '[1..1000]', concurrency: 10 }),
        node('one', 'data.set', { values: {} }),
      ],
      'in > outer, outer.item > inner, inner.item > one',
      { limits: { nodeRuns: 500 } },
    );
    const executionId = await started(id, null);
    expect((await run(executionId, 'failed')).error).toMatchObject({ code: 'limit_exceeded', details: { limit: 'nodeRuns' } });
    expect(await openTasks(executionId)).toEqual(nothing);
  });
});

describe('a workflow that calls another', () => {
  const callee = () =>
    published(
      'callee',
      [node('in', 'trigger.manual'), node('double', 'data.set', { values: { twice: '{{ trigger.n * 2 }}' } })],
      'in > double',
    );

  it('goes on with its output', async () => {
    const called = await callee();
    const id = await published(
      'caller',
      [
        node('in', 'trigger.manual'),
        node('call', 'flow.subworkflow', { workflowId: called, input: { n: '{{ trigger.n }}' } }),
        node('after', 'data.transform', { expression: 'input.twice + 1' }),
      ],
      'in > call, call > after',
    );
    const execution = await run(await started(id, { n: 20 }), 'completed');
    expect(execution.output).toBe(41);
    const child = nodeOf(execution, 'call')?.calledExecutionId ?? '';
    expect(await run(child, 'completed')).toMatchObject({
      workflowId: called,
      parentExecutionId: execution.id,
      trigger: { source: 'subworkflow' },
    });
  });

  it('calls it for each item of a loop', async () => {
    const called = await callee();
    const id = await published(
      'loop of calls',
      [
        node('in', 'trigger.manual'),
        node('each', 'logic.forEach', { items: 'trigger', concurrency: 4 }),
        node('call', 'flow.subworkflow', { workflowId: called, input: { n: '{{ item }}' } }),
      ],
      'in > each, each.item > call',
    );
    const execution = await run(await started(id, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), 'completed');
    expect(execution.output).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => ({ twice: n * 2 })));
  });

  it('fails when it failed, and takes it along when it is cancelled', async () => {
    const failing = await published('failing', [node('in', 'trigger.manual'), node('end', 'logic.stop', { status: 'failed' })], 'in > end');
    const waiting = await published('waiting', [node('in', 'trigger.manual'), node('wait', 'flow.delay', { ms: 600_000 })], 'in > wait');
    const calling = (workflowId: string) =>
      published('caller', [node('in', 'trigger.manual'), node('call', 'flow.subworkflow', { workflowId })], 'in > call');
    const failed = await run(await started(await calling(failing), null), 'failed');
    expect(failed.error).toMatchObject({ code: 'subworkflow_failed', details: { status: 'failed' } });

    const executionId = await started(await calling(await calling(waiting)), null);
    const outer = await run(executionId, 'waiting');
    const middle = await run(nodeOf(outer, 'call')?.calledExecutionId ?? '', 'waiting');
    const inner = await run(nodeOf(middle, 'call')?.calledExecutionId ?? '', 'waiting');
    expect((await sluice.call('POST', `/api/executions/${executionId}/cancel`)).status).toBe(202);
    for (const { id } of [outer, middle, inner]) {
      await run(id, 'cancelled');
      expect(await openTasks(id)).toEqual(nothing);
    }
  });
});

it('B-15: outputs and texts that are very large are kept by reference or refused, and no event has more than 256 KiB', async () => {
  const input = { text: 'x'.repeat(700_000), items: Array.from({ length: 50_000 }, (_, n) => n) };
  const texts = (count: number) => ({
    values: Object.fromEntries(Array.from({ length: count }, (_, n) => [`v${n}`, '{{ trigger.text }}'])),
  });
  const cases = [
    { node: node('large', 'data.set', texts(800)), status: 'failed', shows: { error: { code: 'config_too_large' } } },
    {
      node: node('large', 'data.set', texts(14)),
      status: 'failed',
      shows: { error: { code: 'output_too_large' } },
    },
    {
      node: node('large', 'data.transform', { expression: '$number(trigger.text)' }),
      status: 'failed',
      shows: { error: { code: 'expression_failed' } },
    },
    { node: node('large', 'data.transform', { expression: 'trigger.items' }), status: 'completed', shows: { output: { $blob: {} } } },
    {
      node: node('large', 'logic.stop', { status: 'completed', output: '{{ trigger }}' }),
      status: 'completed',
      shows: { output: { $blob: {} } },
    },
  ];
  const before = process.resourceUsage().maxRSS;
  const runs = [];
  for (const { node: large, status, shows } of cases) {
    const id = await started(await published('large', [node('in', 'trigger.manual'), large], 'in > large'), input);
    runs.push(id);
    expect(await run(id, status)).toMatchObject(shows);
  }
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(400 * 1024); // KiB; the first alone would have 560 MB
  const { rows } = await sluice.db.query(
    'SELECT type, octet_length(payload::text) AS bytes FROM domain_events WHERE aggregate_id = ANY ($1) ORDER BY 2 DESC',
    [runs],
  );
  expect(rows.length).toBeGreaterThan(10);
  expect(rows.filter(({ bytes }) => bytes >= 256 * 1024)).toEqual([]);
}, 90_000);

it('N-14: runs under way end on the version they began with when their workflow is archived; nothing of it begins any more', async () => {
  const id = await published(
    'archived',
    [node('in', 'trigger.manual'), node('wait', 'flow.delay', { ms: 500 }), node('end', 'data.set', { values: { done: true } })],
    'in > wait, wait > end',
  );
  const underWay = await started(id, null);
  await run(underWay, 'waiting');
  expect((await sluice.call('DELETE', `/api/workflows/${id}`)).status).toBe(204);
  const refused = await sluice.call('POST', `/api/workflows/${id}/nodes/in/trigger`, { input: null });
  expect([refused.status, refused.body.type]).toEqual([409, '/problems/workflow_not_published']);
  expect((await run(underWay, 'completed')).output).toEqual({ done: true });
  expect(await listOf(id)).toHaveLength(1);
});

describe('settings', () => {
  it('a run that is not over at its deadline fails, and its error workflow begins', async () => {
    const rescue = await published(
      'rescue',
      [node('in', 'trigger.manual'), node('note', 'data.set', { values: { why: '{{ trigger.error.code }}' } })],
      'in > note',
    );
    const id = await published('slow', [node('in', 'trigger.manual'), node('wait', 'flow.delay', { ms: 600_000 })], 'in > wait', {
      deadlineMs: 1_000,
      errorWorkflow: rescue,
    });
    const executionId = await started(id, null);
    expect((await run(executionId, 'failed')).error).toMatchObject({ code: 'deadline_exceeded' });
    expect(await openTasks(executionId)).toEqual(nothing);
    await eventually(async () => {
      const [rescued] = await listOf(rescue);
      expect((await sluice.call('GET', `/api/executions/${rescued.id}`)).body).toMatchObject({
        status: 'completed',
        output: { why: 'deadline_exceeded' },
        trigger: { source: 'error', clientId: executionId },
      });
    });
  });

  const taking = (onLimit: string) =>
    published(onLimit, [node('in', 'trigger.manual'), node('wait', 'flow.delay', { ms: '{{ trigger.ms }}' })], 'in > wait', {
      concurrency: { key: 'trigger.key', limit: 1, onLimit },
    });

  it('queue: runs with the same key take turns in their order, others do not wait', async () => {
    const id = await taking('queue');
    const first = await started(id, { key: 'a', ms: 400 });
    const later = [await started(id, { key: 'a', ms: 1 }), await started(id, { key: 'a', ms: 1 }), await started(id, { key: 'a', ms: 1 })];
    const other = await started(id, { key: 'b', ms: 1 });
    await run(other, 'completed');
    const runs = [await run(first, 'completed')];
    for (const one of later) runs.push(await run(one, 'completed'));
    const ended = runs.map(({ completedAt }) => completedAt);
    expect(ended).toEqual([...ended].sort());
    const begun = runs.slice(1).map(({ nodes }) => nodes[0].startedAt);
    expect(begun[0] >= ended[0] && begun[1] >= ended[1] && begun[2] >= ended[2]).toBe(true);
    expect((await sluice.db.query('SELECT count(*)::int AS n FROM turns WHERE workflow_id = $1', [id])).rows[0].n).toBe(0);
  });

  it('N-11: deliveries that come in another order than they happened all run; in line, one at a time, in the order in which they were accepted', async () => {
    const account = '17841465550004321';
    const channelId = await sluice.made('/api/channels', {
      provider: 'instagram',
      name: 'out of order',
      externalAccountId: account,
      credentials: { signingSecrets: [signingSecret] },
    });
    const listening = async (settings: object) => {
      const nodes = [node('in', 'trigger.webhook'), node('wait', 'flow.delay', { ms: 20 })];
      const workflowId = await published('out of order', nodes, 'in > wait', settings);
      const config = { channelId, actionTypes: ['message'] };
      await sluice.made('/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider: 'instagram', config });
      return workflowId;
    };
    const [free, inLine] = [await listening({}), await listening({ concurrency: { key: 'customer.id', limit: 1 } })];
    const now = Date.now();
    const texts = Array.from({ length: 10 }, (_, n) => `${n}: ${n % 2 === 0 ? 'updated' : 'created'}`);
    for (const [n, text] of texts.entries()) {
      // What was updated is told before it is told of as created.
      const happened = now - (n % 2 === 0 ? 0 : 60_000);
      const answer = await sluice.deliver(channelId, text, account, signingSecret, 'customer', happened);
      expect(answer.status).toBe(200);
    }
    const runsOf = (workflowId: string) =>
      eventually(
        async () => {
          const { rows } = await sluice.db.query(
            `SELECT e.status, e.input ->> 'text' AS text, e.completed_at AS ended,
                    (SELECT min(started_at) FROM node_executions n WHERE n.tenant_id = e.tenant_id AND n.workflow_execution_id = e.id) AS began
             FROM workflow_executions e WHERE workflow_id = $1 ORDER BY began`,
            [workflowId],
          );
          expect(rows.filter(({ status }) => status === 'completed')).toHaveLength(texts.length);
          return rows;
        },
        { timeoutMs: 20_000 },
      );
    expect((await runsOf(free)).map(({ text }) => text).toSorted()).toEqual(texts);
    const served = await runsOf(inLine);
    expect(served.map(({ text }) => text)).toEqual(texts);
    expect(served.filter(({ began }, n) => n > 0 && began < served[n - 1].ended)).toEqual([]);
  }, 60_000);

  it('drop: one more run ends at once and says why; cancelRunning: it takes the place of the one before', async () => {
    const dropping = await taking('drop');
    const first = await started(dropping, { key: 'a', ms: 300 });
    const dropped = await sluice.call(
      'GET',
      `/api/executions/${(await run(await started(dropping, { key: 'a', ms: 1 }), 'cancelled')).id}`,
    );
    expect(dropped.body.nodes).toEqual([]);
    await run(first, 'completed');

    const replacing = await taking('cancelRunning');
    const old = await started(replacing, { key: 'a', ms: 600_000 });
    await run(old, 'waiting');
    const newest = await started(replacing, { key: 'a', ms: 1 });
    await run(old, 'cancelled');
    await run(newest, 'completed');
  });
});

describe('waiting for an event', () => {
  const account = '17841465550001234';

  /** A workflow that asks and waits for the customer's next message. */
  async function conversation(wait: object = {}, settings: object = {}) {
    const channelId = await sluice.made('/api/channels', {
      provider: 'instagram',
      name: 'c',
      externalAccountId: account,
      credentials: { signingSecrets: [signingSecret] },
    });
    const workflowId = await published(
      'conversation',
      [
        node('in', 'trigger.webhook'),
        node('answer', 'flow.waitForEvent', { kinds: ['message'], timeoutMs: 600_000, ...wait }),
        node('heard', 'data.set', { values: { first: '{{ trigger.text }}', second: '{{ input.text }}' } }),
        node('silence', 'data.set', { values: { silent: true } }),
      ],
      'in > answer, answer > heard, answer.timeout > silence',
      settings,
    );
    await sluice.made('/api/webhooks', {
      name: 'w',
      workflowId,
      nodeId: 'in',
      provider: 'instagram',
      config: { channelId, actionTypes: ['message'] },
    });
    return { channelId, workflowId };
  }

  it('is ended by the next signed delivery of that customer, and by none of another', async () => {
    const { channelId, workflowId } = await conversation();
    expect(await sluice.message(channelId, 'hello', account)).toBe(200);
    const [first] = await eventually(async () => {
      const runs = await listOf(workflowId);
      expect(runs).toMatchObject([{ status: 'waiting' }]);
      return runs;
    });
    await sluice.message(channelId, 'I am somebody else', account, signingSecret, 'another customer');
    await eventually(async () => expect(await listOf(workflowId)).toHaveLength(2));
    expect((await sluice.call('GET', `/api/executions/${first.id}`)).body.status).toBe('waiting');

    await sluice.message(channelId, 'the answer', account);
    const done = await run(first.id, 'completed');
    expect(done.output).toEqual({ first: 'hello', second: 'the answer' });
    // The event that was waited for began no run of this workflow.
    expect(await listOf(workflowId)).toHaveLength(2);
    expect(await openTasks(first.id)).toEqual(nothing);
  });

  it('goes on by its timeout handle when none comes', async () => {
    const { channelId, workflowId } = await conversation({ timeoutMs: 300 });
    await sluice.message(channelId, 'hello', account);
    await eventually(async () => expect(await listOf(workflowId)).toMatchObject([{ status: 'completed' }]));
    const [{ id }] = await listOf(workflowId);
    expect((await run(id, 'completed')).output).toEqual({ silent: true });
  });

  it('takes only an event that its condition wants', async () => {
    const { channelId, workflowId } = await conversation({ condition: "event.text = 'yes' and input.text = 'hello'", exclusive: false });
    await sluice.message(channelId, 'hello', account);
    await eventually(async () => expect(await listOf(workflowId)).toMatchObject([{ status: 'waiting' }]));
    const [{ id }] = await listOf(workflowId);
    await sluice.message(channelId, 'no', account);
    await eventually(async () => expect(await listOf(workflowId)).toHaveLength(2));
    await sluice.message(channelId, 'yes', account);
    expect((await run(id, 'completed')).output).toEqual({ first: 'hello', second: 'yes' });
  });

  it('its condition sees what every expression of its node sees', async () => {
    const condition =
      "event.text = nodes.`in`.output.text & ' ' & workflow.version and $exists(execution.id) and customer.id = event.customerId";
    const { channelId, workflowId } = await conversation({ condition });
    await sluice.message(channelId, 'hello', account);
    await eventually(async () => expect(await listOf(workflowId)).toMatchObject([{ status: 'waiting' }]));
    const [{ id }] = await listOf(workflowId);
    await sluice.message(channelId, 'hello 1', account);
    expect((await run(id, 'completed')).output).toEqual({ first: 'hello', second: 'hello 1' });
  });

  it('finds an event that came just before', async () => {
    const { channelId, workflowId } = await conversation();
    // A worker reads who waits before it begins the runs of an event, so of several messages at once some come before the wait of the first.
    for (let turn = 0; turn < 5; turn += 1) {
      await Promise.all(['one', 'two'].map((text) => sluice.message(channelId, `${text} ${turn}`, account)));
      await eventually(async () => {
        const { rows } = await sluice.db.query(
          `SELECT count(*) FILTER (WHERE status = 'waiting')::int AS waiting, count(*)::int AS runs FROM workflow_executions WHERE workflow_id = $1`,
          [workflowId],
        );
        const { rows: events } = await sluice.db.query(
          `SELECT count(*)::int AS n FROM webhook_events WHERE channel_id = $1 AND status = 'received'`,
          [channelId],
        );
        const { rows: tasks } = await sluice.db.query(
          `SELECT count(*)::int AS n FROM tasks t JOIN workflow_executions e ON e.id = t.execution_id WHERE e.workflow_id = $1`,
          [workflowId],
        );
        expect([events[0].n, tasks[0].n]).toEqual([0, 0]);
        // Each message has begun a run or ended a wait; nothing was lost.
        const { rows: heard } = await sluice.db.query(
          `SELECT count(*)::int AS n FROM wait_matches m JOIN workflow_executions e ON e.id = m.execution_id WHERE e.workflow_id = $1`,
          [workflowId],
        );
        expect(rows[0].runs + heard[0].n).toBeGreaterThanOrEqual(2 * (turn + 1));
      });
    }
  });

  it('lets go of its turn while it waits: a conversation does not wait for itself', async () => {
    const { channelId, workflowId } = await conversation(
      { condition: "event.text = 'go on'" },
      { concurrency: { key: 'trigger.customerId' } },
    );
    await sluice.message(channelId, 'hello', account);
    await eventually(async () => expect(await listOf(workflowId)).toMatchObject([{ status: 'waiting' }]));
    await sluice.message(channelId, 'hello again', account);
    await eventually(async () => expect(await listOf(workflowId)).toMatchObject([{ status: 'waiting' }, { status: 'waiting' }]));
    await sluice.message(channelId, 'go on', account);
    await eventually(async () => expect(await listOf(workflowId)).toMatchObject([{ status: 'completed' }, { status: 'completed' }]));
  });
});

describe('state', () => {
  it('is set once, changed only at the version that was read, and forgotten after its time', async () => {
    const id = await published(
      'state',
      [
        node('in', 'trigger.manual'),
        node('read', 'state.get', { scope: 'workflow', key: 'count' }),
        node('write', 'state.set', {
          scope: 'workflow',
          key: 'count',
          value: '{{ (nodes.read.output.value ? nodes.read.output.value : 0) + 1 }}',
          ifVersion: '{{ nodes.read.output.version }}',
        }),
        node('again', 'state.set', { scope: 'workflow', key: 'count', value: 100, ifVersion: 0 }),
        node('conflict', 'data.set', { values: { conflict: '{{ input.version }}' } }),
      ],
      'in > read, read > write, write > again, again.conflict > conflict',
    );
    expect((await run(await started(id, null), 'completed')).output).toEqual({ conflict: 1 });
    expect((await run(await started(id, null), 'completed')).output).toEqual({ conflict: 2 });
    const { rows } = await sluice.db.query(`SELECT value, version FROM node_state WHERE scope_id = $1 AND key = 'count'`, [id]);
    expect(rows).toEqual([{ value: 2, version: 2 }]);
  });
});

describe('a webhook that is registered as sync', () => {
  it('is answered by its workflow; what asks nobody is acknowledged', async () => {
    const channelId = await sluice.made('/api/channels', {
      provider: 'instagram',
      name: 's',
      credentials: { signingSecrets: [signingSecret] },
    });
    const respond = { status: 201, body: { heard: '{{ trigger.text }}' }, headers: { 'x-answer': 'yes' } };
    const workflowId = await published('sync', [node('in', 'trigger.webhook'), node('say', 'flow.respond', respond)], 'in > say');
    const config = { channelId, actionTypes: ['message'], mode: 'sync' };
    await sluice.made('/api/webhooks', { name: 's', workflowId, nodeId: 'in', provider: 'instagram', config });
    const answer = await sluice.deliver(channelId, 'hello', '17');
    expect([answer.status, answer.headers.get('x-answer'), await answer.json()]).toEqual([201, 'yes', { heard: 'hello' }]);
    const [{ id }] = await eventually(async () => {
      const runs = await listOf(workflowId);
      expect(runs).toMatchObject([{ status: 'completed' }]);
      return runs;
    });
    expect((await run(id, 'completed')).output).toEqual({ delivered: true });
    expect((await run(await started(workflowId, { text: 'nobody waits' }), 'completed')).output).toEqual({ delivered: false });
  });
});
