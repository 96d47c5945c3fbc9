import { randomUUID } from 'node:crypto';
import { newId } from '@sluice/kernel';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
let editor: string;
let other: string;
beforeAll(async () => {
  api = await commandApi();
  editor = await api.keyFor('editor');
  const tenant = await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' } });
  other = tenant.body.key;
});
afterAll(() => api.close());

const node = (id: string, type = 'data.set', config: object = { values: {} }, policy?: object) => ({ id, type, config, policy });
/** `a -item-> b, b -> c` */
const edges = (text: string) =>
  text.split(',').map((one) => {
    const [, source, sourceHandle, target] = /^\s*(\S+) -(?:(\w+)-)?> (\S+)\s*$/.exec(one) ?? [];
    return { source, target, sourceHandle };
  });
const start = node('start', 'trigger.manual', {});
const set = (id: string, a: string) => node(id, 'data.set', { values: { a } });
const call = (config: object) => node('call', 'http.request', { url: 'https://x.test', ...config });
const uuid = '018f3b5e-0000-7000-8000-00000000000c';

interface Broken {
  readonly nodes: readonly object[];
  readonly edges?: readonly object[];
  readonly settings?: object;
  /** All that is wrong, as `path: code` */
  readonly findings: readonly string[];
}

const broken: Readonly<Record<string, Broken>> = {
  'B-09 a cycle': {
    nodes: [start, node('a'), node('b')],
    edges: edges('start -> a, a -> b, b -> a'),
    findings: ['edges[2]: cycle'],
  },
  'B-09 an edge to its own node': { nodes: [start, node('a')], edges: edges('start -> a, a -> a'), findings: ['edges[1]: self_edge'] },
  'B-09 edges from and to nowhere': {
    nodes: [start, node('a')],
    edges: edges('start -> a, a -> gone, lost -> a'),
    findings: ['edges[1].target: dangling_edge', 'edges[2].source: dangling_edge'],
  },
  'B-09 one id twice': { nodes: [start, node('a'), node('a')], edges: edges('start -> a'), findings: ['nodes[2].id: duplicate_node_id'] },
  'B-09 nothing that starts it': { nodes: [node('a')], findings: ['nodes: no_trigger'] },
  'B-09 nodes that no trigger leads to': {
    nodes: [start, node('a'), node('b')],
    edges: edges('a -> b'),
    findings: ['nodes[1]: unreachable_node', 'nodes[2]: unreachable_node'],
  },
  'B-09 an edge into a trigger, and one drawn twice': {
    nodes: [start, node('a'), node('hook', 'trigger.webhook', {})],
    edges: edges('start -> a, a -> hook, start -> a'),
    findings: ['edges[1].target: edge_into_trigger', 'edges[2]: duplicate_edge'],
  },
  'B-16 a type that does not exist': {
    nodes: [start, node('a', 'shop.buy', {})],
    edges: edges('start -> a'),
    findings: ['nodes[1].type: unknown_node_type'],
  },
  'configs that say too much and too little': {
    nodes: [start, node('a', 'logic.switch', { cases: [{ name: 'x' }], casse: 1 }), node('b', 'flow.delay', {})],
    edges: edges('start -> a, a -x-> b'),
    findings: ['nodes[1].config.casse: invalid_config', 'nodes[1].config.cases[0]: invalid_config', 'nodes[2].config: invalid_config'],
  },
  'expressions that cannot be read': {
    nodes: [start, set('a', 'Hello {{ input.name'), node('b', 'logic.if', { condition: '1 +' })],
    edges: edges('start -> a, a -> b'),
    findings: ['nodes[1].config.values.a: invalid_expression', 'nodes[2].config.condition: invalid_expression'],
  },
  'expressions that read what is not there': {
    nodes: [start, set('a', '{{ body.id & item.id }}'), set('b', '{{ nodes.gone.output & nodes.a.text }}')],
    edges: edges('start -> a, a -> b'),
    findings: [
      'nodes[1].config.values.a: unknown_reference',
      'nodes[1].config.values.a: unknown_reference',
      'nodes[2].config.values.a: unknown_node_reference',
      'nodes[2].config.values.a: unknown_reference',
    ],
  },
  'outputs that are not there yet': {
    nodes: [start, set('a', '{{ nodes.b.output }}'), set('b', '{{ nodes.b.output }}')],
    edges: edges('start -> a, a -> b'),
    findings: ['nodes[1].config.values.a: node_not_before', 'nodes[2].config.values.a: node_not_before'],
  },
  'handles that are not there': {
    nodes: [start, node('if', 'logic.if', { condition: 'input.a' }), node('a')],
    edges: edges('start -> if, if -yes-> a, if -true-> a'),
    findings: ['edges[1].sourceHandle: unknown_handle'],
  },
  'cases that never fit, and an error that is never handed on': {
    nodes: [
      start,
      node(
        's',
        'logic.switch',
        {
          value: 'input',
          cases: [
            { name: 'x', equals: 1 },
            { name: 'y', equals: 1 },
          ],
        },
        { onError: 'fail' },
      ),
      node('a'),
    ],
    edges: edges('start -> s, s -y-> a, s -error-> a'),
    findings: ['nodes[1].config.cases[1].equals: unreachable_handle', 'edges[2].sourceHandle: unreachable_handle'],
  },
  'joins that wait for what cannot come': {
    nodes: [
      start,
      node('if', 'logic.if', { condition: 'input.a' }),
      node('j', 'logic.merge', { mode: 'kOf', count: 2 }),
      node('k', 'logic.merge', { mode: 'kOf', count: 9 }),
    ],
    edges: edges('start -> if, if -true-> j, if -false-> j, j -> k'),
    findings: ['nodes[2].config.count: join_impossible', 'nodes[3].config.count: join_impossible'],
  },
  'a loop that is entered from outside and left from inside': {
    nodes: [start, node('each', 'logic.forEach', {}), node('a'), node('b'), node('after')],
    edges: edges('start -> each, each -item-> a, start -> b, b -> a, a -> after, each -done-> after'),
    findings: ['edges[3]: loop_entered', 'edges[4]: loop_left'],
  },
  'loops with nothing in them, and too deep': {
    nodes: [
      start,
      ...['l0', 'l1', 'l2', 'l3', 'l4', 'l5'].map((id) => node(id, 'logic.forEach', {})),
      node('a'),
      node('empty', 'logic.forEach', {}),
    ],
    edges: edges('start -> l0, l0 -item-> l1, l1 -item-> l2, l2 -item-> l3, l3 -item-> l4, l4 -item-> l5, l5 -item-> a, start -> empty'),
    findings: ['nodes[6]: loop_too_deep', 'nodes[8]: loop_empty'],
  },
  'policies that contradict themselves': {
    nodes: [start, node('a', 'data.set', { values: {} }, { onError: 'branch', retry: { delayMs: 9_000, maxDelayMs: 1_000 } })],
    edges: edges('start -> a'),
    findings: ['nodes[1].policy.retry.maxDelayMs: invalid_policy', 'nodes[1].policy.onError: error_branch_missing'],
  },
  'B-16 credentials and channels that the tenant does not have': {
    nodes: [start, call({ credential: uuid }), node('say', 'instagram.sendMessage', { channelId: uuid, to: 'x', text: 'y' })],
    edges: edges('start -> call, call -> say'),
    findings: ['nodes[1].config.credential: unknown_credential', 'nodes[2].config.channelId: unknown_channel'],
  },
  'workflows that are not there': {
    nodes: [start, node('sub', 'flow.subworkflow', { workflowId: uuid }), node('own', 'flow.subworkflow', { workflowId: 'other' })],
    edges: edges('start -> sub, sub -> own'),
    settings: { errorWorkflow: uuid },
    findings: [
      'nodes[1].config.workflowId: unknown_workflow',
      'nodes[2].config.workflowId: invalid_config',
      'settings.errorWorkflow: unknown_workflow',
    ],
  },
  'settings that nobody knows': {
    nodes: [start],
    settings: { speed: 'high', deadlineMs: 1, concurrency: { key: 'nodes.a' }, limits: { nodeRuns: 1_000_000 } },
    findings: [
      'settings.speed: invalid_settings',
      'settings.deadlineMs: invalid_settings',
      'settings.limits.nodeRuns: invalid_settings',
      'settings.concurrency.key: invalid_settings',
    ],
  },
};

