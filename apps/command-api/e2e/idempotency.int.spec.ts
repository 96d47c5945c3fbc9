import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId, PLATFORM_TENANT_ID } from '@sluice/kernel';
import pg from 'pg';
import { type Answer, type CommandApi, commandApi } from './command-api.js';
import { commandCases, fixtures, type Fixtures, secretsOf } from './every-command.js';

let api: CommandApi;
let things: Fixtures;
beforeAll(async () => {
  api = await commandApi();
  things = await fixtures(api);
});
afterAll(() => api.close());

const withKey = (idempotencyKey: string, body: object = { name: 'Kept' }, path = '/api/workflows', method = 'POST') =>
  api.call(method, path, { key: api.admin, body, headers: { 'idempotency-key': idempotencyKey } });
const count = async (sql: string): Promise<number> => Number((await api.db.query(sql)).rows[0]?.count);
const commits = () => count('SELECT count(*) FROM event_commits');

/** What every table holds. */
async function wholeState(): Promise<string> {
  const { rows } = await api.db.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
       AND relname NOT LIKE '%migrations' ORDER BY 1`,
  );
  const digest = (name: string) => `'${name}: ' || coalesce(md5(string_agg(t::text, ' ' ORDER BY t::text)), '')`;
  const tables = rows.map(({ name }) => `SELECT ${digest(name)} AS row FROM ${name} t`);
  const { rows: states } = await api.db.query<{ row: string }>(`${tables.join(' UNION ALL ')} ORDER BY 1`);
  return states.map(({ row }) => row).join('\n');
}

/** As a careful client does: again, while the first is still being carried out. */
async function insistent(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await call();
    if (answer.status !== 409 || answer.body.type !== '/problems/command_is_running') return answer;
    expect(answer.headers.get('retry-after')).toBe('1');
    await sleep(5);
  }
}

describe('F-08: a command that is sent again', () => {
  it('gets the same answer, says that it is a replay, and changes nothing', async () => {
    const key = randomUUID();
    const first = await withKey(key);
    const state = await wholeState();
    const again = await withKey(key);
    expect(first.status).toBe(201);
    expect([again.status, again.body, again.headers.get('etag')]).toEqual([201, first.body, '"1"']);
    expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
    expect(Number(again.headers.get('x-log-position'))).toBeGreaterThanOrEqual(Number(first.headers.get('x-log-position')));
    expect(await wholeState()).toBe(state);
  });

  it('gets it although the caller hung up before the first answer came', async () => {
    const key = randomUUID();
    const before = await commits();
    const blocker = new pg.Client(api.config.commandDatabase.url);
    await blocker.connect();
    await blocker.query('BEGIN; SELECT * FROM event_head FOR UPDATE'); // the answer needs a position: it waits
    const hungUp = new AbortController();
    const body = { name: 'Hung up' };
    const first = fetch(`${await api.app.getUrl()}/api/workflows`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.admin}`, 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
      signal: hungUp.signal,
    });
    while ((await commits()) === before) await sleep(5);
    hungUp.abort();
    await expect(first).rejects.toThrow('aborted');
    await blocker.query('ROLLBACK');
    await blocker.end();

    const again = await withKey(key, body);
    expect([again.status, again.body.revision, again.headers.get('idempotent-replayed')]).toEqual([201, 1, 'true']);
    expect(await api.eventTypes(again.body.id)).toEqual(['workflow.created']);
    expect(await commits()).toBe(before + 1);
  });

  it('is the same request however its JSON is laid out', async () => {
    const key = randomUUID();
    const first = await withKey(key, { name: 'x', settings: { a: 1, b: [2] } });
    expect((await withKey(key, { settings: { b: [2], a: 1 }, name: 'x' })).body).toEqual(first.body);
    expect((await withKey(key, { tenantId: api.tenantId, name: 'x', settings: { a: 1, b: [2] } })).body).toEqual(first.body);
  });

  it('gets the first answer even if it decided nothing, and after the thing has changed', async () => {
    const { body } = await withKey(randomUUID(), things.drawing);
    const [publish, again, archive] = [randomUUID(), randomUUID(), randomUUID()];
    const path = `/api/workflows/${body.id}`;
    expect((await withKey(publish, {}, `${path}/publish`)).body.version).toBe(1);
    expect((await withKey(again, {}, `${path}/publish`)).headers.get('idempotent-replayed')).toBeNull();
    expect((await withKey(archive, {}, path, 'DELETE')).status).toBe(204);
    for (const key of [publish, again]) {
      expect(await withKey(key, {}, `${path}/publish`)).toMatchObject({ status: 200, body: { id: body.id, version: 1 } });
    }
    expect(await withKey(archive, {}, path, 'DELETE')).toMatchObject({ status: 204, body: undefined });
  });

  it('runs again if it failed', async () => {
    const key = randomUUID();
    const id = newId();
    expect((await withKey(key, { name: 'x' }, `/api/workflows/${id}`, 'PUT')).status).toBe(404);
    expect((await withKey(key, { name: ' ' })).status).toBe(400);
    expect(await withKey(key)).toMatchObject({ status: 201 });
  });
});

