import { newId } from '@sluice/kernel';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
let editor: string;
let viewer: string;
let foreigner: string;
beforeAll(async () => {
  api = await commandApi();
  editor = await api.keyFor('editor');
  viewer = await api.keyFor('viewer');
  foreigner = (await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' } })).body.key;
});
afterAll(() => api.close());

const nodes = [
  { id: 'start', type: 'trigger.manual', config: {}, position: { x: 0, y: 0 } },
  {
    id: 'greet',
    type: 'data.set',
    name: 'Greet',
    config: { values: { text: 'Hi {{ input.name }}' } },
    policy: { retry: { maxAttempts: 2 } },
  },
];
const edges = [{ source: 'start', target: 'greet' }];
const definition = { name: 'Greet', description: 'Says hello', nodes, edges, tags: ['demo'], settings: { priority: 'high' } };

async function created(body: object = definition): Promise<string> {
  const answer = await api.call('POST', '/api/workflows', { key: editor, body });
  expect(answer.status).toBe(201);
  return answer.body.id;
}

describe('POST /api/workflows', () => {
  it('keeps the drawing as it was drawn', async () => {
    const answer = await api.call('POST', '/api/workflows', { key: editor, body: { ...definition, tenantId: api.tenantId } });
    expect(answer).toMatchObject({ status: 201, body: { id: expect.any(String), revision: 1 } });
    expect(answer.headers.get('etag')).toBe('"1"');
    expect(Number(answer.headers.get('x-log-position'))).toBeGreaterThan(0);

    const { rows } = await api.db.query(
      'SELECT name, description, draft, tags, settings, status, created_by FROM workflows WHERE id = $1',
      [answer.body.id],
    );
    const { nodes: _, edges: __, ...rest } = definition;
    expect(rows).toEqual([{ ...rest, draft: { nodes, edges }, status: 'draft', created_by: expect.stringMatching(/^key:/) }]);
    expect(await api.eventTypes(answer.body.id)).toEqual(['workflow.created']);
  });

  it('takes an incomplete draft', async () => {
    await created({ name: 'New' });
    await created({
      name: 'Half',
      nodes: [{ id: 'a', type: 'not.yet', config: { constructed: [{ deep: null }] } }],
      edges: [{ source: 'a', target: 'b' }],
    });
  });

  it.each([
    ['nothing', undefined, 'name'],
    ['a list', [], undefined],
    ['a text', 'name', undefined],
    ['null', null, 'name'],
    ['no name', { nodes }, 'name'],
    ['a node without id', { name: 'x', nodes: [{ type: 'data.set', config: {} }] }, 'nodes[0].id'],
    ['a config that is no object', { name: 'x', nodes: [nodes[0], { ...nodes[1], config: 'text' }] }, 'nodes[1].config'],
    ['a field that does not exist', { name: 'x', colour: 'red' }, 'colour'],
  ])('refuses %s', async (_, body, path) => {
    const answer = await api.call('POST', '/api/workflows', { key: editor, body });
    expect(answer.status).toBe(400);
    if (path !== undefined) expect(answer.body.errors).toContainEqual(expect.objectContaining({ path }));
  });

  it('refuses another role and another tenant', async () => {
    expect((await api.call('POST', '/api/workflows', { key: viewer, body: definition })).status).toBe(403);
    expect((await api.call('POST', '/api/workflows', { body: definition })).status).toBe(401);
    const named = await api.call('POST', '/api/workflows', { key: foreigner, body: { ...definition, tenantId: api.tenantId } });
    expect(named.status).toBe(404);
  });
});

describe('PUT /api/workflows/:id', () => {
  it('changes what is named and leaves the rest', async () => {
    const id = await created();
    const answer = await api.call('PUT', `/api/workflows/${id}`, {
      key: editor,
      body: { description: null, tags: [] },
      headers: { 'if-match': '"1"' },
    });
    expect([answer.status, answer.body, answer.headers.get('etag')]).toEqual([200, { id, revision: 2 }, '"2"']);
    const { rows } = await api.db.query('SELECT name, description, draft, tags FROM workflows WHERE id = $1', [id]);
    expect(rows).toEqual([{ name: 'Greet', description: null, draft: { nodes, edges }, tags: [] }]);
  });

  it('keeps the revision when nothing changes', async () => {
    const id = await created();
    const { status, body, headers } = await api.call('PUT', `/api/workflows/${id}`, { key: editor, body: definition });
    expect([status, body.revision]).toEqual([200, 1]);
    expect(Number(headers.get('x-log-position'))).toBeGreaterThan(0);
    expect((await api.call('PUT', `/api/workflows/${id}`, { key: editor })).body.revision).toBe(1);
    expect(await api.eventTypes(id)).toEqual(['workflow.created']);
  });

  it('lets one of two who saw the same revision win', async () => {
    const id = await created();
    const answers = await Promise.all(
      ['a', 'b'].map((name) => api.call('PUT', `/api/workflows/${id}`, { key: editor, body: { name }, headers: { 'if-match': '"1"' } })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect(answers.find(({ status }) => status === 412)?.body.type).toBe('/problems/revision_is_stale');
    expect(await api.eventTypes(id)).toEqual(['workflow.created', 'workflow.updated']);
  });

  it('loses no change without If-Match', async () => {
    const id = await created();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => api.call('PUT', `/api/workflows/${id}`, { key: editor, body: { name: `n${n}` } })),
    );
    expect(answers.map(({ body }) => body.revision).sort()).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await api.eventTypes(id)).toHaveLength(9);
  });

  it('refuses bad input, another role, another tenant, an unknown id', async () => {
    const id = await created();
    const put = (path: string, key: string, body: object) =>
      api.call('PUT', `/api/workflows/${path}`, { key, body }).then(({ status }) => status);
    expect(await put(id, editor, { name: null })).toBe(400);
    expect(await put('not-a-uuid', editor, { name: 'x' })).toBe(400);
    expect(await put(id, viewer, { name: 'x' })).toBe(403);
    expect(await put(id, foreigner, { name: 'x' })).toBe(404);
    expect(await put(newId(), editor, { name: 'x' })).toBe(404);
  });
});