const brief = (findings: readonly { path: string; code: string }[]) => findings.map(({ path, code }) => `${path}: ${code}`).toSorted();

/** The workflow and its log as they are */
async function recorded(id: string) {
  const { rows } = await api.db.query('SELECT * FROM workflows WHERE id = $1', [id]);
  const versions = await api.db.query('SELECT version FROM workflow_versions WHERE workflow_id = $1', [id]);
  return { rows, versions: versions.rows, events: await api.eventTypes(id) };
}

async function drawn(body: object, key = editor): Promise<string> {
  const answer = await api.call('POST', '/api/workflows', { key, body: { name: 'Broken', ...body } });
  expect([answer.status, answer.body.errors]).toEqual([201, undefined]);
  return answer.body.id;
}

/** All of it is found and said to both who ask; nothing of it is published. */
async function isRefused(id: string, findings: readonly string[]): Promise<void> {
  const before = await recorded(id);
  const refused = await api.call('POST', `/api/workflows/${id}/publish`, { key: editor });
  expect(refused).toMatchObject({ status: 422, body: { type: '/problems/workflow_not_publishable' } });
  expect(brief(refused.body.errors)).toEqual(findings.toSorted());
  for (const { message } of refused.body.errors) expect(message).toMatch(/\S{2}/);
  const validated = await api.call('POST', `/api/workflows/${id}/validate`, { key: editor });
  expect(validated.body).toEqual({ valid: false, findings: refused.body.errors });
  expect(await recorded(id)).toEqual(before);
  expect(before).toMatchObject({ versions: [], events: ['workflow.created'] });
}

