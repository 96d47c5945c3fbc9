import { readHttpCredential } from '@sluice/channels-write';
import { newId } from '@sluice/kernel';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
let foreigner: { id: string; key: string };
beforeAll(async () => {
  api = await commandApi();
  foreigner = (await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' } })).body;
});
afterAll(() => api.close());

const bearer = { name: 'Shop', type: 'bearer', token: 'bearer-very-secret', allowedHosts: ['API.example.com:443', 'api.example.com'] };
const create = (body: object = bearer, key = api.admin) => api.call('POST', '/api/credentials', { key, body });
const read = (tenantId: string, id: string) => readHttpCredential(api.db, tenantId, id, api.config.encryption.keys);

it.each([
  [bearer, { type: 'bearer', token: 'bearer-very-secret' }],
  [
    { ...bearer, type: 'basic', token: undefined, username: 'ada', password: 'pass-very-secret' },
    { type: 'basic', username: 'ada', password: 'pass-very-secret' },
  ],
  [
    { ...bearer, type: 'header', token: undefined, headerName: 'X-Api-Key', value: 'value very-secret' },
    { type: 'header', headerName: 'x-api-key', value: 'value very-secret' },
  ],
])('a secret is kept sealed and is nowhere else (%#)', async (body, secret) => {
  const answer = await create(body);
  expect(answer).toMatchObject({ status: 201, body: { id: expect.any(String) } });
  const { id } = answer.body;
  expect(await read(api.tenantId, id)).toEqual({ secret, allowedHosts: ['api.example.com'] });
  expect(await api.eventTypes(id)).toEqual(['credential.created']);
  const { rows } = await api.db.query('SELECT c::text AS row FROM http_credentials c UNION ALL SELECT e::text FROM domain_events e');
  expect(JSON.stringify([rows, answer.body])).not.toContain('very-secret');
  expect(JSON.stringify(rows)).not.toContain(Buffer.from('very-secret').toString('hex'));
});

it('ends with its deletion', async () => {
  const { id } = (await create()).body;
  expect((await api.call('DELETE', `/api/credentials/${id}`, { key: foreigner.key })).status).toBe(404);
  expect((await api.call('DELETE', `/api/credentials/${id}`, { key: await api.keyFor('operator') })).status).toBe(403);
  expect((await api.call('DELETE', `/api/credentials/${id}`, { key: api.admin })).status).toBe(204);
  expect((await api.call('DELETE', `/api/credentials/${id}`, { key: api.admin })).status).toBe(404);
  expect(await read(api.tenantId, id)).toBeUndefined();
  expect(await api.eventTypes(id)).toEqual(['credential.created', 'credential.deleted']);
});

it.each([
  [{ ...bearer, name: ' ' }, 'name'],
  [{ ...bearer, type: 'cookie' }, 'type'],
  [{ ...bearer, token: undefined }, 'token'],
  [{ ...bearer, token: 'very-secret\r\nx: y' }, 'token'],
  [{ ...bearer, token: 'short' }, 'token'],
  [{ ...bearer, password: 'not-of-this-type' }, 'password'],
  [{ ...bearer, type: 'basic', username: 'a:b', password: 'very-secret' }, 'username'],
  [{ ...bearer, type: 'header', token: undefined, headerName: 'Accept', value: 'very-secret' }, 'headerName'],
  [{ ...bearer, type: 'header', token: undefined, headerName: 'user-agent', value: 'very-secret' }, 'headerName'],
  [{ ...bearer, type: 'header', token: undefined, headerName: 'HOST', value: 'very-secret' }, 'headerName'],
  [{ ...bearer, type: 'header', token: undefined, headerName: 'x y', value: 'very-secret' }, 'headerName'],
  [{ ...bearer, allowedHosts: [] }, 'allowedHosts'],
  [{ ...bearer, allowedHosts: ['a.test', '*.example.com'] }, 'allowedHosts[1]'],
  [{ ...bearer, allowedHosts: ['https://a.test'] }, 'allowedHosts[0]'],
])('is refused as %j, without being repeated', async (body, path) => {
  const answer = await create(body);
  expect(answer).toMatchObject({ status: 400, body: { errors: expect.arrayContaining([expect.objectContaining({ path })]) } });
  expect(JSON.stringify(answer.body)).not.toContain('very-secret');
});

it('T-18: a workflow is published with credentials of its own tenant alone', async () => {
  const publish = async (credential: string) => {
    const nodes = [
      { id: 'start', type: 'trigger.manual', config: {} },
      { id: 'call', type: 'http.request', config: { url: 'https://api.example.com', credential } },
    ];
    const edges = [{ source: 'start', target: 'call' }];
    const { id } = (await api.call('POST', '/api/workflows', { key: api.admin, body: { name: 'Calls', nodes, edges } })).body;
    return api.call('POST', `/api/workflows/${id}/publish`, { key: api.admin });
  };
  expect((await publish((await create()).body.id)).status).toBe(200);
  for (const id of [newId(), (await create(bearer, foreigner.key)).body.id]) {
    expect(await publish(id)).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'nodes[1].config.credential', code: 'unknown_credential', message: `There is no credential ${id}` }] },
    });
  }
  expect(await publish('{{ env.credential }}')).toMatchObject({ status: 422, body: { errors: [{ path: 'nodes[1].config.credential' }] } });
});

it('T-19: a row that is copied to another tenant, or to another id, does not open', async () => {
  const { id } = (await create()).body;
  const copy = (tenantId: string, as: string) =>
    api.db.query(
      `INSERT INTO http_credentials SELECT (jsonb_populate_record(c, jsonb_build_object('tenant_id', $3::text, 'id', $4::text))).*
       FROM http_credentials c WHERE tenant_id = $1 AND id = $2`,
      [api.tenantId, id, tenantId, as],
    );
  await copy(foreigner.id, id);
  await expect(read(foreigner.id, id)).rejects.toThrow('authenticate');
  const second = newId();
  await copy(api.tenantId, second);
  await expect(read(api.tenantId, second)).rejects.toThrow('authenticate');
});