describe('POST /api/workflows/:id/publish', () => {
  it('makes one version, however often it is asked', async () => {
    const id = await created();
    const answers = await Promise.all([1, 2, 3].map(() => api.call('POST', `/api/workflows/${id}/publish`, { key: editor })));
    expect(answers.map(({ status, body }) => [status, body])).toEqual([1, 2, 3].map(() => [200, { id, version: 1 }]));
    expect(await api.eventTypes(id)).toEqual(['workflow.created', 'workflow.published']);
    const { rows } = await api.db.query('SELECT version, graph, settings FROM workflow_versions WHERE workflow_id = $1', [id]);
    expect(rows).toEqual([{ version: 1, graph: { nodes, edges }, settings: definition.settings }]);
  });

  it('leaves the versions before it as they were', async () => {
    const id = await created();
    await api.call('POST', `/api/workflows/${id}/publish`, { key: editor });
    await api.call('PUT', `/api/workflows/${id}`, { key: editor, body: { nodes: nodes.slice(0, 1), edges: [] } });
    expect((await api.call('POST', `/api/workflows/${id}/publish`, { key: editor })).body).toEqual({ id, version: 2 });
    const { rows } = await api.db.query('SELECT version, graph FROM workflow_versions WHERE workflow_id = $1 ORDER BY version', [id]);
    expect(rows).toEqual([
      { version: 1, graph: { nodes, edges } },
      { version: 2, graph: { nodes: nodes.slice(0, 1), edges: [] } },
    ]);
  });

  it('answers every finding at once, as validate does', async () => {
    const send = { id: 'send', type: 'instagram.sendMessage', config: { channelId: newId(), to: 'x', text: 'y' } };
    const id = await created({
      name: 'x',
      nodes: [...nodes, send, { id: 'lost', type: 'no.such', config: {} }],
      edges: [...edges, { source: 'greet', target: 'send' }],
    });
    const refused = await api.call('POST', `/api/workflows/${id}/publish`, { key: editor });
    expect(refused).toMatchObject({ status: 422, body: { type: '/problems/workflow_not_publishable', title: 'Workflow not publishable' } });
    expect(refused.body.errors).toEqual(
      expect.arrayContaining([
        { path: 'nodes[3].type', code: 'unknown_node_type', message: expect.any(String) },
        { path: 'nodes[2].config.channelId', code: 'unknown_channel', message: expect.any(String) },
      ]),
    );
    const validated = await api.call('POST', `/api/workflows/${id}/validate`, { key: viewer });
    expect(validated).toMatchObject({ status: 200, body: { valid: false, findings: refused.body.errors } });
    expect(await api.eventTypes(id)).toEqual(['workflow.created']);
    expect((await api.call('POST', `/api/workflows/${await created()}/validate`, { key: viewer })).body).toEqual({
      valid: true,
      findings: [],
    });
  });

  it('refuses a stale revision, another role, another tenant', async () => {
    const id = await created();
    const publish = (key: string, headers = {}) =>
      api.call('POST', `/api/workflows/${id}/publish`, { key, headers }).then(({ status }) => status);
    expect(await publish(editor, { 'if-match': '"7"' })).toBe(412);
    expect(await publish(viewer)).toBe(403);
    expect(await publish(foreigner)).toBe(404);
    expect((await api.call('POST', `/api/workflows/${id}/validate`, { key: foreigner })).status).toBe(404);
  });
});

