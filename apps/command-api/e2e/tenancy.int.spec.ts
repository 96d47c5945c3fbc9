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
    [{ name: 'x', role: 'viewer', expiresAt: '2099-W10-1' }, 'expiresAt'],
    [{ name: 'x', role: 'viewer', expiresAt: '2099-01-01T10:00:00' }, 'expiresAt'],
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

describe('quotas', () => {
  const put = (id: string, body: object, key = api.platform) => api.call('PUT', `/api/tenants/${id}/quotas`, { key, body });
  const quotas = { maxConcurrentExecutions: 50, webhooksPerMinute: 600 };

  it('are replaced by a platform key alone, and logged', async () => {
    const { body: tenant } = await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Limited' } });
    expect(await put(tenant.id, quotas)).toMatchObject({ status: 200, body: { id: tenant.id, quotas } });
    expect((await put(tenant.id, quotas)).status).toBe(200);
    expect((await put(tenant.id, { dailyExecutions: 0 })).status).toBe(200);
    expect(await api.eventTypes(tenant.id)).toEqual(['tenant.created', 'tenant.quota.changed', 'tenant.quota.changed']);
    const { rows } = await api.db.query(
      `SELECT t.quotas, e.payload FROM tenants t JOIN domain_events e ON e.aggregate_id = t.id AND e.aggregate_version = 3 WHERE t.id = $1`,
      [tenant.id],
    );
    expect(rows).toEqual([
      { quotas: { dailyExecutions: 0 }, payload: { quotas: { dailyExecutions: 0 }, by: expect.stringMatching(/^key:/) } },
    ]);
    expect((await put(tenant.id, quotas, tenant.key)).status).toBe(403);
    expect((await put(newId(), quotas)).status).toBe(404);
  });

  it.each([{ dailyExecutions: -1 }, { dailyExecutions: 1.5 }, { webhooksPerMinute: '5' }, { webhooksPerMinute: null }, { storage: 1 }])(
    'are refused as %j',
    async (body) => expect((await put(api.tenantId, body)).status).toBe(400),
  );
});

describe('variables', () => {
  const put = (id: string, variables: unknown, key = api.admin, query = '') =>
    api.call('PUT', `/api/tenants/${id}/env${query}`, { key, body: { variables } });

  it('are replaced by an admin of the tenant or a platform key; the log has their names alone', async () => {
    const { body: tenant } = await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Configured' } });
    const variables = { token: 'env-very-secret', limits: { daily: [1, null] } };
    expect(await put(tenant.id, variables, tenant.key)).toMatchObject({ status: 200, body: { id: tenant.id, names: ['limits', 'token'] } });
    expect((await put(tenant.id, variables, tenant.key)).status).toBe(200);
    expect((await put(tenant.id, { _a1: true }, api.platform, `?tenantId=${tenant.id}`)).status).toBe(200);
    expect(await api.eventTypes(tenant.id)).toEqual(['tenant.created', 'tenant.env.changed', 'tenant.env.changed']);
    const { rows } = await api.db.query('SELECT env FROM tenants WHERE id = $1', [tenant.id]);
    expect(rows).toEqual([{ env: { _a1: true } }]);
    const { rows: log } = await api.db.query('SELECT e::text FROM domain_events e');
    expect(JSON.stringify(log)).not.toContain('env-very-secret');
  });

  it('of another tenant are out of reach', async () => {
    const { body: tenant } = await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' } });
    for (const id of [tenant.id, newId()]) expect((await put(id, { a: 1 })).status).toBe(404);
    expect((await put(tenant.id, { a: 1 }, await api.keyFor('operator'))).status).toBe(403);
    expect(await api.eventTypes(tenant.id)).toEqual(['tenant.created']);
  });

  it('have limits', async () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`v${n}`, n]));
    const sized = (bytes: number) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) });
    for (const fits of [{}, many(100), sized(32_768), { ['a'.repeat(64)]: 1 }]) expect((await put(api.tenantId, fits)).status).toBe(200);
    for (const wrong of [many(101), sized(32_769), { ['a'.repeat(65)]: 1 }, { '1a': 1 }, { 'a-b': 1 }, { '': 1 }, [], 'a', null]) {
      expect(await put(api.tenantId, wrong)).toMatchObject({ status: 400, body: { errors: [{ path: 'variables' }] } });
    }
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
