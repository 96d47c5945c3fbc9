import { eventually } from '@sluice/testing';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

let sluice: InProcess;
let workflowId: string;
beforeAll(async () => {
  sluice = await inProcess();
  workflowId = await sluice.published({
    name: 'Seen',
    nodes: [
      { id: 'in', type: 'trigger.webhook', config: {} },
      { id: 'seen', type: 'data.set', config: { values: { text: '{{ trigger.text }}' } } },
    ],
    edges: [{ source: 'in', target: 'seen' }],
  });
});
afterAll(() => sluice.close());

const account = '17841465550001234';
async function listening(): Promise<string> {
  const credentials = { signingSecrets: [signingSecret] };
  const id = await sluice.made('/api/channels', { provider: 'instagram', name: 'Shop', externalAccountId: account, credentials });
  await sluice.made('/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider: 'instagram', config: { channelId: id } });
  return id;
}
const send = (id: string, count: number) => Promise.all(Array.from({ length: count }, (_, n) => sluice.message(id, `n${n}`, account)));

describe('a held channel', () => {
  it('records its events and starts nothing; released, they begin in the order in which they came', async () => {
    const id = await listening();
    expect(await sluice.call('POST', `/api/channels/${id}/hold`)).toEqual({ status: 200, body: { id, status: 'held' } });
    for (const text of ['a', 'b', 'c']) expect(await sluice.message(id, text, account)).toBe(200);
    expect(await sluice.eventStatuses(id)).toEqual({ held: 3 });
    expect(
      (await sluice.db.query('SELECT 1 FROM tasks t JOIN webhook_events e ON e.id = t.webhook_event_id WHERE e.channel_id = $1', [id]))
        .rowCount,
    ).toBe(0);
    await sluice.shows(`/api/channels/${id}`, { status: 'held' });
    await sluice.shows(`/api/channels/${id}/events`, { items: [{ status: 'held' }, { status: 'held' }, { status: 'held' }] });

    expect(await sluice.call('POST', `/api/channels/${id}/release`)).toEqual({ status: 200, body: { id, status: 'connected' } });
    await eventually(async () => expect(await sluice.eventStatuses(id)).toEqual({ processed: 3 }));
    const { rows } = await sluice.db.query(
      `SELECT w.item ->> 'text' AS text, array_agg(e.type ORDER BY e.aggregate_version) AS types
       FROM webhook_events w JOIN domain_events e ON e.aggregate_id = w.id WHERE w.channel_id = $1
       GROUP BY w.id, w.item ORDER BY min(CASE WHEN e.type = 'webhook.released' THEN e.commit_id * 1000 + e.ord END)`,
      [id],
    );
    expect(rows).toEqual(['a', 'b', 'c'].map((text) => ({ text, types: ['webhook.held', 'webhook.released', 'webhook.processed'] })));
    await sluice.shows(`/api/channels/${id}`, { status: 'connected' });
    await sluice.shows(`/api/channels/${id}/events`, {
      items: [{ status: 'processed' }, { status: 'processed' }, { status: 'processed' }],
    });
  });

  it('is not deleted while it has events that nobody began; those that race with its deletion are not left held', async () => {
    const id = await listening();
    await sluice.call('POST', `/api/channels/${id}/hold`);
    await send(id, 2);
    expect(await sluice.call('DELETE', `/api/channels/${id}`)).toMatchObject({
      status: 409,
      body: { type: '/problems/channel_holds_events', detail: expect.stringContaining('holds 2 events') },
    });
    await sluice.shows(`/api/channels/${id}`, { status: 'held' });
    await sluice.call('POST', `/api/channels/${id}/release`);
    await eventually(async () => expect(await sluice.eventStatuses(id)).toEqual({ processed: 2 }));
    await sluice.call('POST', `/api/channels/${id}/hold`);
    const racing = send(id, 10);
    if ((await sluice.call('DELETE', `/api/channels/${id}`)).status === 409) {
      await racing;
      await sluice.call('POST', `/api/channels/${id}/release`);
      expect((await sluice.call('DELETE', `/api/channels/${id}`)).status).toBe(204);
    }
    await racing;
    expect(await sluice.eventStatuses(id)).not.toHaveProperty('held');
  });

  it('is held from the answer on, and loses no event that races with its release', async () => {
    const id = await listening();
    const racing = send(id, 20);
    await sluice.call('POST', `/api/channels/${id}/hold`);
    await send(id, 10);
    await racing;
    expect((await sluice.eventStatuses(id))['held']).toBeGreaterThanOrEqual(10);

    const late = send(id, 20);
    await sluice.call('POST', `/api/channels/${id}/release`);
    expect(await late).toEqual(Array.from({ length: 20 }, () => 200));
    await eventually(async () => expect(await sluice.eventStatuses(id)).toEqual({ processed: 50 }));
    const { rows } = await sluice.db.query(
      `SELECT count(*)::int AS runs FROM workflow_executions e JOIN webhook_events w ON e.trigger_meta ->> 'webhookEventId' = w.id::text
       WHERE w.channel_id = $1`,
      [id],
    );
    expect(rows).toEqual([{ runs: 50 }]);
  });

  it('with more events than one transaction begins is drained by the workers', async () => {
    const id = await listening();
    await sluice.call('POST', `/api/channels/${id}/hold`);
    await sluice.message(id, 'first', account);
    await sluice.db.query(
      `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, customer_id, item, status, correlation_id,
                                   held_commit, occurred_at, received_at)
       SELECT w.tenant_id, gen.id, w.delivery_id, w.channel_id, w.kind, w.action, 'k' || gen.n, w.customer_id,
              jsonb_set(w.item, '{id}', to_jsonb(gen.id)), 'held', w.correlation_id, w.held_commit, w.occurred_at, w.received_at
       FROM webhook_events w, (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 600) n) gen WHERE w.channel_id = $1`,
      [id],
    );
    expect((await sluice.call('POST', `/api/channels/${id}/release`)).body).toEqual({ id, status: 'releasing' });
    await eventually(
      async () => {
        expect(await sluice.eventStatuses(id)).toEqual({ processed: 601 });
        expect((await sluice.db.query('SELECT status FROM channels WHERE id = $1', [id])).rows).toEqual([{ status: 'connected' }]);
      },
      { timeoutMs: 20_000 },
    );
  });
});

describe('T-10: rotated signing secrets', () => {
  const other = 'a-second-signing-secret-of-the-app';
  const rotate = (id: string, signingSecrets: string[]) =>
    sluice.call('PUT', `/api/channels/${id}/credentials`, { credentials: { signingSecrets } });

  it('are both accepted while both are named, and the old one no longer once it is not', async () => {
    const id = await listening();
    expect(await sluice.message(id, 'x', account, other)).toBe(401);
    expect(await rotate(id, [signingSecret, other])).toEqual({ status: 200, body: { id, version: 2 } });
    // Gateways drop their copy of a channel at a hint, which follows the commit.
    for (const secret of [signingSecret, other])
      await eventually(async () => expect(await sluice.message(id, 'x', account, secret)).toBe(200));
    expect(await rotate(id, [other])).toEqual({ status: 200, body: { id, version: 3 } });
    await eventually(async () => expect(await sluice.message(id, 'x', account, signingSecret)).toBe(401), { timeoutMs: 2_000 });
    expect(await sluice.message(id, 'x', account, other)).toBe(200);
  });

  it('that were replaced are accepted until the time that was given', async () => {
    const id = await listening();
    const replace = (previousSecretsUntil: Date) =>
      sluice.call('PUT', `/api/channels/${id}/credentials`, { credentials: { signingSecrets: [other] }, previousSecretsUntil });
    expect((await replace(new Date(Date.now() + 60_000))).status).toBe(200);
    await eventually(async () => expect(await sluice.message(id, 'x', account, other)).toBe(200));
    expect(await sluice.message(id, 'x', account, signingSecret)).toBe(200);
    expect((await replace(new Date(Date.now() - 1))).status).toBe(200);
    await eventually(async () => expect(await sluice.message(id, 'x', account, signingSecret)).toBe(401), { timeoutMs: 2_000 });
  });

  it('that were replaced are accepted until their own time when they are replaced again, five of them at most', async () => {
    const id = await listening();
    const replace = (signingSecrets: string[], seconds?: number) =>
      sluice.call('PUT', `/api/channels/${id}/credentials`, {
        credentials: { signingSecrets },
        ...(seconds !== undefined && { previousSecretsUntil: new Date(Date.now() + seconds * 1_000).toISOString() }),
      });
    const third = 'a-third-signing-secret-of-the-app';
    expect((await replace([other], 600)).status).toBe(200);
    expect((await replace([third], 60)).status).toBe(200);
    await eventually(async () => expect(await sluice.message(id, 'x', account, third)).toBe(200));
    for (const secret of [signingSecret, other]) expect(await sluice.message(id, 'x', account, secret)).toBe(200);

    expect(
      (
        await replace(
          ['4', '5', '6', '7'].map((n) => `signing-secret-number-${n}`),
          60,
        )
      ).status,
    ).toBe(200);
    expect(await replace(['signing-secret-number-8'], 60)).toMatchObject({
      status: 400,
      body: { type: '/problems/channel_is_invalid', errors: [{ path: 'previousSecretsUntil' }] },
    });
    expect((await replace([third])).status).toBe(200);
    for (const secret of [signingSecret, other])
      await eventually(async () => expect(await sluice.message(id, 'x', account, secret)).toBe(401), { timeoutMs: 2_000 });
  });
});

describe('the connection of a channel', () => {
  it('is tried by a worker, and what came of it is answered', async () => {
    const id = await listening();
    const { status, body } = await sluice.call('POST', `/api/channels/${id}/test`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ ok: true, checks: expect.arrayContaining([expect.objectContaining({ name: 'settings', ok: true })]) });
  });

  it('that ends soon is told of, and shown', async () => {
    const credentials = { signingSecrets: [signingSecret] };
    const expiresAt = new Date(Date.now() + 5 * 24 * 60 * 60 * 1000).toISOString();
    const id = await sluice.made('/api/channels', {
      provider: 'instagram',
      name: 'Soon',
      externalAccountId: account,
      credentials,
      expiresAt,
    });
    await sluice.shows(`/api/channels/${id}`, {
      status: 'expiring',
      expiresAt,
      health: { state: 'expiring', reason: { code: 'credentials_expiring' } },
      lastError: null,
    });
    await sluice.shows('/api/channels?status=expiring', { items: [{ id }] });
    await sluice.call('POST', `/api/channels/${id}/hold`);
    await sluice.shows(`/api/channels/${id}`, { status: 'held', health: { state: 'expiring' } });
    await sluice.call('PUT', `/api/channels/${id}/credentials`, { credentials });
    await sluice.shows(`/api/channels/${id}`, { status: 'held', health: { state: 'ok', reason: null }, expiresAt: null });
  });
});
