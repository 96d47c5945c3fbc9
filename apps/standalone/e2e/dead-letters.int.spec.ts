import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { eventually } from '@sluice/testing';
import { type InProcess, inProcess, signingSecret } from './in-process.js';

interface Letter {
  readonly id: string;
  readonly status: string;
  readonly reason: string;
  readonly kind: string;
  readonly workflowId?: string;
  readonly diedAt: string;
}

let target: Server;
let url: string;
/** What the target does with a call: answers it, or takes it and hangs up. */
let answers: 'answer' | 'hang up';
let calls = 0;
let sluice: InProcess;
let other: { readonly key: string };

beforeAll(async () => {
  target = createServer((request, response) => {
    calls += 1;
    request.resume().on('end', () => (answers === 'answer' ? response.end('{}') : response.destroy()));
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  const { port } = target.address() as AddressInfo;
  url = `http://127.0.0.1:${port}/`;
  sluice = await inProcess({ OUTBOUND_ALLOW: `127.0.0.1:${port}` });
  other = (await sluice.call('POST', '/api/tenants', { name: 'Other' }, sluice.platformKey)).body;
}, 60_000);

beforeEach(() => {
  answers = 'answer';
  calls = 0;
});

afterAll(async () => {
  await sluice?.close();
  target?.closeAllConnections();
  target?.close();
}, 60_000);

const node = (id: string, type: string, config: object = {}, policy?: object) => ({ id, type, config, ...(policy && { policy }) });
const edge = (source: string, target: string) => ({ source, target });

const calling = (policy?: object) =>
  sluice.published({
    name: 'calls',
    nodes: [node('in', 'trigger.manual'), node('call', 'http.request', { method: 'POST', url }, policy)],
    edges: [edge('in', 'call')],
  });

async function started(workflowId: string): Promise<string> {
  const answer = await sluice.call('POST', `/api/workflows/${workflowId}/nodes/in/trigger`, { input: null });
  if (answer.status !== 202) throw new Error(JSON.stringify(answer.body));
  return answer.body.executionId;
}

const list = async (query: string): Promise<Letter[]> => (await sluice.call('GET', `/api/dead-letters?${query}`)).body.items;

/** Those of a workflow, once there are so many. */
const letters = (workflowId: string, count: number, more = '') =>
  eventually(async () => {
    const found = await list(`workflowId=${workflowId}${more}`);
    if (found.length !== count) throw new Error(`${found.length} dead letters`);
    return found;
  });

const first = ([letter]: readonly Letter[]): Letter => {
  if (letter === undefined) throw new Error('no dead letter');
  return letter;
};

describe('a run whose call stops its worker three times', () => {
  /** Every call that is queued has done so, as far as the queue knows. */
  const deadly = (on: boolean) =>
    sluice.db.query(
      on
        ? `CREATE FUNCTION deadly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.crashes := 3; RETURN NEW; END $$;
           CREATE TRIGGER deadly BEFORE INSERT ON tasks FOR EACH ROW WHEN (NEW.kind = 'effect') EXECUTE FUNCTION deadly()`
        : 'DROP TRIGGER deadly ON tasks; DROP FUNCTION deadly()',
    );

  it('F-18: fails with that reason; retried by a person, it goes on', async () => {
    const workflowId = await calling();
    await deadly(true);
    const executionId = await started(workflowId);
    const letter = first(await letters(workflowId, 1));
    await deadly(false);
    await sluice.shows(`/api/executions/${executionId}`, { status: 'failed', error: { code: 'crash_loop' } });
    const error = { code: 'crash_loop', message: 'It stopped its worker 3 times.' };
    const shown = { id: letter.id, status: 'open', reason: 'crash_loop', kind: 'effect', executionId, workflowId, nodeId: 'call', error };
    expect((await sluice.call('GET', `/api/dead-letters/${letter.id}`)).body).toMatchObject(shown);
    expect(calls).toBe(0);

    const retried = await sluice.call('POST', `/api/dead-letters/${letter.id}/retry`);
    expect([retried.status, retried.body]).toEqual([202, { id: letter.id, status: 'retried' }]);
    await sluice.shows(`/api/executions/${executionId}`, { status: 'completed' });
    expect(calls).toBe(1);
    await sluice.shows(`/api/dead-letters/${letter.id}`, {
      status: 'retried',
      decidedBy: expect.any(String),
      decidedAt: expect.any(String),
    });
    const again = await sluice.call('POST', `/api/dead-letters/${letter.id}/retry`);
    expect([again.status, again.body.type]).toEqual([404, '/problems/dead_letter_not_found']);
    expect((await sluice.db.query('SELECT FROM tasks WHERE execution_id = $1', [executionId])).rowCount).toBe(0);
    const metrics = await (await fetch(`${sluice.base}/metrics`)).text();
    expect(metrics).toMatch(/^sluice_dead_letters_total\{reason="crash_loop"\} [1-9]/m);
    for (const name of ['fenced_commits', 'lease_expired', 'task_crashes', 'transaction_retries', 'notification_failures']) {
      expect(metrics).toContain(`# TYPE sluice_${name}_total counter`);
    }
  });

  it('is another tenant’s business alone', async () => {
    const workflowId = await calling();
    await deadly(true);
    await started(workflowId);
    const { id } = first(await letters(workflowId, 1));
    await deadly(false);
    for (const [method, path] of [
      ['GET', `/api/dead-letters/${id}`],
      ['POST', `/api/dead-letters/${id}/retry`],
      ['DELETE', `/api/dead-letters/${id}`],
    ] as const) {
      expect((await sluice.call(method, path, undefined, other.key)).status).toBe(404);
    }
    expect((await sluice.call('POST', '/api/dead-letters/discard', { filter: {} }, other.key)).body).toEqual({
      count: 0,
      skipped: [],
      more: false,
    });
    expect((await sluice.call('GET', '/api/dead-letters', undefined, other.key)).body).toMatchObject({ items: [], total: 0 });
    expect(first(await list(`workflowId=${workflowId}`))).toMatchObject({ id, status: 'open' });
  });
});

describe('what cannot begin', () => {
  const manual = {
    nodes: [node('in', 'trigger.manual'), node('note', 'data.set', { values: { why: '{{ trigger.error.code }}' } })],
    edges: [edge('in', 'note')],
  };
  const listening = { nodes: [node('in', 'trigger.webhook'), node('note', 'data.set', { values: {} })], edges: [edge('in', 'note')] };

  async function publishAgain(id: string, graph: object): Promise<void> {
    expect((await sluice.call('PUT', `/api/workflows/${id}`, graph)).status).toBe(200);
    expect((await sluice.call('POST', `/api/workflows/${id}/publish`)).status).toBe(200);
  }

  it('is shown, and retried by a filter at a rate when it can', async () => {
    const rescue = await sluice.published({ name: 'rescue', ...manual });
    const failing = await sluice.published({
      name: 'fails',
      nodes: [node('in', 'trigger.manual'), node('stop', 'logic.stop', { status: 'failed' })],
      edges: [edge('in', 'stop')],
      settings: { errorWorkflow: rescue },
    });
    // Nothing in it can be begun by others now.
    await publishAgain(rescue, listening);
    for (let n = 0; n < 3; n += 1) await started(failing);
    const found = await letters(rescue, 3);
    for (const letter of found)
      expect(letter).toMatchObject({ reason: 'cannot_begin', kind: 'begin', error: { code: 'workflow_not_callable' } });

    // Retried while it still cannot: each dies again, as another one.
    const early = await sluice.call('POST', '/api/dead-letters/retry', { filter: { workflowId: rescue, reason: 'cannot_begin' } });
    expect([early.status, early.body]).toEqual([202, { count: 3, skipped: [], more: false }]);
    expect(await letters(rescue, 3, '&status=retried')).toEqual(
      expect.arrayContaining(found.map(({ id }) => expect.objectContaining({ id }))),
    );
    await letters(rescue, 3, '&status=open');

    await publishAgain(rescue, manual);
    const filter = { workflowId: rescue, reason: 'cannot_begin', kind: 'begin', dateFrom: found.map(({ diedAt }) => diedAt).toSorted()[0] };
    const late = await sluice.call('POST', '/api/dead-letters/retry', { filter, ratePerSecond: 4 });
    expect(late.body).toEqual({ count: 3, skipped: [], more: false });
    const runs = await eventually(async () => {
      const { items } = (await sluice.call('GET', `/api/workflows/${rescue}/executions?status=completed`)).body;
      if (items.length !== 3) throw new Error(`${items.length} runs`);
      return items;
    });
    const starts = runs.map(({ startedAt }: { startedAt: string }) => Date.parse(startedAt)).toSorted((a: number, b: number) => a - b);
    expect(starts[2] - starts[0]).toBeGreaterThanOrEqual(400);
    expect(await letters(rescue, 6, '&status=retried')).toHaveLength(6);
    expect(await list(`workflowId=${rescue}&status=open`)).toEqual([]);
  });
});

describe('B-09: an event whose workflow is broken in the database', () => {
  async function brokenListener() {
    const workflowId = await sluice.published({ name: 'broken', nodes: [node('in', 'trigger.webhook')], edges: [] });
    const channelId = await sluice.made('/api/channels', {
      provider: 'instagram',
      name: 'Shop',
      credentials: { signingSecrets: [signingSecret] },
    });
    await sluice.made('/api/webhooks', {
      name: 'h',
      workflowId,
      nodeId: 'in',
      provider: 'instagram',
      config: { channelId, actionTypes: ['all'] },
    });
    const cycle = {
      nodes: [node('in', 'trigger.webhook'), node('a', 'data.set', { values: {} })],
      edges: [edge('in', 'a'), edge('a', 'a')],
    };
    await sluice.db.query('UPDATE workflow_versions SET graph = $2 WHERE workflow_id = $1', [workflowId, JSON.stringify(cycle)]);
    return { workflowId, channelId };
  }

  it('fails cleanly, is shown, and may be discarded, alone or with many; the event stays failed', async () => {
    const { workflowId, channelId } = await brokenListener();
    for (const text of ['a', 'b', 'c', 'd']) expect(await sluice.message(channelId, text, '17')).toBe(200);
    const found = await letters(workflowId, 4);
    for (const letter of found)
      expect(letter).toMatchObject({ kind: 'start', reason: 'workflow_broken', webhookEventId: expect.any(String) });
    expect(await sluice.eventStatuses(channelId)).toEqual({ failed: 4 });

    const discarded = await sluice.call('DELETE', `/api/dead-letters/${first(found).id}`);
    expect([discarded.status, discarded.body]).toEqual([204, undefined]);
    expect((await sluice.call('DELETE', `/api/dead-letters/${first(found).id}`)).status).toBe(404);
    const key = randomUUID();
    const discard = () =>
      fetch(`${sluice.base}/api/dead-letters/discard`, {
        method: 'POST',
        headers: {
          connection: 'close',
          authorization: `Bearer ${sluice.apiKey}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: JSON.stringify({ filter: { workflowId } }),
      });
    const [one, two] = [await discard(), await discard()];
    expect([one.status, await one.json(), two.status, await two.json(), two.headers.get('idempotent-replayed')]).toEqual([
      202,
      { count: 3, skipped: [], more: false },
      202,
      { count: 3, skipped: [], more: false },
      'true',
    ]);
    await letters(workflowId, 4, '&status=discarded');
    expect(await sluice.eventStatuses(channelId)).toEqual({ failed: 4 });
    expect((await sluice.db.query(`SELECT FROM tasks WHERE workflow_id = $1`, [workflowId])).rowCount).toBe(0);
  });

  it('lists go on page by page and by cursor', async () => {
    const { workflowId, channelId } = await brokenListener();
    for (const text of ['a', 'b', 'c']) await sluice.message(channelId, text, '17');
    const all = (await letters(workflowId, 3)).map(({ id }) => id);
    const page = (more: string) => sluice.call('GET', `/api/dead-letters?workflowId=${workflowId}&limit=2${more}`);
    const newest = (await page('')).body;
    expect([newest.total, newest.items.map(({ id }: Letter) => id)]).toEqual([3, all.slice(0, 2)]);
    expect((await page(`&cursor=${newest.nextCursor}`)).body).toMatchObject({ items: [{ id: all[2] }], nextCursor: null });
    expect((await page('&page=2')).body.items).toMatchObject([{ id: all[2] }]);
    expect((await page(`&kind=start&reason=workflow_broken&dateTo=2020-01-01`)).body.items).toEqual([]);
  });
});

it('a command that says nothing sensible is refused, with what is wrong', async () => {
  const faults = async (path: string, body: object) => {
    const answer = await sluice.call('POST', path, body);
    const paths = new Set<string>(answer.body.errors?.map((error: { path: string }) => error.path));
    return [answer.status, [...paths].toSorted()];
  };
  expect(await faults('/api/dead-letters/retry', {})).toEqual([400, ['filter']]);
  expect(await faults('/api/dead-letters/retry', { filter: { reason: 'bored', kind: 'x' }, ratePerSecond: 0 })).toEqual([
    400,
    ['filter.kind', 'filter.reason', 'ratePerSecond'],
  ]);
  expect(await faults('/api/dead-letters/discard', { filter: { workflowId: 'x', dateFrom: 'yesterday' } })).toEqual([
    400,
    ['filter.dateFrom', 'filter.workflowId'],
  ]);
  expect((await sluice.call('GET', '/api/dead-letters?status=lost')).status).toBe(400);
});

it('F-16: runs with a call in doubt are found, and are not any more once a person has resolved it', async () => {
  answers = 'hang up';
  const workflowId = await calling({ effect: 'at_most_once', retry: { maxAttempts: 1 } });
  const [sent, notSent] = [await started(workflowId), await started(workflowId)];
  await sluice.shows(`/api/executions/${notSent}`, { status: 'waiting' });
  const inDoubt = async (): Promise<string[]> =>
    (await sluice.call('GET', `/api/executions?nodeStatus=in_doubt&workflowId=${workflowId}`)).body.items.map(
      ({ id }: { id: string }) => id,
    );
  await eventually(async () => expect((await inDoubt()).toSorted()).toEqual([sent, notSent].toSorted()));
  expect(calls).toBe(2);

  answers = 'answer';
  const resolve = (id: string, body: object) => sluice.call('POST', `/api/executions/${id}/effects/call/resolve`, body);
  expect((await resolve(sent, { outcome: 'sent', output: { by: 'hand' } })).status).toBe(202);
  expect((await resolve(notSent, { outcome: 'not_sent' })).status).toBe(202);
  await sluice.shows(`/api/executions/${sent}`, { status: 'completed', output: { by: 'hand' } });
  await sluice.shows(`/api/executions/${notSent}`, { status: 'completed', output: { status: 200 } });
  await eventually(async () => expect(await inDoubt()).toEqual([]));
  expect(calls).toBe(3);
  expect((await sluice.call('GET', '/api/executions?nodeStatus=running')).status).toBe(400);
});
