import { ApiDatabase, DatabaseModule, type Database, ServiceDatabase } from '@sluice/platform-database';
import { ChannelEncryption, readChannel } from '@sluice/channels-write';
import { newId } from '@sluice/kernel';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
let editor: string;
let foreigner: string;
let service: INestApplicationContext;
let gateway: Database;
let encryption: ChannelEncryption;
beforeAll(async () => {
  api = await commandApi();
  encryption = new ChannelEncryption(api.config.encryption);
  editor = await api.keyFor('editor');
  foreigner = (await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' } })).body.key;
  service = await NestFactory.createApplicationContext(
    DatabaseModule.forRoot(ServiceDatabase, { app: 'test', config: { url: api.config.commandDatabase.url, poolSize: 2 } }),
    { logger: false },
  );
  gateway = service.get(ServiceDatabase);
});
afterAll(async () => {
  await service.close();
  await api.close();
});

const secret = '3f1c9a7be2d84056a1b0c9d8e7f60514';
const credentials = { signingSecrets: [secret], verifyToken: 'sluice-verify-7Q2m', accessToken: 'IGAA-very-secret' };
const channel = { provider: 'instagram', name: 'Shop', externalAccountId: '17841465550001234', credentials, config: { pageId: '9' } };
const connected = async (body: object = channel, key = api.admin): Promise<string> =>
  (await api.call('POST', '/api/channels', { key, body })).body.id;

const workflow = {
  name: 'Answer',
  nodes: [
    { id: 'start', type: 'trigger.webhook', config: {} },
    { id: 'set', type: 'data.set', config: { values: {} } },
  ],
};
const drawn = async (): Promise<string> => (await api.call('POST', '/api/workflows', { key: editor, body: workflow })).body.id;

describe('channels', () => {
  it('keep their secrets sealed, for the gateway to open', async () => {
    const answer = await api.call('POST', '/api/channels', { key: api.admin, body: { ...channel, expiresAt: '2027-01-01T00:00:00Z' } });
    expect(answer).toMatchObject({ status: 201, body: { id: expect.any(String) } });
    const { id } = answer.body;

    const opened = await readChannel(gateway.pool, id, encryption);
    expect(opened).toEqual({
      tenantId: api.tenantId,
      id,
      provider: 'instagram',
      name: 'Shop',
      externalAccountId: channel.externalAccountId,
      config: channel.config,
      status: 'connected',
      expiresAt: new Date('2027-01-01'),
      health: 'ok',
      healthReason: null,
      credentialsVersion: 1,
      secrets: credentials,
    });
    const { rows } = await api.db.query(
      `SELECT c::text AS row FROM channels c UNION ALL SELECT e::text FROM domain_events e
       UNION ALL SELECT encode(sealed, $1) FROM credentials`,
      ['escape'],
    );
    for (const hidden of [secret, credentials.verifyToken, credentials.accessToken]) expect(JSON.stringify(rows)).not.toContain(hidden);
    expect(await api.eventTypes(id)).toEqual(['channel.connected']);
  });

  it('refuse bad input, another role', async () => {
    const post = (body: object, key = api.admin) => api.call('POST', '/api/channels', { key, body });
    expect((await post({ ...channel, provider: 'fax' })).body).toMatchObject({ status: 400, errors: [{ path: 'provider' }] });
    expect((await post({ ...channel, credentials: { signingSecrets: [''] } })).body).toMatchObject({
      status: 400,
      errors: [{ path: 'credentials.signingSecrets' }],
    });
    expect((await post({ ...channel, credentials: { ...credentials, appSecret: 'x' } })).status).toBe(400);
    expect((await post(channel, editor)).status).toBe(403);
    const unlikely = { ...channel, provider: 'telegram', externalAccountId: 'my_bot', credentials: { signingSecrets: ['not a secret'] } };
    expect((await post(unlikely)).body).toMatchObject({
      status: 400,
      type: expect.stringContaining('channel_is_invalid'),
      errors: [{ path: 'externalAccountId' }, { path: 'credentials.signingSecrets[0]' }],
    });
  });

  it('are gone when they are deleted, with their secrets and webhooks', async () => {
    const id = await connected();
    const registered = await api.call('POST', '/api/webhooks', {
      key: editor,
      body: { name: 'w', workflowId: await drawn(), nodeId: 'start', provider: 'instagram', config: { channelId: id } },
    });
    expect((await api.call('DELETE', `/api/channels/${id}`, { key: editor })).status).toBe(403);
    expect((await api.call('DELETE', `/api/channels/${id}`, { key: foreigner })).status).toBe(404);
    const answers = await Promise.all([1, 2].map(() => api.call('DELETE', `/api/channels/${id}`, { key: api.admin })));
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);

    expect(await readChannel(gateway.pool, id, encryption)).toBeUndefined();
    expect((await api.db.query('SELECT 1 FROM credentials WHERE channel_id = $1', [id])).rowCount).toBe(0);
    expect(await api.eventTypes(id)).toEqual(['channel.connected', 'channel.disconnected']);
    expect(await api.eventTypes(registered.body.id)).toEqual(['webhook.registered', 'webhook.deactivated']);
  });

  it('get new secrets, of which only the newest are kept and none is in the log', async () => {
    const id = await connected();
    const fresh = { signingSecrets: [secret, 'the-next-signing-secret-0001'], accessToken: 'IGAA-next' };
    const put = (body: object, key = api.admin, channelId = id) => api.call('PUT', `/api/channels/${channelId}/credentials`, { key, body });
    const answer = await put({ credentials: fresh, expiresAt: '2027-02-01T00:00:00Z' });
    expect([answer.status, answer.body]).toEqual([200, { id, version: 2 }]);
    expect((await readChannel(gateway.pool, id, encryption))?.secrets).toEqual(fresh);
    expect((await api.db.query('SELECT version FROM credentials WHERE channel_id = $1', [id])).rows).toEqual([{ version: 2 }]);
    expect(await api.eventTypes(id)).toEqual(['channel.connected', 'channel.credentials.rotated']);
    const { rows } = await api.db.query('SELECT e::text AS row FROM domain_events e');
    for (const hidden of [...fresh.signingSecrets, fresh.accessToken]) expect(JSON.stringify(rows)).not.toContain(hidden);

    expect((await put({ credentials: { signingSecrets: [] } })).body).toMatchObject({
      status: 400,
      errors: [{ path: 'credentials.signingSecrets' }],
    });
    expect((await put({})).status).toBe(400);
    expect((await put({ credentials: fresh }, editor)).status).toBe(403);
    expect((await put({ credentials: fresh }, foreigner)).status).toBe(404);
    expect((await put({ credentials: fresh }, api.admin, newId())).status).toBe(404);
    await api.call('DELETE', `/api/channels/${id}`, { key: api.admin });
    expect((await put({ credentials: fresh })).status).toBe(404);
  });

  it('are held and released by operators, once each', async () => {
    const id = await connected();
    const operator = await api.keyFor('operator');
    const ask = async (what: string, key = operator, channelId = id) => {
      const { status, body } = await api.call('POST', `/api/channels/${channelId}/${what}`, { key });
      return status === 200 ? body : status;
    };
    for (const what of ['hold', 'release']) {
      expect(await ask(what, editor)).toBe(403);
      expect(await ask(what, foreigner)).toBe(404);
      expect(await ask(what, operator, newId())).toBe(404);
      expect(await ask(what, operator, 'not-a-uuid')).toBe(400);
    }
    expect(await ask('release')).toEqual({ id, status: 'connected' });
    expect(await Promise.all([ask('hold'), ask('hold')])).toEqual([1, 2].map(() => ({ id, status: 'held' })));
    expect(await Promise.all([ask('release'), ask('release')])).toEqual([1, 2].map(() => ({ id, status: 'connected' })));
    expect(await api.eventTypes(id)).toEqual(['channel.connected', 'channel.held', 'channel.released']);
    await api.call('DELETE', `/api/channels/${id}`, { key: api.admin });
    expect(await ask('hold')).toBe(404);
  });

  it('of another tenant are not read when a tenant is named', async () => {
    const id = await connected();
    expect(await readChannel(gateway.pool, id, encryption, newId())).toBeUndefined();
  });
});