it.each(Object.entries(broken))('refuses %s with every finding, and publishes nothing of it', async (_, { findings, ...body }) => {
  await isRefused(await drawn({ edges: [], ...body }), findings);
});

it('there are twenty such workflows', () => expect(Object.keys(broken).length).toBeGreaterThanOrEqual(20));

it('finds in one drawing what is wrong with all of them', async () => {
  const parts = Object.values(broken).map((one, part) => ({
    nodes: JSON.parse(JSON.stringify(one.nodes).replaceAll(/"id":"(\w+)"/g, `"id":"p${part}_$1"`)),
    edges: JSON.parse(JSON.stringify(one.edges ?? []).replaceAll(/"(source|target)":"(\w+)"/g, `"$1":"p${part}_$2"`)),
  }));
  const id = await drawn({ nodes: parts.flatMap(({ nodes }) => nodes), edges: parts.flatMap((one) => one.edges) });
  const { body } = await api.call('POST', `/api/workflows/${id}/publish`, { key: editor });
  const codes = new Set(body.errors.map(({ code }: { code: string }) => code));
  // What only a whole workflow can lack or have is not to be seen among the others, nor is an order where ways lead in circles.
  const expected = Object.values(broken).flatMap(({ findings }) => findings.map((one) => one.split(': ')[1]));
  const apart = new Set(['no_trigger', 'invalid_settings', 'node_not_before', 'unreachable_node']);
  expect([...new Set(expected)].filter((code) => !codes.has(code) && !apart.has(code ?? ''))).toEqual([]);
  expect(await api.eventTypes(id)).toEqual(['workflow.created']);
});

describe('calls of other workflows', () => {
  const calling = (workflowId: string, version?: number) => ({
    nodes: [start, node('sub', 'flow.subworkflow', { workflowId, version })],
    edges: edges('start -> sub'),
  });
  const publish = (id: string, key = editor) => api.call('POST', `/api/workflows/${id}/publish`, { key });
  const finding = 'nodes[1].config.workflowId';

  it('go to what is published, in a version that is there, and starts by hand', async () => {
    const callee = await drawn({ name: 'Bill', nodes: [start], edges: [] });
    await isRefused(await drawn(calling(callee)), [`${finding}: workflow_not_published`]);
    await publish(callee);
    await isRefused(await drawn(calling(callee, 2)), ['nodes[1].config.version: unknown_workflow_version']);
    expect((await publish(await drawn(calling(callee.toUpperCase(), 1)))).status).toBe(200);

    await api.call('PUT', `/api/workflows/${callee}`, { key: editor, body: { nodes: [node('hook', 'trigger.webhook', {})] } });
    await publish(callee);
    await isRefused(await drawn(calling(callee)), [`${finding}: workflow_not_callable`]);
    expect((await publish(await drawn(calling(callee, 1)))).status).toBe(200);
    const alarm = { nodes: [start], edges: [], settings: { errorWorkflow: callee } };
    await isRefused(await drawn(alarm), ['settings.errorWorkflow: workflow_not_callable']);
  });

  it('go to no other tenant', async () => {
    const theirs = await drawn({ nodes: [start], edges: [] }, other);
    expect((await publish(theirs, other)).status).toBe(200);
    await isRefused(await drawn(calling(theirs)), [`${finding}: unknown_workflow`]);
  });

  it('do not lead back, directly or through others, and the way is named', async () => {
    const sell = await drawn({ name: 'Sell', nodes: [start], edges: [] });
    await publish(sell);
    const bill = await drawn({ name: 'Bill', ...calling(sell) });
    await publish(bill);
    const pay = await drawn({ name: 'Pay', ...calling(bill) });
    await publish(pay);

    await api.call('PUT', `/api/workflows/${sell}`, { key: editor, body: calling(pay) });
    const refused = await publish(sell);
    expect(refused).toMatchObject({
      status: 422,
      body: {
        errors: [
          {
            path: finding,
            code: 'recursive_subworkflow',
            message: 'The calls lead back to this workflow: "Sell" → "Pay" → "Bill" → "Sell". Remove one of them',
          },
        ],
      },
    });
    await api.call('PUT', `/api/workflows/${sell}`, { key: editor, body: { ...calling(sell), settings: { errorWorkflow: sell } } });
    expect(brief((await publish(sell)).body.errors)).toEqual([
      `${finding}: recursive_subworkflow`,
      'settings.errorWorkflow: invalid_settings',
    ]);
    expect(await api.eventTypes(sell)).toEqual(['workflow.created', 'workflow.published', 'workflow.updated', 'workflow.updated']);
  });
});

