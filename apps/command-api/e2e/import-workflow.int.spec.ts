import { randomUUID } from 'node:crypto';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
let editor: string;
beforeAll(async () => {
  api = await commandApi();
  editor = await api.keyFor('editor');
});
afterAll(() => api.close());

const theirs = '018f3b5e-0000-7000-8000-00000000000c';
const document = {
  format: 'sluice.workflow',
  formatVersion: 1,
  name: 'Greet',
  description: 'Says hello',
  tags: ['demo'],
  settings: { priority: 'high' },
  nodes: [
    { id: 'start', type: 'trigger.manual', config: {}, position: { x: 1, y: 2 } },
    { id: 'greet', type: 'data.set', config: { values: { text: 'Hi {{ input.name }}' } }, policy: { retry: { maxAttempts: 2 } } },
  ],
  edges: [{ source: 'start', target: 'greet' }],
  omitted: [],
};
const post = (body: object, key = editor, headers = {}) => api.call('POST', '/api/workflows/import', { key, body, headers });

it('makes a draft of its own of the document, as it is', async () => {
  const answer = await post(document);
  expect([answer.status, answer.body, answer.headers.get('etag')]).toEqual([201, { id: expect.any(String), revision: 1 }, '"1"']);
  const { rows } = await api.db.query(
    'SELECT tenant_id, name, description, status, draft, tags, settings, version, created_by FROM workflows WHERE id = $1',
    [answer.body.id],
  );
  const { name, description, tags, settings, nodes, edges } = document;
  expect(rows).toEqual([
    {
      tenant_id: api.tenantId,
      name,
      description,
      status: 'draft',
      draft: { nodes, edges },
      tags,
      settings,
      version: 0,
      created_by: expect.any(String),
    },
  ]);
  expect(await api.eventTypes(answer.body.id)).toEqual(['workflow.created']);
  expect((await api.call('POST', `/api/workflows/${answer.body.id}/publish`, { key: editor })).status).toBe(200);
});

it('makes one draft, however often it is asked with the same key, and says the same', async () => {
  const key = randomUUID();
  const once = { ...document, name: `Once ${key}`, omitted: [{ path: 'nodes[1].config.x', reason: 'secret' }] };
  const answers = [];
  for (let time = 0; time < 3; time += 1) answers.push(await post(once, editor, { 'idempotency-key': key }));
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  const { rows } = await api.db.query('SELECT id FROM workflows WHERE name = $1', [once.name]);
  expect(rows).toEqual([{ id: answers[0]?.body.id }]);
});

it('B-16: keeps types that are not known and ids of another tenant in the drawing, lists each of them, and publishes neither', async () => {
  const other = await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' } });
  const secret = { name: 'Shop', type: 'bearer', token: 'bearer-very-secret', allowedHosts: ['x.test'] };
  const credential = (await api.call('POST', '/api/credentials', { key: other.body.key, body: secret })).body.id;
  const nodes = [
    ...document.nodes,
    { id: 'call', type: 'http.request', config: { url: 'https://x.test', credential } },
    { id: 'say', type: 'instagram.sendMessage', config: { channelId: theirs, to: 'x', text: 'y' } },
    { id: 'buy', type: 'shop.buy', config: { what: 'it' } },
    { id: 'bill', type: 'flow.subworkflow', config: { workflowId: theirs } },
  ];
  const edges = [...document.edges, ...['call', 'say', 'buy', 'bill'].map((target) => ({ source: 'greet', target }))];
  const omitted = [{ path: 'nodes[1].config.headers.cookie', reason: 'secret' }];
  const { status, body } = await post({ ...document, nodes, edges, omitted });
  expect(status).toBe(201);
  const found = body.findings.map(({ path, code, severity = 'error' }: Record<string, string>) => `${path}: ${code} (${severity})`);
  expect(found).toEqual([
    'nodes[1].config.headers.cookie: left_out (warning)',
    'nodes[4].type: unknown_node_type (error)',
    'nodes[3].config.channelId: unknown_channel (error)',
    'nodes[2].config.credential: unknown_credential (error)',
    'nodes[5].config.workflowId: unknown_workflow (error)',
  ]);
  const { rows } = await api.db.query('SELECT draft FROM workflows WHERE id = $1', [body.id]);
  expect(rows).toEqual([{ draft: { nodes, edges } }]);
  expect(await api.call('POST', `/api/workflows/${body.id}/publish`, { key: editor })).toMatchObject({ status: 422 });
});

it.each<[string, object, string, RegExp]>([
  ['another format', { format: 'n8n' }, 'format', /must be "sluice.workflow"/],
  ['no format', { format: undefined }, 'format', /must be "sluice.workflow"/],
  [
    'a version of the format that is not known',
    { formatVersion: 2 },
    'formatVersion',
    /must be 1: a document of another version cannot be read/,
  ],
  ['no version of the format', { formatVersion: undefined }, 'formatVersion', /must be 1/],
  ['members that are not known', { triggers: [] }, 'triggers', /should not exist/],
  ['nodes that are none', { nodes: [{ id: 'a' }] }, 'nodes[0].type', /type/],
  [
    'members of nodes that are not known',
    { nodes: [{ id: 'a', type: 'data.set', credentials: {} }] },
    'nodes[0].credentials',
    /should not exist/,
  ],
  ['omissions that are none', { omitted: [{ path: 'x', reason: 'lost' }] }, 'omitted[0].reason', /reason/],
  ['no name', { name: ' ' }, 'name', /blank/],
])('refuses %s', async (_, change, path, message) => {
  const { rows: before } = await api.db.query('SELECT count(*) FROM workflows');
  const { status, body } = await post({ ...document, ...change });
  expect(status).toBe(400);
  expect(body.errors).toEqual(expect.arrayContaining([expect.objectContaining({ path, message: expect.stringMatching(message) })]));
  expect((await api.db.query('SELECT count(*) FROM workflows')).rows).toEqual(before);
});

it('refuses another role, nobody, and another tenant', async () => {
  expect((await post(document, await api.keyFor('viewer'))).status).toBe(403);
  expect((await api.call('POST', '/api/workflows/import', { body: document })).status).toBe(401);
  expect((await post({ ...document, tenantId: theirs })).status).toBe(404);
});

it('B-10: takes a document as large as a workflow may be', async () => {
  const nodes = [document.nodes[0], ...Array.from({ length: 999 }, (_, index) => ({ ...document.nodes[1], id: `n${index}` }))];
  const edges = nodes.slice(1).map((_, index) => ({ source: index === 0 ? 'start' : `n${index - 1}`, target: `n${index}` }));
  const { status, body } = await post({ ...document, nodes, edges });
  expect([status, body.findings]).toEqual([201, undefined]);
});