describe('F-09: a key', () => {
  it('of one request is refused for another, and nothing changes', async () => {
    const key = randomUUID();
    const headers = { 'idempotency-key': key };
    const { body } = await withKey(key, { name: 'One' });
    const state = await wholeState();
    const others = [
      () => withKey(key, { name: 'Other' }),
      () => withKey(key, { name: 'One' }, '/api/api-keys'),
      () => withKey(key, { name: 'One' }, `/api/workflows/${body.id}`, 'PUT'),
      () => api.call('POST', '/api/workflows', { key: api.admin, body: { name: 'One' }, headers: { ...headers, 'if-match': '1' } }),
    ];
    const answers = await Promise.all(others.map((other) => insistent(other)));
    expect(answers.map(({ status }) => status)).toEqual([422, 400, 422, 422]); // the second is not even a valid request
    expect(answers[0]?.body).toMatchObject({ type: '/problems/idempotency_key_reused', correlationId: expect.any(String) });
    expect(await wholeState()).toBe(state);
  });

  it('is refused while its first request is still running', async () => {
    const { body } = await withKey(randomUUID(), things.drawing);
    const key = randomUUID();
    const publish = () => withKey(key, {}, `/api/workflows/${body.id}/publish`);
    await api.db.query('BEGIN');
    await api.db.query('SELECT 1 FROM workflows WHERE id = $1 FOR UPDATE', [body.id]);
    const first = publish();
    const blocked = `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    while ((await count(blocked)) === 0) await sleep(5);
    const second = await publish();
    expect([second.status, second.headers.get('retry-after'), second.body.type]).toEqual([409, '1', '/problems/command_is_running']);
    await api.db.query('ROLLBACK');
    expect(await first).toMatchObject({ status: 200, body: { version: 1 } });
    expect(await publish()).toMatchObject({ status: 200, body: { version: 1 } });
  });

  it('is 1 to 255 printable ASCII characters, given once', async () => {
    for (const good of ['a', 'x'.repeat(255), '!"~ #']) expect((await withKey(good, { name: 'x' })).status).toBe(201);
    for (const bad of ['', 'x'.repeat(256), 'schlüssel', 'a\tb']) {
      expect(await withKey(bad)).toMatchObject({ status: 400, body: { type: '/problems/idempotency_key_is_malformed' } });
    }
    const twice = new Headers([['authorization', `Bearer ${api.admin}`]]);
    for (const one of ['1', '2']) twice.append('idempotency-key', one);
    expect((await fetch(`${await api.app.getUrl()}/api/workflows`, { method: 'POST', headers: twice })).status).toBe(400);
  });

  it('is another key for another tenant, and for calls about no tenant', async () => {
    const key = randomUUID();
    const headers = { 'idempotency-key': key };
    const other = await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' }, headers });
    const mine = await withKey(key);
    const theirs = await api.call('POST', '/api/workflows', { key: other.body.key, body: { name: 'Kept' }, headers });
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(mine.body.id).not.toBe(theirs.body.id);
    const { rows } = await api.db.query(`SELECT tenant_id FROM idempotency_keys WHERE key_hash = sha256($1)`, [Buffer.from(key)]);
    expect(rows.map((row) => row.tenant_id).sort()).toEqual([PLATFORM_TENANT_ID, api.tenantId, other.body.id].sort());
  });
});

describe('F-08 F-09: every command of the API', () => {
  it('is covered here', async () => {
    const { body } = await api.call('GET', '/api/docs-json');
    const paths: Record<string, object> = body.paths;
    const routes = Object.entries(paths)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
      // Who decides has a link and no credential: once is all it allows.
      .filter((route) => !route.startsWith('GET ') && route !== 'POST /api/approvals/{token}');
    expect(commandCases.map(({ route }) => route).sort()).toEqual(routes.sort());
  });

  it.each(commandCases)('$route: three retries at random moments leave what one try leaves', async ({ request, changes = true }) => {
    const { method, path, body, caller } = await request(api, things);
    const key = randomUUID();
    const before = await commits();
    const call = () => api.call(method, path, { key: caller ?? api.admin, body, headers: { 'idempotency-key': key } });
    const attempts = Array.from({ length: 4 }, async () => {
      await sleep(Math.random() * 30);
      return insistent(call);
    });
    const answers = await Promise.all(attempts);
    const first = answers.filter(({ headers }) => headers.get('idempotent-replayed') === null);
    const replays = answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true');
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => first[0]?.status));
    expect(first[0]?.status).toBeLessThan(300);
    expect(await commits()).toBe(before + (changes ? 1 : 0));
    if (!changes) return;

    expect([first.length, replays.length]).toEqual([1, 3]);
    const secrets = secretsOf(first[0]?.body);
    const open = Object.entries(first[0]?.body ?? {}).filter(([name]) => !secrets.includes(name));
    for (const replay of replays) {
      expect(replay.body ?? {}).toEqual({ ...Object.fromEntries(open), ...(secrets.length > 0 && { secretShownOnce: true }) });
    }
    const state = await wholeState();
    expect((await call()).headers.get('idempotent-replayed')).toBe('true');
    expect(await wholeState()).toBe(state);
    const { rows } = await api.db.query('SELECT k::text AS row FROM idempotency_keys k');
    for (const secret of [key, ...secrets.map((name) => first[0]?.body[name])]) expect(JSON.stringify(rows)).not.toContain(secret);
    expect(rows.length).toBeGreaterThan(0);
  });
});
