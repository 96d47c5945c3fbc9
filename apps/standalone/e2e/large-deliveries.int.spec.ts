import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, metaJson, signInstagram } from '@sluice/testing';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

const account = '17841465550001234';
const mebibyte = 1024 * 1024;
let sluice: InProcess;
beforeAll(async () => {
  sluice = await inProcess();
}, 60_000);
afterAll(() => sluice?.close());

const secretOf: Readonly<Record<string, string>> = { discord: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a' };
const connect = (provider: string, externalAccountId?: string): Promise<string> => {
  const credentials = { signingSecrets: [secretOf[provider] ?? signingSecret] };
  return sluice.made('/api/channels', { provider, name: provider, credentials, ...(externalAccountId && { externalAccountId }) });
};

interface Sent {
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;
}

/** `length`: what is told of it; without, it comes in pieces. Answers as soon as there is an answer, whatever is not sent yet. */
function send(path: string, body: Buffer, headers: Record<string, string>, length: number | undefined = body.length): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const told = length === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(length) };
    const call = request(`${sluice.base}${path}`, { method: 'POST', headers: { ...headers, ...told } }, (response) => {
      resolve({ status: response.statusCode, retryAfter: response.headers['retry-after'] });
      response.resume();
      if (length !== body.length) call.destroy();
    });
    call.on('error', reject);
    call.write(body);
    if (length === body.length) call.end();
  });
}

/** As a provider does it: who is told when to come again (the machine is busy) comes then. Any other refusal is none to repeat. */
async function sendUntilTaken(path: string, body: Buffer, headers: Record<string, string>): Promise<void> {
  let answer = await send(path, body, headers);
  while (answer.status === 503 && Number(answer.retryAfter) > 0) {
    await sleep(Number(answer.retryAfter) * 1_000);
    answer = await send(path, body, headers);
  }
  expect(answer).toMatchObject({ status: 200 });
}

const eventsOf = async (channelId: string) =>
  (await sluice.db.query('SELECT FROM webhook_events WHERE channel_id = $1', [channelId])).rowCount;

const json = { 'content-type': 'application/json' };
/** JSON of so many bytes */
const sized = (bytes: number): Buffer => Buffer.from(`{"a":"${'x'.repeat(bytes - 23)}","ref":"main/1"}`);
const signedByGithub = (body: Buffer, delivery: string) => ({
  ...json,
  'x-github-event': 'push',
  'x-github-delivery': delivery,
  'x-hub-signature-256': `sha256=${createHmac('sha256', signingSecret).update(body).digest('hex')}`,
});

