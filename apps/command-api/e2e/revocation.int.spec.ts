import { newId } from '@sluice/kernel';
import { type CommandApi, commandApi } from './command-api.js';

/** As docs/configuration.md says. */
const boundMs = 15_000;

let api: CommandApi;
beforeAll(async () => {
  api = await commandApi();
});
afterEach(() => Reflect.deleteProperty(performance, 'now'));
afterAll(() => api.close());

it('T-08 a key that another process revoked, or whose role it lowered, ends within the documented bound', async () => {
  const key = await api.keyFor('editor');
  const archive = async () => (await api.call('DELETE', `/api/workflows/${newId()}`, { key })).status;
  const began = performance.now();
  let past = 0;
  Object.defineProperty(performance, 'now', { value: () => began + past, configurable: true });

  expect(await archive()).toBe(404);
  await api.db.query(`UPDATE api_keys SET role = 'viewer' WHERE name = 'editor'`);
  past = boundMs;
  expect(await archive()).toBe(403);

  await api.db.query(`UPDATE api_keys SET revoked_at = now() WHERE name = 'editor'`);
  past = 2 * boundMs;
  expect(await archive()).toBe(401);
});
