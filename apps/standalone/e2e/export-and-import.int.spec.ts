import { newId } from '@sluice/kernel';
import { eventually } from '@sluice/testing';
import { type InProcess, inProcess } from './in-process.js';

let sluice: InProcess;
beforeAll(async () => {
  sluice = await inProcess();
});
afterAll(() => sluice.close());

const drawing = {
  name: 'Round trip',
  description: 'There and back',
  tags: ['demo', 'trip'],
  settings: { priority: 'high', concurrency: { key: 'customer.id', limit: 2 } },
  nodes: [
    { id: 'start', type: 'trigger.manual', config: {}, position: { x: 0, y: -1.5 } },
    { id: 'each', type: 'logic.forEach', name: 'Orders', config: { items: 'input.orders', concurrency: 3 } },
    {
      id: 'ask',
      type: 'http.request',
      config: { method: 'GET', url: 'https://x.test/{{ item.id }}' },
      policy: { retry: { maxAttempts: 5 } },
    },
    { id: 'sum', type: 'data.set', config: { values: { list: [1, null, '{{ input }}'], deep: { a: { b: true } } } } },
  ],
  edges: [
    { id: 'e1', source: 'start', target: 'each' },
    { source: 'each', target: 'ask', sourceHandle: 'item' },
    { source: 'each', target: 'sum', sourceHandle: 'done' },
  ],
};

/** As the query API has it, once it has it */
const exported = (id: string) =>
  eventually(async () => {
    const { status, body } = await sluice.call('GET', `/api/workflows/${id}/export`);
    if (status !== 200) throw new Error(`the export is answered ${status}`);
    return body;
  });

it('what was exported and imported is exported the same', async () => {
  const first = await exported(await sluice.made('/api/workflows', drawing));
  expect(first).toEqual({ format: 'sluice.workflow', formatVersion: 1, ...drawing, omitted: [] });
  const { status, body } = await sluice.call('POST', '/api/workflows/import', first);
  expect([status, body.findings]).toEqual([201, undefined]);
  expect(await exported(body.id)).toEqual(first);
  expect((await sluice.call('POST', `/api/workflows/${body.id}/publish`)).status).toBe(200);
});

it('B-16: another tenant gets the drawing without secrets and references, and is told what is missing', async () => {
  const secret = { name: 'Shop', type: 'bearer', token: 'bearer-very-secret', allowedHosts: ['x.test'] };
  const credential = await sluice.made('/api/credentials', secret);
  const call = { url: 'https://x.test', credential, headers: { cookie: 'very-secret', accept: 'a' } };
  const nodes = [drawing.nodes[0], { id: 'call', type: 'http.request', config: call }];
  const first = await exported(await sluice.made('/api/workflows', { name: 'Shop', nodes, edges: [{ source: 'start', target: 'call' }] }));

  const { body: other } = await sluice.call('POST', '/api/tenants', { name: 'Other' }, sluice.platformKey);
  const { status, body } = await sluice.call('POST', '/api/workflows/import', first, other.key);
  expect([status, body.findings.map(({ path, code, severity }: Record<string, string>) => [path, code, severity]).toSorted()]).toEqual([
    201,
    [
      ['nodes[1].config.credential', 'left_out', 'warning'],
      ['nodes[1].config.headers.cookie', 'left_out', 'warning'],
    ],
  ]);
  const { rows } = await sluice.db.query('SELECT tenant_id, draft FROM workflows WHERE id = $1', [body.id]);
  expect(rows).toEqual([
    {
      tenant_id: other.id,
      draft: {
        nodes: [nodes[0], { id: 'call', type: 'http.request', config: { url: call.url, headers: { accept: 'a' } } }],
        edges: first.edges,
      },
    },
  ]);
  expect(JSON.stringify(first)).not.toMatch(new RegExp(`very-secret|${credential}|${sluice.tenantId}`));

  // By hand, the id of the other tenant's credential can be written in again: it is no credential here.
  const stolen = { ...first, nodes: [nodes[0], { id: 'call', type: 'http.request', config: { url: call.url, credential } }], omitted: [] };
  const again = await sluice.call('POST', '/api/workflows/import', stolen, other.key);
  expect(again.body.findings).toMatchObject([{ path: 'nodes[1].config.credential', code: 'unknown_credential' }]);
  const foreign = { ...stolen, nodes: [nodes[0], { id: 'call', type: 'http.request', config: { url: call.url, credential: newId() } }] };
  expect((await sluice.call('POST', '/api/workflows/import', foreign, other.key)).body.findings).toHaveLength(1);
});