describe('POST /api/workflows/:id/rollback', () => {
  const shorter = { nodes: nodes.slice(0, 1), edges: [] };
  async function publishedTwice(): Promise<string> {
    const id = await created();
    await api.call('POST', `/api/workflows/${id}/publish`, { key: editor });
    await api.call('PUT', `/api/workflows/${id}`, { key: editor, body: shorter });
    await api.call('POST', `/api/workflows/${id}/publish`, { key: editor });
    return id;
  }
  const rollback = (id: string, body: unknown, key = editor, headers = {}) =>
    api.call('POST', `/api/workflows/${id}/rollback`, { key, body, headers });

  it('makes the earlier graph the newest version, once, and leaves the draft as it is', async () => {
    const id = await publishedTwice();
    const answers = await Promise.all([1, 2, 3].map(() => rollback(id, { version: 1 })));
    expect(answers.map(({ status, body }) => [status, body])).toEqual([1, 2, 3].map(() => [200, { id, version: 3 }]));
    expect((await api.eventTypes(id)).slice(-2)).toEqual(['workflow.published', 'workflow.rolled_back']);
    const { rows } = await api.db.query('SELECT version, graph, settings FROM workflow_versions WHERE workflow_id = $1 ORDER BY version', [
      id,
    ]);
    expect(rows[2]).toEqual({ version: 3, graph: { nodes, edges }, settings: definition.settings });
    expect((await api.db.query('SELECT revision, draft FROM workflows WHERE id = $1', [id])).rows).toEqual([
      { revision: 2, draft: shorter },
    ]);
    // The draft is not live any more, so it can be published again.
    expect((await api.call('POST', `/api/workflows/${id}/publish`, { key: editor })).body).toEqual({ id, version: 4 });
  });

  it('refuses what could not be published now', async () => {
    const credentials = { signingSecrets: ['3f1c9a7be2d84056a1b0c9d8e7f60514'] };
    const channel = { provider: 'instagram', name: 'Shop', credentials };
    const { body } = await api.call('POST', '/api/channels', { key: api.admin, body: channel });
    const send = { id: 'send', type: 'instagram.sendMessage', config: { channelId: body.id, to: 'x', text: 'y' } };
    const id = await created({ name: 'x', nodes: [nodes[0], send], edges: [{ source: 'start', target: 'send' }] });
    await api.call('POST', `/api/workflows/${id}/publish`, { key: editor });
    await api.call('PUT', `/api/workflows/${id}`, { key: editor, body: shorter });
    await api.call('POST', `/api/workflows/${id}/publish`, { key: editor });
    await api.call('DELETE', `/api/channels/${body.id}`, { key: api.admin });
    expect(await rollback(id, { version: 1 })).toMatchObject({ status: 422, body: { errors: [{ code: 'unknown_channel' }] } });
  });

  it('refuses bad input, a version that is not there, a stale revision, another role, another tenant', async () => {
    const id = await publishedTwice();
    for (const body of [{}, { version: 0 }, { version: '1' }, { version: 1.5 }, { version: 3_000_000_000 }]) {
      expect(await rollback(id, body)).toMatchObject({
        status: 400,
        body: { errors: expect.arrayContaining([expect.objectContaining({ path: 'version' })]) },
      });
    }
    expect(await rollback(id, { version: 9 })).toMatchObject({ status: 404, body: { type: '/problems/workflow_version_not_found' } });
    expect((await rollback(await created(), { version: 1 })).status).toBe(404);
    expect((await rollback(id, { version: 1 }, editor, { 'if-match': '"7"' })).status).toBe(412);
    expect((await rollback(id, { version: 1 }, viewer)).status).toBe(403);
    expect((await rollback(id, { version: 1 }, foreigner)).status).toBe(404);
    expect((await rollback(newId(), { version: 1 })).status).toBe(404);
    await api.call('DELETE', `/api/workflows/${id}`, { key: editor });
    expect((await rollback(id, { version: 1 })).status).toBe(409);
  });
});

describe('DELETE /api/workflows/:id', () => {
  it('archives: nothing changes any more, history stays', async () => {
    const id = await created();
    expect((await api.call('DELETE', `/api/workflows/${id}`, { key: viewer })).status).toBe(403);
    expect((await api.call('DELETE', `/api/workflows/${id}`, { key: foreigner })).status).toBe(404);
    expect((await api.call('DELETE', `/api/workflows/${id}`, { key: editor })).status).toBe(204);
    expect((await api.call('DELETE', `/api/workflows/${id}`, { key: editor })).status).toBe(204);
    expect((await api.call('PUT', `/api/workflows/${id}`, { key: editor, body: { name: 'x' } })).status).toBe(409);
    expect((await api.call('POST', `/api/workflows/${id}/publish`, { key: editor })).status).toBe(409);
    expect(await api.eventTypes(id)).toEqual(['workflow.created', 'workflow.archived']);
  });
});
