import { newId } from '@sluice/kernel';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
beforeAll(async () => {
  api = await commandApi();
});
afterAll(() => api.close());

const credentials = { signingSecrets: ['5a1c9a7be2d84056a1b0c9d8e7f60514'], verifyToken: 'sluice-verify-app' };
const body = { provider: 'instagram', name: 'Our app', credentials };
const post = (changes: object = {}, key = api.admin) => api.call('POST', '/api/provider-apps', { key, body: { ...body, ...changes } });
const remove = (id: string, key = api.admin) => api.call('DELETE', `/api/provider-apps/${id}`, { key });

describe('provider apps', () => {
  it('have one endpoint, and secrets that nobody sees again', async () => {
    const { status, body: made } = await post();
    expect({ status, made }).toEqual({
      status: 201,
      made: { id: expect.any(String), endpoint: `https://hooks.example.com/webhooks/${made.id}/instagram/all` },
    });
    expect(await api.eventTypes(made.id)).toEqual(['provider_app.created']);
    const { rows } = await api.db.query(
      `SELECT p::text AS row FROM provider_apps p UNION ALL SELECT e::text FROM domain_events e
       UNION ALL SELECT encode(sealed, 'escape') FROM provider_apps`,
    );
    for (const hidden of [...credentials.signingSecrets, credentials.verifyToken]) expect(JSON.stringify(rows)).not.toContain(hidden);
  });

  it('are deleted once, with their secrets', async () => {
    const { id } = (await post()).body;
    expect([(await remove(id)).status, (await remove(id)).status]).toEqual([204, 204]);
    expect(await api.eventTypes(id)).toEqual(['provider_app.created', 'provider_app.deleted']);
    const { rows } = await api.db.query('SELECT status, key_id, sealed FROM provider_apps WHERE id = $1', [id]);
    expect(rows).toEqual([{ status: 'deleted', key_id: null, sealed: null }]);
  });

  it('refuse bad input, another role, another tenant', async () => {
    expect((await post({ provider: 'carrier-pigeon' })).body).toMatchObject({ status: 400, errors: [{ path: 'provider' }] });
    expect((await post({ credentials: { signingSecrets: ['short'] } })).body).toMatchObject({
      errors: [{ path: 'credentials.signingSecrets' }],
    });
    expect((await post({ credentials: { ...credentials, accessToken: 'x' } })).status).toBe(400);
    const operator = await api.keyFor('operator');
    expect((await post({}, operator)).status).toBe(403);

    const { id } = (await post()).body;
    expect((await remove(id, operator)).status).toBe(403);
    const stranger = (await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' } })).body.key;
    for (const unknown of [await remove(id, stranger), await remove(newId())]) {
      expect(unknown).toMatchObject({ status: 404, body: { type: expect.stringContaining('provider_app_not_found') } });
    }
    expect(await api.eventTypes(id)).toEqual(['provider_app.created']);
  });
});