describe('warnings', () => {
  it('tell of fields that no event had, variables that are not set and webhooks without a trigger, and keep nothing from being published', async () => {
    const credentials = { signingSecrets: ['3f1c9a7be2d84056a1b0c9d8e7f60514'] };
    const [channel, quiet] = await Promise.all(
      ['Shop', 'Quiet'].map(async (name) => {
        const { body } = await api.call('POST', '/api/channels', { key: api.admin, body: { provider: 'instagram', name, credentials } });
        return body.id;
      }),
    );
    const event = (channelId: string, item: object, tenantId = api.tenantId) =>
      api.db.query(
        `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, item, status, correlation_id, occurred_at,
                                     received_at)
         VALUES ($1, $2, $2, $3, 'message', 'message', $5, $4, 'processed', $5, now(), now())`,
        [tenantId, newId(), channelId, JSON.stringify(item), randomUUID()],
      );
    const reads = { nodes: [node('hook', 'trigger.webhook', {}), set('a', '{{ trigger.txet & env.shpo }}')], edges: edges('hook -> a') };
    const id = await drawn(reads);
    const findings = async () => (await api.call('POST', `/api/workflows/${id}/validate`, { key: editor })).body;
    const variable = { path: 'nodes[1].config.values.a', code: 'unknown_variable', message: expect.any(String), severity: 'warning' };
    expect(await findings()).toEqual({ valid: true, findings: [variable] });

    await event(channel, { text: 'price?' });
    await event(quiet, { txet: 1 }, newId());
    const field = {
      path: 'nodes[1].config.values.a',
      code: 'unknown_field',
      message: 'The newest event has no field "trigger.txet": did you mean "trigger.text"?',
      severity: 'warning',
    };
    expect(await findings()).toEqual({ valid: true, findings: [variable, field] });
    expect((await api.call('POST', `/api/workflows/${id}/publish`, { key: editor })).status).toBe(200);

    // Another channel's events count until this workflow listens to a channel of its own.
    await event(quiet, { txet: 1 });
    expect((await findings()).findings).toEqual([variable]);
    const webhook = { name: 'Messages', workflowId: id, nodeId: 'hook', provider: 'instagram', config: { channelId: channel } };
    expect((await api.call('POST', '/api/webhooks', { key: editor, body: webhook })).status).toBe(201);
    expect((await findings()).findings).toEqual([variable, field]);

    // The trigger is drawn anew under another id: what is registered would start nothing.
    const redrawn = { nodes: [node('in', 'trigger.webhook', {}), set('a', '')], edges: edges('in -> a') };
    expect((await api.call('PUT', `/api/workflows/${id}`, { key: editor, body: redrawn })).status).toBe(200);
    expect(await findings()).toMatchObject({
      valid: true,
      findings: [{ path: 'nodes', code: 'webhook_without_trigger', severity: 'warning' }],
    });
  });
});

it('B-10: a workflow of 10 000 nodes is refused by its documented limit', async () => {
  const nodes = Array.from({ length: 10_000 }, (_, index) => ({ id: `n${index}`, type: 'data.set', config: {} }));
  const refused = await api.call('POST', '/api/workflows', { key: editor, body: { name: 'Huge', nodes } });
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'nodes' }] } });
});
