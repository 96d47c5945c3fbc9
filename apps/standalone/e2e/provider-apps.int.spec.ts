import { randomUUID } from 'node:crypto';
import { eventually, metaJson, signInstagram } from '@sluice/testing';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

const appSecret = 'the-signing-secret-of-our-meta-app';
const verifyToken = 'sluice-verify-app';

let sluice: InProcess;
let workflowId: string;
beforeAll(async () => {
  sluice = await inProcess();
  const nodes = [
    { id: 'in', type: 'trigger.webhook', config: {} },
    { id: 'seen', type: 'data.set', config: { values: { text: '{{ trigger.text }}' } } },
  ];
  workflowId = await sluice.published({ name: 'Seen', nodes, edges: [{ source: 'in', target: 'seen' }] });
});
afterAll(() => sluice.close());

const credentials = { signingSecrets: [appSecret], verifyToken };
const created = () => sluice.made('/api/provider-apps', { provider: 'instagram', name: 'Our app', credentials });
const newAccount = () => `1784${Math.floor(Math.random() * 1e12)}`;

/** A channel of the account, and a workflow that listens to it. */
async function listening(account: string): Promise<string> {
  const credentials = { signingSecrets: [signingSecret] };
  const id = await sluice.made('/api/channels', { provider: 'instagram', name: 'Shop', externalAccountId: account, credentials });
  await sluice.made('/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider: 'instagram', config: { channelId: id } });
  return id;
}

const entry = (account: string, mid: string = randomUUID()) => {
  const timestamp = Date.now();
  const messaging = [{ sender: { id: '9001' }, recipient: { id: account }, timestamp, message: { mid, text: account } }];
  return { id: account, time: timestamp, messaging };
};
async function deliver(endpointId: string, secret: string, ...entries: object[]): Promise<number> {
  const body = metaJson({ object: 'instagram', entry: entries });
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(secret, body) };
  return (await fetch(`${sluice.base}/webhooks/${endpointId}/instagram/all`, { method: 'POST', headers, body })).status;
}
const recorded = async (id: string) => {
  const { rows } = await sluice.db.query(
    `SELECT status, ignored_because AS why, item ->> 'accountId' AS account, item ->> 'foreignAccount' AS "foreign",
            item ->> 'channelId' AS channel
     FROM webhook_events WHERE channel_id = $1`,
    [id],
  );
  return rows;
};

