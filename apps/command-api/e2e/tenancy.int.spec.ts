import { BootstrapTenancy } from '@sluice/tenancy-write';
import { newId, PLATFORM_TENANT_ID } from '@sluice/kernel';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
beforeAll(async () => {
  api = await commandApi();
});
afterAll(() => api.close());

describe('API keys', () => {
  it('work at once, are shown once and kept as a hash', async () => {
    const created = await api.call('POST', '/api/api-keys', {
      key: api.admin,
      body: { name: 'CI', role: 'editor', expiresAt: '2999-01-01T00:00:00Z' },
    });
    expect(created).toMatchObject({
      status: 201,
      body: { id: expect.any(String), key: expect.stringMatching(/^slk_[A-Za-z0-9]{8}_[\w-]{43}$/) },
    });
    expect((await api.call('POST', '/api/workflows', { key: created.body.key, body: { name: 'w' } })).status).toBe(201);

    const { rows } = await api.db.query('SELECT k::text AS row FROM api_keys k UNION ALL SELECT e::text FROM domain_events e');
    expect(JSON.stringify(rows)).not.toContain(created.body.key.slice(13));
    expect(await api.eventTypes(created.body.id)).toEqual(['api_key.created']);
  });

  it('end when they are revoked, and stay revoked', async () => {
    const { body } = await api.call('POST', '/api/api-keys', { key: api.admin, body: { name: 'x', role: 'viewer' } });
    const validate = () => api.call('POST', `/api/workflows/${newId()}/validate`, { key: body.key });
    expect((await validate()).status).toBe(404);
    const answers = await Promise.all([1, 2].map(() => api.call('DELETE', `/api/api-keys/${body.id}`, { key: api.admin })));
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    expect((await validate()).status).toBe(401);
    expect(await api.eventTypes(body.id)).toEqual(['api_key.created', 'api_key.revoked']);
  });

  it.each([
    [{ role: 'viewer' }, 'name'],
    [{ name: ' ', role: 'viewer' }, 'name'],
    [{ name: 'x', role: 'platform' }, 'role'],
    [{ name: 'x', role: 'viewer', expiresAt: 'tomorrow' }, 'expiresAt'],
    [{ name: 'x', role: 'viewer', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
  ])('are refused for %j', async (body, path) => {
    const answer = await api.call('POST', '/api/api-keys', { key: api.admin, body });
    expect(answer).toMatchObject({ status: 400, body: { errors: expect.arrayContaining([expect.objectContaining({ path })]) } });
  });

  it('of another tenant are not there', async () => {
    const other = await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' } });
    const { body } = await api.call('POST', '/api/api-keys', { key: api.admin, body: { name: 'x', role: 'viewer' } });
    expect((await api.call('DELETE', `/api/api-keys/${body.id}`, { key: other.body.key })).status).toBe(404);
    expect(await api.eventTypes(body.id)).toEqual(['api_key.created']);
  });
});

describe('tenants', () => {
  it('are created by a platform key alone, with a first admin key', async () => {
    const created = await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Globex' } });
    expect(created.status).toBe(201);
    expect(await api.eventTypes(created.body.id)).toEqual(['tenant.created']);
    expect((await api.call('POST', '/api/api-keys', { key: created.body.key, body: { name: 'x', role: 'viewer' } })).status).toBe(201);
    expect((await api.call('POST', '/api/tenants', { key: api.admin, body: { name: 'Mine' } })).status).toBe(403);
    expect((await api.call('POST', '/api/tenants', { key: api.platform, body: {} })).status).toBe(400);

    const { rows } = await api.db.query('SELECT length(effect_secret) AS bytes FROM tenants WHERE id = $1', [created.body.id]);
    expect(rows).toEqual([{ bytes: 32 }]);
  });

  it('that a platform key names must exist', async () => {
    const body = { name: 'w' };
    expect((await api.call('POST', `/api/workflows?tenantId=${api.tenantId}`, { key: api.platform, body })).status).toBe(201);
    expect((await api.call('POST', '/api/workflows', { key: api.platform, body: { ...body, tenantId: api.tenantId } })).status).toBe(201);
    expect((await api.call('POST', '/api/workflows', { key: api.platform, body: { ...body, tenantId: newId() } })).status).toBe(404);
    expect((await api.call('POST', '/api/workflows', { key: api.platform, body })).status).toBe(400);
  });
});

describe('bootstrap', () => {
  it('makes the same tenant and keys once, however many do it at once', async () => {
    const bootstrap = api.app.get(BootstrapTenancy, { strict: false });
    const tenant = { id: newId(), apiKey: 'a-key-of-many-starts' };
    const config = { tenant, platformKey: 'a-platform-key-of-many-starts' };
    const made = await Promise.all([1, 2, 3, 4].map(() => bootstrap.ensure(config)));
    expect(made.flat().sort()).toEqual(['a platform key', `an admin key of the tenant ${tenant.id}`, `the tenant ${tenant.id}`]);
    expect(await api.eventTypes(tenant.id)).toEqual(['tenant.created']);
    expect((await api.call('POST', '/api/workflows', { key: tenant.apiKey, body: { name: 'w' } })).status).toBe(201);

    const { rows } = await api.db.query('SELECT role FROM api_keys WHERE tenant_id = $1', [PLATFORM_TENANT_ID]);
    expect(rows).toEqual([{ role: 'platform' }, { role: 'platform' }]);
  });

  it('makes a first tenant only where nothing ever happened', async () => {
    expect(await api.app.get(BootstrapTenancy, { strict: false }).createFirstTenant('First')).toBeUndefined();

    const empty = await commandApi({ SLUICE_BOOTSTRAP_TENANT_ID: '', SLUICE_BOOTSTRAP_API_KEY: '', SLUICE_BOOTSTRAP_PLATFORM_KEY: '' });
    try {
      const bootstrap = empty.app.get(BootstrapTenancy, { strict: false });
      const made = await Promise.all([1, 2, 3].map(() => bootstrap.createFirstTenant('First')));
      const [first, ...others] = made.filter((one) => one !== undefined);
      expect(others).toEqual([]);
      expect((await empty.call('POST', '/api/workflows', { key: first?.key, body: { name: 'w' } })).status).toBe(201);
    } finally {
      await empty.close();
    }
  });
});
