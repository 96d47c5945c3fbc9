import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SluiceClient, SluiceIsUnreachable, SluiceProblem } from './index.js';

interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const problem = (status: number, code: string, headers: Record<string, string> = {}): Reply => ({
  status,
  body: { type: `/problems/${code}`, title: code, status, detail: 'why', instance: '/api', correlationId: 'c-1' },
  headers: { 'content-type': 'application/problem+json; charset=utf-8', ...headers },
});
const broken = 'the connection breaks';
const saved = { id: '01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e', revision: 1 };

/** An API that answers what it is told to, in order, and remembers what it was asked. */
class Stub {
  readonly asked: { readonly call: string; readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  private replies: (Reply | typeof broken)[] = [];
  private readonly server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      this.asked.push({ call: `${request.method} ${request.url}`, headers: request.headers, body });
      const reply = this.replies.shift();
      if (reply === undefined || reply === broken) return void request.socket.destroy();
      response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
      response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  answers(...replies: (Reply | typeof broken)[]): void {
    this.replies = replies;
    this.asked.length = 0;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const commands = new Stub();
const queries = new Stub();
let client: SluiceClient;
let urls: { commandUrl: string; queryUrl: string };

beforeAll(async () => {
  urls = { commandUrl: await commands.listen(), queryUrl: await queries.listen() };
});
beforeEach(() => {
  commands.answers();
  queries.answers();
  client = new SluiceClient({ ...urls, apiKey: 'slk_test', tries: 3 });
});
afterAll(() => {
  commands.close();
  queries.close();
});

const create = () => client.call('workflows.create', { body: { name: 'New' } });
const keysSent = () => commands.asked.map(({ headers }) => headers['idempotency-key']);

it('asks the query API what it reads and the command API for all else, with path and query in their places', async () => {
  commands.answers({ status: 204 });
  expect(await client.call('workflows.delete', { path: { id: 'a/b' } }, { ifMatch: 3 })).toBeUndefined();
  const headers = { authorization: 'Bearer slk_test', 'if-match': '"3"' };
  expect(commands.asked).toMatchObject([{ call: 'DELETE /api/workflows/a%2Fb', headers }]);

  queries.answers({ status: 200, body: { items: [], limit: 5, nextCursor: null } });
  await client.call('workflows.list', { query: { search: 'a & b', limit: 5 } });
  expect(queries.asked.map(({ call }) => call)).toEqual(['GET /api/workflows?search=a+%26+b&limit=5']);
  expect(queries.asked[0]?.headers).not.toHaveProperty('idempotency-key');
});

describe('a command', () => {
  it('F-08: keeps its key through a broken connection, an overload and its own first try', async () => {
    commands.answers(broken, problem(503, 'store_unavailable', { 'retry-after': '0' }), { status: 201, body: saved });
    expect(await create()).toEqual(saved);
    expect(keysSent()).toHaveLength(3);
    expect(new Set(keysSent()).size).toBe(1);
    expect(new Set(commands.asked.map(({ body }) => body)).size).toBe(1);

    commands.answers(problem(409, 'command_is_running', { 'retry-after': '0' }), { status: 201, body: saved });
    expect(await create()).toEqual(saved);
    expect(new Set(keysSent()).size).toBe(1);
  });

  it('has a key of its own, or the one that is given', async () => {
    commands.answers({ status: 201, body: saved }, { status: 201, body: saved }, { status: 201, body: saved });
    await create();
    await create();
    await client.call('workflows.create', { body: { name: 'New' } }, { idempotencyKey: 'mine' });
    expect(new Set(keysSent()).size).toBe(3);
    expect(keysSent()[2]).toBe('mine');
  });

  it('is not repeated when it was refused', async () => {
    for (const refusal of [problem(409, 'workflow_is_archived'), problem(422, 'idempotency_key_reused'), problem(500, 'internal_error')]) {
      commands.answers(refusal);
      await expect(create()).rejects.toThrow(SluiceProblem);
      expect(commands.asked).toHaveLength(1);
    }
  });
});

it('gives up after a bounded number of tries, with the last reason', async () => {
  const overloaded = problem(503, 'overloaded', { 'retry-after': '0' });
  commands.answers(overloaded, overloaded, overloaded, { status: 201, body: saved });
  await expect(create()).rejects.toMatchObject({ status: 503, code: 'overloaded', correlationId: 'c-1', operation: 'workflows.create' });
  expect(commands.asked).toHaveLength(3);

  commands.answers(broken, broken, broken, { status: 201, body: saved });
  await expect(create()).rejects.toThrow(SluiceIsUnreachable);
  expect(commands.asked).toHaveLength(3);
});

it('waits as long as Retry-After says, unless it is called off', async () => {
  commands.answers(problem(503, 'overloaded', { 'retry-after': '20' }));
  const calledOff = client.call('workflows.create', { body: { name: 'New' } }, { signal: AbortSignal.timeout(50) });
  await expect(calledOff).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(commands.asked).toHaveLength(1);
});

it('reads what it wrote: queries wait for the newest position that any answer told', async () => {
  queries.answers(...[1, 2].map(() => ({ status: 200, body: { items: [] } })));
  await client.call('nodeTypes.list');
  const savedAt = (position: string): Reply => ({ status: 201, body: saved, headers: { 'x-log-position': position } });
  commands.answers(savedAt('42'), savedAt('7'));
  await create();
  await create();
  await client.call('nodeTypes.list');
  expect(queries.asked.map(({ headers }) => headers['x-min-log-position'])).toEqual([undefined, '42']);
});

it('goes through a list by its cursors', async () => {
  queries.answers(
    { status: 200, body: { items: [{ id: '1' }, { id: '2' }], limit: 200, nextCursor: 'next' } },
    { status: 200, body: { items: [{ id: '3' }], limit: 200, nextCursor: null } },
  );
  const ids: string[] = [];
  for await (const { id } of client.items('executions.list', { query: { status: 'failed' } })) ids.push(id);
  expect(ids).toEqual(['1', '2', '3']);
  expect(queries.asked.map(({ call }) => call)).toEqual([
    'GET /api/executions?limit=200&status=failed',
    'GET /api/executions?limit=200&status=failed&cursor=next',
  ]);
});

it('says so when the answer is not one of Sluice', async () => {
  queries.answers({ status: 502, body: 'Bad gateway', headers: { 'content-type': 'text/html' } });
  await expect(client.call('nodeTypes.list')).rejects.toMatchObject({ status: 502, code: 'unexpected_answer' });
});