describe('B-01: a delivery may be as large as its provider sends', () => {
  it.each([
    ['discord', 1 * mebibyte],
    ['instagram', 4 * mebibyte],
    ['github', 25 * mebibyte],
  ])('%s: %i bytes', async (provider, most) => {
    const path = `/webhooks/${await connect(provider)}/${provider}/all`;
    expect(await send(path, Buffer.from('{'), json, most + 1)).toMatchObject({ status: 413 });
    const chunks = sized(most + 1);
    expect(await send(path, chunks, json, undefined)).toMatchObject({ status: 413 }); // and never ends
    // Read whole, and refused for what it is: nobody signed it.
    expect(await send(path, chunks.subarray(1), json)).toMatchObject({ status: 401 });
  });

  it('at an address that nobody has: 4 MiB', async () => {
    const path = '/webhooks/01900000-0000-7000-8000-00000000000a/github/all';
    expect(await send(path, Buffer.from('{'), json, 4 * mebibyte + 1)).toMatchObject({ status: 413 });
    expect(await send(path, sized(2 * mebibyte), json)).toMatchObject({ status: 404 });
  });

  it('25 MiB are recorded whole, once, and start a run that reads them', async () => {
    const channelId = await connect('github');
    const workflowId = await sluice.published({
      name: 'Reads',
      nodes: [
        { id: 'in', type: 'trigger.webhook', config: {} },
        { id: 'seen', type: 'data.set', config: { values: { ref: '{{ trigger.payload.ref }}' } } },
      ],
      edges: [{ source: 'in', target: 'seen' }],
    });
    await sluice.made('/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider: 'github', config: { channelId } });
    const path = `/webhooks/${channelId}/github/event`;
    const body = sized(25 * mebibyte);
    for (let n = 0; n < 2; n += 1) await sendUntilTaken(path, body, signedByGithub(body, 'd1'));
    const { rows } = await sluice.db.query('SELECT DISTINCT length(body) AS bytes FROM webhook_deliveries WHERE channel_or_app_id = $1', [
      channelId,
    ]);
    expect(rows).toEqual([{ bytes: body.length }]);
    expect(await eventsOf(channelId)).toBe(1);
    const run = await eventually(
      async () => {
        const [first] = (
          await sluice.db.query('SELECT id, status, output, error FROM workflow_executions WHERE workflow_id = $1', [workflowId])
        ).rows;
        expect(first).toMatchObject({ error: null, status: 'completed', output: { ref: 'main/1' } });
        return first;
      },
      { timeoutMs: 60_000 },
    );
    const shown = await eventually(
      async () => {
        const answer = await sluice.call('GET', `/api/executions/${run.id}`);
        expect(answer.status).toBe(200);
        return answer.body;
      },
      { timeoutMs: 60_000 },
    );
    expect(shown.input.payload.$blob.bytes).toBe(body.length);
  }, 180_000);

  it('B-02: 4 MiB of open brackets, signed, are one unknown event', async () => {
    const channelId = await connect('github');
    const body = Buffer.alloc(4 * mebibyte, '[');
    expect(await send(`/webhooks/${channelId}/github/event`, body, signedByGithub(body, 'deep'))).toMatchObject({ status: 200 });
    const { rows } = await sluice.db.query('SELECT kind, status FROM webhook_events WHERE channel_id = $1', [channelId]);
    expect(rows).toEqual([{ kind: 'unknown', status: 'ignored' }]);
  });

  it('many of 25 MiB at once are taken one after the other or told to come again; small ones are answered meanwhile', async () => {
    const channelId = await connect('github');
    const path = `/webhooks/${channelId}/github/event`;
    const body = sized(25 * mebibyte);
    const other = await connect('instagram', account);
    const large = Promise.all(Array.from({ length: 6 }, (_, n) => send(path, body, signedByGithub(body, `many-${n}`))));
    expect(await sluice.message(other, 'hello', account)).toBe(200);
    const answers = await large;
    const taken = answers.filter(({ status }) => status === 200);
    expect(taken.length).toBeGreaterThan(0);
    for (const { status, retryAfter } of answers) {
      expect([200, 503]).toContain(status);
      if (status === 503) expect(Number(retryAfter)).toBeGreaterThan(0);
    }
    expect(await eventsOf(channelId)).toBe(taken.length);
    await sendUntilTaken(path, body, signedByGithub(body, 'afterwards'));
  }, 120_000);
});

describe('B-15: an event over 64 KiB', () => {
  const long = (letter: string) => letter.repeat(200_000);
  const say = async (channelId: string, text: string, mid: string, customer = 'customer') => {
    const timestamp = Date.now();
    const item = { sender: { id: customer }, recipient: { id: account }, timestamp, message: { mid, text } };
    const body = Buffer.from(metaJson({ object: 'instagram', entry: [{ id: account, time: timestamp, messaging: [item] }] }));
    return send(`/webhooks/${channelId}/instagram/all`, body, { ...json, 'x-hub-signature-256': signInstagram(signingSecret, body) });
  };
  const listen = (channelId: string, workflowId: string, config: object = {}) =>
    sluice.made('/api/webhooks', { name: 'w', workflowId, nodeId: 'in', provider: 'instagram', config: { channelId, ...config } });
  const measured = (settings: object = {}, text = 'trigger.text') => ({
    name: 'Measured',
    nodes: [
      { id: 'in', type: 'trigger.webhook', config: {} },
      { id: 'seen', type: 'data.set', config: { values: { length: `{{ $length(${text}) }}`, input: '{{ $length(input.text) }}' } } },
    ],
    edges: [{ source: 'in', target: 'seen' }],
    settings,
  });
  const runsOf = async (workflowId: string) =>
    (
      await sluice.db.query(
        'SELECT id, status, output, concurrency_key AS turn, pg_column_size(input) AS bytes FROM workflow_executions WHERE workflow_id = $1 ORDER BY started_at, id',
        [workflowId],
      )
    ).rows;
  const completed = (workflowId: string, count: number) =>
    eventually(
      async () => {
        const runs = await runsOf(workflowId);
        expect(runs.map(({ status }) => status)).toEqual(Array.from({ length: count }, () => 'completed'));
        return runs;
      },
      { timeoutMs: 30_000 },
    );
  const whole = { length: 200_000, input: 200_000 };

  it('starts its runs with all of it, stands small in every row and in the log, and is shown as large', async () => {
    const channelId = await connect('instagram', account);
    const workflowId = await sluice.published(measured({ concurrency: { key: '$substring(trigger.text, 0, 3)', limit: 1 } }));
    await listen(channelId, workflowId, { filter: '$length(trigger.text) > 100000' });
    for (let n = 0; n < 2; n += 1) expect(await say(channelId, long('a'), 'm1')).toMatchObject({ status: 200 });
    const [run] = await completed(workflowId, 1);
    expect(run).toMatchObject({ output: whole, turn: 'aaa' });
    expect(run.bytes).toBeLessThan(4_096);

    const { rows } = await sluice.db.query(
      `SELECT w.id, pg_column_size(w.item)::int AS item, w.item -> 'text' -> '$blob' ->> 'bytes' AS apart,
              (SELECT max(octet_length(d.payload::text))::int FROM domain_events d WHERE d.tenant_id = w.tenant_id AND d.correlation_id = w.correlation_id) AS logged
       FROM webhook_events w WHERE w.channel_id = $1`,
      [channelId],
    );
    expect(rows).toEqual([{ id: expect.any(String), item: expect.any(Number), apart: '200002', logged: expect.any(Number) }]);
    expect(rows[0].item).toBeLessThan(4_096);
    expect(rows[0].logged).toBeLessThan(64 * 1024);

    const blob = { member: 'text', sha256: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: 200_002 };
    await sluice.shows(`/api/webhook-events/${rows[0].id}`, { status: 'processed', executionIds: [run.id], large: [blob] });
    const { body: shown } = await sluice.call('GET', `/api/webhook-events/${rows[0].id}`);
    expect(shown.text).toBeUndefined();
    expect((await sluice.call('GET', `/api/channels/${channelId}/events`)).body.items).toMatchObject([{ large: [blob] }]);
    expect((await sluice.call('GET', `/api/blobs/${shown.large[0].sha256}`)).body.value).toBe(long('a'));
    const execution = await sluice.call('GET', `/api/executions/${run.id}`);
    expect(execution.body.input.text).toEqual({ $blob: { sha256: shown.large[0].sha256, bytes: 200_002 } });
  }, 60_000);

  it('answers a conversation, is seen by its condition, and is whole behind a join', async () => {
    const channelId = await connect('instagram', account);
    const lengths = { trigger: 'trigger.text', first: 'input.in.text', second: 'input.ask.text', output: 'nodes.ask.output.text' };
    const values = Object.fromEntries(Object.entries(lengths).map(([name, path]) => [name, `{{ $length(${path}) }}`]));
    const workflowId = await sluice.published({
      name: 'Asks',
      nodes: [
        { id: 'in', type: 'trigger.webhook', config: {} },
        { id: 'ask', type: 'flow.waitForEvent', config: { condition: "$substring(event.text, 0, 1) = 'b'" } },
        { id: 'both', type: 'logic.merge', config: {} },
        { id: 'seen', type: 'data.set', config: { values } },
      ],
      edges: [
        { source: 'in', target: 'ask' },
        { source: 'in', target: 'both' },
        { source: 'ask', target: 'both' },
        { source: 'both', target: 'seen' },
      ],
    });
    await listen(channelId, workflowId);
    await say(channelId, long('a'), 'c1', 'one');
    await eventually(async () => expect((await runsOf(workflowId)).map(({ status }) => status)).toEqual(['waiting']));
    await say(channelId, long('b'), 'c2', 'one');
    const [run] = await completed(workflowId, 1);
    expect(run.output).toEqual({ trigger: 200_000, first: 200_000, second: 200_000, output: 200_000 });
  }, 60_000);

  it('is held and released, replayed, tried on a draft, and compared in a backtest as any other', async () => {
    const channelId = await connect('instagram', account);
    const workflowId = await sluice.published(measured());
    await listen(channelId, workflowId);
    await sluice.call('POST', `/api/channels/${channelId}/hold`);
    await say(channelId, long('a'), 'h1');
    await eventually(async () => expect(await sluice.eventStatuses(channelId)).toEqual({ held: 1 }));
    await sluice.call('POST', `/api/channels/${channelId}/release`);
    expect((await completed(workflowId, 1))[0].output).toEqual(whole);

    const [{ id: eventId }] = (await sluice.db.query('SELECT id FROM webhook_events WHERE channel_id = $1', [channelId])).rows;
    await eventually(async () => expect(await sluice.eventStatuses(channelId)).toEqual({ processed: 1 }));
    expect(await sluice.call('POST', `/api/webhook-events/${eventId}/replay`, { reason: 'again' })).toMatchObject({ status: 202 });
    expect((await completed(workflowId, 2)).map(({ output }) => output)).toEqual([whole, whole]);

    await sluice.call('PUT', `/api/workflows/${workflowId}`, { ...measured({}, "trigger.text & '!'"), settings: undefined });
    const tested = await sluice.call('POST', `/api/workflows/${workflowId}/nodes/seen/test`, { eventId });
    expect(tested).toMatchObject({ status: 200, body: { outcome: 'done', output: { length: 200_001, input: 200_000 } } });
    expect(await sluice.call('POST', `/api/workflows/${workflowId}/validate`)).toMatchObject({ status: 200 });
    const asked = await sluice.call('POST', `/api/workflows/${workflowId}/backtest`, { events: 10 });
    expect(asked.status).toBe(202);
    await eventually(
      async () => {
        const { body } = await sluice.call('GET', `/api/backtests/${asked.body.backtestId}`);
        expect(body.status).toBe('completed');
        expect(body.events.total).toBeGreaterThan(0);
        expect(body.events).toMatchObject({ done: body.events.total, different: body.events.total });
      },
      { timeoutMs: 30_000 },
    );
  }, 90_000);
});
