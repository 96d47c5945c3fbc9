import { inProcess, signingSecret } from './in-process.js';

const account = '17841465550001234';
let sluice: Awaited<ReturnType<typeof inProcess>>;

beforeAll(async () => {
  sluice = await inProcess();
}, 60_000);

afterAll(async () => sluice?.close());

it('P-01 P-09: what cannot be committed is not acknowledged; sent again it is, once', async () => {
  const { body: channel } = await sluice.call('POST', '/api/channels', {
    provider: 'instagram',
    name: 'c',
    externalAccountId: account,
    credentials: { signingSecrets: [signingSecret] },
  });
  const count = async () => (await sluice.db.query('SELECT FROM webhook_events WHERE channel_id = $1', [channel.id])).rowCount;
  const blocker = await sluice.db.connect();
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE webhook_deliveries IN ACCESS EXCLUSIVE MODE');

  const answer = await sluice.deliver(channel.id, 'hello', account);
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await answer.json()).toMatchObject({ status: 503, error: 'Webhook not accepted' });

  await blocker.query('ROLLBACK');
  blocker.release();
  expect(await count()).toBe(0);
  expect((await sluice.deliver(channel.id, 'hello', account)).status).toBe(200);
  expect(await count()).toBe(1);
});
