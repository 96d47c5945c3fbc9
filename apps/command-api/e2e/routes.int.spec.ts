import { newId } from '@sluice/kernel';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
let routes: { method: string; path: string; protected: boolean }[];
beforeAll(async () => {
  api = await commandApi();
  const { body } = await api.call('GET', '/api/docs-json');
  const paths: Record<string, Record<string, { security?: unknown[] }>> = body.paths;
  routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path,
      protected: (security ?? []).length > 0,
    })),
  );
});
afterAll(() => api.close());

const filled = (path: string) => path.replaceAll(/\{[^}]+\}/g, () => newId());

it('documents every route with its credential', () => {
  expect(routes.map(({ method, path }) => `${method} ${path}`)).toEqual(
    expect.arrayContaining([
      'POST /api/workflows',
      'POST /api/workflows/{id}/publish',
      'POST /api/webhooks',
      'POST /api/channels',
      'DELETE /api/api-keys/{id}',
    ]),
  );
  expect(routes.filter((route) => !route.protected)).toEqual([]);
});

it('opens no route to strangers', async () => {
  for (const { method, path } of routes) {
    expect([method, path, (await api.call(method, filled(path), { body: {} })).status]).toEqual([method, path, 401]);
    expect([method, path, (await api.call(method, filled(path), { key: 'slk_unknown0_x', body: {} })).status]).toEqual([method, path, 401]);
  }
});

it('opens no route to another tenant', async () => {
  const other = await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' } });
  for (const { method, path } of routes) {
    const answer = await api.call(method, `${filled(path)}?tenantId=${other.body.id}`, { key: api.admin, body: {} });
    expect([method, path, answer.status]).toEqual([method, path, 403]);
  }
});

it('lets viewers change nothing', async () => {
  const viewer = await api.keyFor('viewer');
  const open = [];
  for (const { method, path } of routes) {
    const { status } = await api.call(method, filled(path), { key: viewer, body: {} });
    if (status !== 403) open.push(`${method} ${path}`);
  }
  expect(open).toEqual(['POST /api/workflows/{id}/validate']);
});

it('is ready, and shows its metrics', async () => {
  expect(await api.call('GET', '/readyz')).toMatchObject({ status: 200, body: { checks: { commandStore: { status: 'ok' } } } });
  expect((await api.call('GET', '/healthz')).status).toBe(200);
});