describe('webhooks', () => {
  let channelId: string;
  beforeAll(async () => {
    channelId = await connected();
  });
  const register = async (changes: object = {}, key = editor) =>
    api.call('POST', '/api/webhooks', {
      key,
      body: { name: 'Questions', workflowId: await drawn(), nodeId: 'start', provider: 'instagram', config: { channelId }, ...changes },
    });

  it('answer where the provider is to call, and what it will be asked', async () => {
    const answer = await register({ config: { channelId, actionTypes: ['comment'], filter: '{{ trigger.text != "" }}' } });
    expect(answer).toMatchObject({
      status: 201,
      body: {
        id: expect.any(String),
        endpoint: `https://hooks.example.com/webhooks/${channelId}/instagram/comment`,
        verifyToken: credentials.verifyToken,
      },
    });
    expect(Object.keys(answer.body).sort()).toEqual(['endpoint', 'id', 'verifyToken']);
    const { rows } = await api.db.query('SELECT status, action_types, filter, endpoint FROM webhooks WHERE id = $1', [answer.body.id]);
    expect(rows).toEqual([
      { status: 'active', action_types: ['comment'], filter: 'trigger.text != ""', endpoint: `/webhooks/${channelId}/instagram/comment` },
    ]);
    expect((await register()).body.endpoint).toBe(`https://hooks.example.com/webhooks/${channelId}/instagram/all`);
  });

  it('need no channel to be named when there is only one', async () => {
    const other = await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'One channel' } });
    const { key } = other.body;
    const { body } = await api.call('POST', '/api/workflows', { key, body: workflow });
    const attempt = () =>
      api.call('POST', '/api/webhooks', { key, body: { name: 'w', workflowId: body.id, nodeId: 'start', provider: 'instagram' } });
    expect((await attempt()).body).toMatchObject({ status: 400, errors: [{ path: 'config.channelId' }] });
    const only = await connected(channel, key);
    expect((await attempt()).body.endpoint).toContain(only);
    await connected(channel, key);
    expect((await attempt()).body).toMatchObject({ status: 400, errors: [{ path: 'config.channelId' }] });
  });

  it('refuse what they cannot listen to', async () => {
    expect((await register({ nodeId: 'set' })).body).toMatchObject({ status: 400, errors: [{ path: 'nodeId' }] });
    expect((await register({ nodeId: 'gone' })).body).toMatchObject({ status: 400, errors: [{ path: 'nodeId' }] });
    expect((await register({ provider: 'fax' })).body).toMatchObject({ status: 400, errors: [{ path: 'provider' }] });
    expect((await register({ config: { channelId, actionTypes: ['fax'] } })).body).toMatchObject({
      status: 400,
      errors: [{ path: 'config.actionTypes' }],
    });
    expect((await register({ config: { channelId, filter: 'trigger.(' } })).body).toMatchObject({
      status: 400,
      errors: [{ path: 'config.filter' }],
    });
    expect((await register({ workflowId: newId() })).status).toBe(404);
    expect((await register({ config: { channelId: newId() } })).status).toBe(404);
    expect((await register({}, await api.keyFor('viewer'))).status).toBe(403);
  });

  it("do not listen to another tenant's channel or for another tenant's workflow", async () => {
    const { body } = await api.call('POST', '/api/workflows', { key: foreigner, body: workflow });
    expect((await register({ workflowId: body.id }, foreigner)).status).toBe(404);
    expect((await register({}, foreigner)).status).toBe(404);
  });

  it('are deactivated once', async () => {
    const { body } = await register();
    expect((await api.call('DELETE', `/api/webhooks/${body.id}`, { key: foreigner })).status).toBe(404);
    const answers = await Promise.all([1, 2].map(() => api.call('DELETE', `/api/webhooks/${body.id}`, { key: editor })));
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    expect(await api.eventTypes(body.id)).toEqual(['webhook.registered', 'webhook.deactivated']);
  });

  it('end with their workflow', async () => {
    const workflowId = await drawn();
    const { body } = await register({ workflowId });
    expect((await api.call('DELETE', `/api/workflows/${workflowId}`, { key: editor })).status).toBe(204);
    expect(await api.eventTypes(body.id)).toEqual(['webhook.registered', 'webhook.deactivated']);
    expect((await register({ workflowId })).status).toBe(409);
  });
});

it('lets command-api see no channel without a tenant', async () => {
  const { pool } = api.app.get(ApiDatabase, { strict: false });
  expect((await pool.query('SELECT 1 FROM channels')).rowCount).toBe(0);
});
