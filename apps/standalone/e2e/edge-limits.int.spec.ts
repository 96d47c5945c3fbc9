import { connect } from 'node:net';
import { eventually, metaJson, signInstagram } from '@sluice/testing';
import { newId } from '@sluice/kernel';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

const account = '17841465550001234';
const otherSecret = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
let sluice: InProcess;
beforeAll(async () => {
  // What comes through a proxy that is not named says nothing about its caller; here 127.0.0.2 is one that is.
  sluice = await inProcess({ TRUSTED_PROXIES: '127.0.0.2' });
}, 60_000);
afterAll(async () => sluice?.close());

let tenants = 0;
/** A tenant of its own, with quotas, and channels to deliver to. */
async function tenant(quotas: object = {}) {
  tenants += 1;
  const { body } = await sluice.call('POST', '/api/tenants', { name: `t${tenants}` }, sluice.platformKey);
  const { id, key } = body;
  await sluice.call('PUT', `/api/tenants/${id}/quotas`, quotas, sluice.platformKey);
  return {
    id,
    key,
    setQuotas: (changed: object) => sluice.call('PUT', `/api/tenants/${id}/quotas`, changed, sluice.platformKey),
    async channel(secret = signingSecret): Promise<string> {
      const channel = { provider: 'instagram', name: 'c', externalAccountId: account, credentials: { signingSecrets: [secret] } };
      return (await sluice.call('POST', '/api/channels', channel, key)).body.id;
    },
    events: async () => (await sluice.db.query('SELECT FROM webhook_events WHERE tenant_id = $1', [id])).rowCount,
    told: async () =>
      (
        await sluice.db.query(
          `SELECT payload FROM domain_events WHERE tenant_id = $1 AND type = 'tenant.quota.exceeded' ORDER BY timestamp`,
          [id],
        )
      ).rows.map(({ payload }) => payload),
  };
}

let messages = 0;
function message(mid = `m${(messages += 1)}-${newId()}`): Buffer<ArrayBuffer> {
  const timestamp = Date.now();
  const item = { sender: { id: 'customer' }, recipient: { id: account }, timestamp, message: { mid, text: 'hello' } };
  return Buffer.from(metaJson({ object: 'instagram', entry: [{ id: account, time: timestamp, messaging: [item] }] }));
}
const signed = (body: Buffer<ArrayBuffer>, secret = signingSecret) => ({
  'content-type': 'application/json',
  'x-hub-signature-256': signInstagram(secret, body),
});
const post = (path: string, body: Buffer<ArrayBuffer>, headers: Record<string, string> = signed(body)) =>
  fetch(`${sluice.base}${path}`, { method: 'POST', headers, body });
const pathOf = (id: string) => `/webhooks/${id}/instagram/all`;

describe('T-11 a signed delivery that is sent again', () => {
  it('to its address is answered 200, and is the same event', async () => {
    const { channel, events } = await tenant();
    const id = await channel();
    const body = message();
    for (let n = 0; n < 3; n += 1) expect((await post(pathOf(id), body)).status).toBe(200);
    expect(await events()).toBe(1);
  });

  it('to another address is refused: its secret is another', async () => {
    const { channel, events } = await tenant();
    const [, other] = [await channel(), await channel(otherSecret)];
    const body = message();
    expect((await post(pathOf(other), body)).status).toBe(401);
    expect(await events()).toBe(0);
  });

  it('with another id in its body, and the old signature, is refused', async () => {
    const { channel, events } = await tenant();
    const id = await channel();
    const body = message();
    expect((await post(pathOf(id), body)).status).toBe(200);
    expect((await post(pathOf(id), message('forged'), signed(body))).status).toBe(401);
    expect(await events()).toBe(1);
  });

  it('as another message, signed, is another event', async () => {
    const { channel, events } = await tenant();
    const id = await channel();
    for (let n = 0; n < 2; n += 1) expect((await post(pathOf(id), message())).status).toBe(200);
    expect(await events()).toBe(2);
  });
});