describe('the URL of a provider app', () => {
  it('takes one delivery for several channels: each event goes to its account’s, an unknown account’s is ignored', async () => {
    const [app, one, two, unknown] = [await created(), newAccount(), newAccount(), newAccount()];
    const [first, second] = [await listening(one), await listening(two)];
    expect(await deliver(app, appSecret, entry(one), entry(unknown), entry(two))).toBe(200);

    for (const [channel, account] of [
      [first, one],
      [second, two],
    ] as const) {
      const processed = { status: 'processed', why: null, account, foreign: null, channel };
      await eventually(async () => expect(await recorded(channel)).toEqual([processed]));
      await eventually(async () => {
        const { body } = await sluice.call('GET', `/api/channels/${channel}/events`);
        expect(body.items).toMatchObject([{ status: 'processed', accountId: account, executionIds: [expect.any(String)] }]);
      });
    }
    expect(await recorded(app)).toEqual([{ status: 'ignored', why: 'foreign_account', account: unknown, foreign: 'true', channel: app }]);
    const { rows } = await sluice.db.query(
      `SELECT d.channel_or_app_id AS id, count(*)::int AS events FROM webhook_deliveries d JOIN webhook_events e ON e.delivery_id = d.id
       WHERE e.channel_id = ANY ($1) GROUP BY d.id, 1`,
      [[app, first, second]],
    );
    expect(rows).toEqual([{ id: app, events: 3 }]);
  });

  it('and a channel’s own tell of the same event: it is one', async () => {
    const [app, account] = [await created(), newAccount()];
    const channel = await listening(account);
    const [one, another] = [entry(account), entry(account)];
    const byApp = (item: object) => deliver(app, appSecret, item);
    const byChannel = (item: object) => deliver(channel, signingSecret, item);
    expect([await byApp(one), await byChannel(one), await byChannel(another), await byApp(another)]).toEqual([200, 200, 200, 200]);
    await eventually(async () => expect(await sluice.eventStatuses(channel)).toEqual({ processed: 2 }));
    expect(await recorded(app)).toEqual([]);
  });

  it('serves a channel that is connected after it was called for the same account, and never one that is deleted', async () => {
    const [app, account] = [await created(), newAccount()];
    const item = entry(account);
    expect(await deliver(app, appSecret, item)).toBe(200);
    expect(await sluice.eventStatuses(app)).toEqual({ ignored: 1 });

    const channel = await listening(account);
    expect(await deliver(app, appSecret, item)).toBe(200);
    await eventually(async () => expect(await sluice.eventStatuses(channel)).toEqual({ processed: 1 }));

    expect((await sluice.call('DELETE', `/api/channels/${channel}`)).status).toBe(204);
    await eventually(async () => {
      expect(await deliver(app, appSecret, entry(account))).toBe(200);
      expect((await sluice.eventStatuses(app))['ignored']).toBeGreaterThan(1);
    });
  });

  it('keeps the rule of a held channel', async () => {
    const [app, held, open] = [await created(), newAccount(), newAccount()];
    const [waiting, running] = [await listening(held), await listening(open)];
    expect((await sluice.call('POST', `/api/channels/${waiting}/hold`)).status).toBe(200);
    expect(await deliver(app, appSecret, entry(held), entry(open))).toBe(200);
    await eventually(async () => expect(await sluice.eventStatuses(running)).toEqual({ processed: 1 }));
    expect(await sluice.eventStatuses(waiting)).toEqual({ held: 1 });
    await sluice.call('POST', `/api/channels/${waiting}/release`);
    await eventually(async () => expect(await sluice.eventStatuses(waiting)).toEqual({ processed: 1 }));
  });

  it('never reaches another tenant’s channel of the same account', async () => {
    const account = newAccount();
    const own = await listening(account);
    const { body: other } = await sluice.call('POST', '/api/tenants', { name: 'Other' }, sluice.platformKey);
    const { body: app } = await sluice.call(
      'POST',
      '/api/provider-apps',
      { provider: 'instagram', name: 'Theirs', credentials },
      other.key,
    );
    expect(await deliver(app.id, appSecret, entry(account))).toBe(200);
    expect(await recorded(app.id)).toMatchObject([{ status: 'ignored', why: 'foreign_account' }]);
    expect(await recorded(own)).toEqual([]);
  });

  it('refuses another secret, a channel’s too, and is gone with the app', async () => {
    const [app, account] = [await created(), newAccount()];
    const channel = await listening(account);
    const strange = [signingSecret, 'somebody-elses-signing-secret'];
    for (const secret of strange) expect(await deliver(app, secret, entry(account))).toBe(401);
    expect(await deliver(app, appSecret, entry(account))).toBe(200);
    expect((await sluice.call('DELETE', `/api/provider-apps/${app}`)).status).toBe(204);
    // Gateways drop their copy of an app at a hint, which follows the commit.
    await eventually(async () => expect(await deliver(app, appSecret, entry(account))).toBe(404), { timeoutMs: 2_000 });
    expect(await deliver(channel, signingSecret, entry(account))).toBe(200);
  });

  const byWhatsApp = (account: string) => {
    const value = {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: '15550783881', phone_number_id: account },
      contacts: [{ wa_id: '16505551234', profile: { name: 'Ada' } }],
      messages: [{ from: '16505551234', id: `wamid.${randomUUID()}`, timestamp: '1764540000', type: 'text', text: { body: 'Hello' } }],
    };
    return { object: 'whatsapp_business_account', entry: [{ id: '102290129340398', changes: [{ field: 'messages', value }] }] };
  };
  it.each([
    ['messenger', (account: string) => ({ object: 'page', entry: [entry(account)] })],
    ['facebook_page', (account: string) => ({ object: 'page', entry: [entry(account)] })],
    ['whatsapp', byWhatsApp],
  ] as const)('routes what comes for an app of %s as well', async (provider, bodyFor) => {
    const app = await sluice.made('/api/provider-apps', { provider, name: 'Our app', credentials });
    const [account, unknown] = [newAccount(), newAccount()];
    const settings = { provider, name: 'Theirs', externalAccountId: account, credentials: { signingSecrets: [signingSecret] } };
    const channel = await sluice.made('/api/channels', settings);
    await sluice.made('/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider, config: { channelId: channel } });

    for (const one of [account, unknown]) {
      const body = metaJson(bodyFor(one));
      const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(appSecret, body) };
      const { status } = await fetch(`${sluice.base}/webhooks/${app}/${provider}/all`, { method: 'POST', headers, body });
      expect(status).toBe(200);
    }
    await eventually(async () => expect(await recorded(channel)).toMatchObject([{ status: 'processed', account, channel }]));
    expect(await recorded(app)).toMatchObject([{ status: 'ignored', why: 'foreign_account', account: unknown }]);
  });

  it('answers the provider’s handshake with the app’s verify token alone', async () => {
    const app = await created();
    const shake = async (token: string, id = app) => {
      const query = new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.verify_token': token, 'hub.challenge': '1158201444' });
      const answer = await fetch(`${sluice.base}/webhooks/${id}/instagram/all?${query}`);
      return { status: answer.status, ...(answer.ok && { body: await answer.text() }) };
    };
    expect(await shake(verifyToken)).toEqual({ status: 200, body: '1158201444' });
    expect(await shake('another-token')).toEqual({ status: 403 });
    expect(await shake(verifyToken, randomUUID())).toEqual({ status: 404 });
  });
});