describe('webhooksPerMinute', () => {
  it('accepts so many deliveries; more are told when to come again, the tenant is told once a minute, and nothing accepted is lost', async () => {
    const { channel, events, told } = await tenant({ webhooksPerMinute: 5 });
    const id = await channel();
    const answers = [];
    for (let n = 0; n < 12; n += 1) answers.push(await post(pathOf(id), message()));
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(refused).toHaveLength(7);
    const wait = Number(refused[0]?.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(120);
    expect(await refused[0]?.json()).toMatchObject({ type: '/problems/webhook_quota_used_up', error: 'Invalid webhook request' });
    expect(await events()).toBe(5);
    const window = { from: expect.stringMatching(/:00\.000Z$/), until: expect.stringMatching(/:00\.000Z$/) };
    await eventually(async () => expect(await told()).toContainEqual({ quota: 'webhooksPerMinute', limit: 5, ...window }));
    const minutes = (await told()).map(({ from }) => from);
    expect(minutes).toEqual([...new Set(minutes)]);
  });

  it('is used up by nobody who cannot sign', async () => {
    const { channel } = await tenant({ webhooksPerMinute: 3 });
    const id = await channel();
    for (let n = 0; n < 10; n += 1) expect((await post(pathOf(id), message(), signed(message()))).status).toBe(401);
    expect((await post(pathOf(id), message())).status).toBe(200);
  });

  it('ends soon after it was raised', async () => {
    const { channel, setQuotas } = await tenant({ webhooksPerMinute: 0 });
    const id = await channel();
    expect((await post(pathOf(id), message())).status).toBe(429);
    await setQuotas({});
    await eventually(async () => (await post(pathOf(id), message())).status === 200);
  });

  it('is no other tenant’s', async () => {
    const [a, b] = [await tenant({ webhooksPerMinute: 1 }), await tenant({ webhooksPerMinute: 1 })];
    const [ofA, ofB] = [await a.channel(), await b.channel()];
    expect([(await post(pathOf(ofA), message())).status, (await post(pathOf(ofA), message())).status]).toEqual([200, 429]);
    expect((await post(pathOf(ofB), message())).status).toBe(200);
  });
});

describe('T-13 the account of a tenant is one', () => {
  it('whatever address a caller claims, however its path is spelt, at whichever of its endpoints', async () => {
    const { channel, events } = await tenant({ webhooksPerMinute: 4 });
    const [id, other] = [await channel(), await channel()];
    const spoofed = (n: number) => ({
      'x-forwarded-for': `203.0.113.${n}`,
      'x-real-ip': `2001:db8::${n}`,
      forwarded: `for=198.51.100.${n}`,
    });
    const send = (path: string, headers = {}) => {
      const body = message();
      return post(path, body, { ...signed(body), ...headers }).then(({ status }) => status);
    };
    const statuses = [];
    for (let n = 0; n < 3; n += 1) statuses.push(await send(pathOf(id), spoofed(n)));
    expect(statuses).toEqual([200, 200, 200]);
    expect(await send(pathOf(id.toUpperCase()), spoofed(9))).toBe(200);
    expect(await events()).toBe(4);
    const others = [pathOf(id), pathOf(id.toUpperCase()), pathOf(other), `/webhooks/${id}/instagram/message`, `${pathOf(id)}?x=1`];
    for (const path of others) expect([path, await send(path, spoofed(20))]).toEqual([path, 429]);
    for (const path of [
      `${pathOf(id)}/`,
      pathOf(id).replace('instagram', 'Instagram'),
      `/${pathOf(id)}`,
      pathOf(id).replace('/all', '//all'),
    ])
      expect([path, await send(path)]).toEqual([path, 404]);
    expect(await events()).toBe(4);
  });

  it('of a parallel burst no more is accepted than of a line', async () => {
    const { channel, events } = await tenant({ webhooksPerMinute: 10 });
    const id = await channel();
    const statuses = await Promise.all(Array.from({ length: 60 }, () => post(pathOf(id), message()).then(({ status }) => status)));
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(50);
    expect(await events()).toBe(10);
  });

  it('for HTTP/1.0 without a header too', async () => {
    const { channel } = await tenant({ webhooksPerMinute: 1 });
    const id = await channel();
    const send = () =>
      new Promise<string>((resolve, reject) => {
        const body = message();
        const socket = connect(Number(new URL(sluice.base).port), '127.0.0.1');
        let answer = '';
        socket
          .on('data', (chunk: Buffer) => (answer += chunk.toString()))
          .on('end', () => resolve(answer.slice(9, 12)))
          .on('error', reject);
        const head = `POST ${pathOf(id)} HTTP/1.0\r\ncontent-length: ${body.length}\r\nx-hub-signature-256: ${signInstagram(signingSecret, body)}\r\n\r\n`;
        socket.write(Buffer.concat([Buffer.from(head), body]));
      });
    expect([await send(), await send()]).toEqual(['200', '429']);
  });
});

describe('T-12 whoever guesses addresses', () => {
  const guess = () => post(pathOf(newId()), message());

  it('gets the same answer for each, and keeps nobody else from being heard', async () => {
    const { channel } = await tenant();
    const known = await channel();
    expect((await post(pathOf(known), message())).status).toBe(200);
    const statuses: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      statuses.push(...(await Promise.all(Array.from({ length: 100 }, () => guess().then(({ status }) => status)))));
      expect((await post(pathOf(known), message())).status).toBe(200);
    }
    expect(new Set(statuses)).toEqual(new Set([404]));
    // One that is new here, from the same address as the guesses
    expect((await post(pathOf(await channel()), message())).status).toBe(200);
    const [one, other] = await Promise.all([guess(), guess()].map(async (answer) => JSON.parse(await (await answer).text())));
    expect({ ...one, instance: '', correlationId: '' }).toEqual({ ...other, instance: '', correlationId: '' });
  });

  it('cannot keep a signed delivery out by signing badly', async () => {
    const { channel, events } = await tenant();
    const id = await channel();
    const refused = await Promise.all(Array.from({ length: 200 }, () => post(pathOf(id), message(), signed(message()))));
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([401]));
    expect((await post(pathOf(id), message())).status).toBe(200);
    expect(await events()).toBe(1);
    const figures = await (await fetch(`${sluice.base}/metrics`)).text();
    expect(Number(/^sluice_limit_reached_total\{limit="refused_signatures"\} (\d+)/m.exec(figures)?.[1])).toBeGreaterThanOrEqual(140);
  });
});
