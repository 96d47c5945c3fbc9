import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually, type Services, startServices, testFolder } from '@sluice/testing';
import { dumpStore } from './dumps.js';

const marker = 'm4rker-0f-T18';
const secrets = [
  { type: 'bearer', token: `${marker}-bearer` },
  { type: 'basic', username: 'ada', password: `${marker}-basic` },
  { type: 'header', headerName: 'X-Api-Key', value: `${marker}-header` },
];
const pair = Buffer.from(`ada:${marker}-basic`).toString('base64');
const sentAs = ['authorization', 'authorization', 'x-api-key'];
/** As texts and bytes may have it. */
const traces = [marker, Buffer.from(marker).toString('hex'), pair, Buffer.from(marker).toString('base64').slice(0, 16)];

const folder = testFolder('credentials');
const servers: Server[] = [];
const log: string[] = [];
const answers: string[] = [];
/** What each host was sent. */
const calls: { readonly host: 'own' | 'other'; readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
let services: Services;
let own: string;
let other: string;

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  other = await serve(({ url: path = '', headers }, response) => {
    calls.push({ host: 'other', path, headers });
    response.end('{}');
  });
  // A host that repeats whatever it is sent.
  own = await serve(({ url: path = '', headers }, response) => {
    calls.push({ host: 'own', path, headers });
    if (path === '/away') return response.writeHead(307, { location: `http://${other}/landed` }).end();
    if (path === '/within') return response.writeHead(307, { location: '/echo' }).end();
    const echo = String(headers.authorization ?? headers['x-api-key']);
    response
      .writeHead(path === '/refused' ? 401 : 200, { 'content-type': 'application/json', 'x-echo': echo })
      .end(JSON.stringify(headers));
  });
  const env = { ...process.env, OUTBOUND_ALLOW: `${own},${other}`, LOG_LEVEL: 'trace' };
  services = await startServices({ dataDir: folder.path, ports: 'free', env, log: (line) => log.push(line) });
}, 120_000);

afterAll(async () => {
  await services?.stop();
  for (const server of servers) server.close();
  folder.remove();
}, 60_000);

async function call(method: string, path: string, body?: object) {
  const response = await fetch(`${services.urls[method === 'GET' ? 'query-api' : 'command-api']}${path}`, {
    method,
    headers: { authorization: `Bearer ${services.apiKey}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  answers.push(text);
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

async function run(credential: string) {
  const paths = {
    echo: `${own}/echo`,
    refused: `${own}/refused`,
    away: `${own}/away`,
    within: `${own}/within`,
    foreign: `${other}/foreign`,
  };
  const nodes = [
    { id: 'in', type: 'trigger.manual', config: {} },
    ...Object.entries(paths).map(([id, path]) => ({
      id,
      type: 'http.request',
      config: { url: `http://${path}`, credential },
      policy: { onError: 'continue' },
    })),
  ];
  const edges = Object.keys(paths).map((target) => ({ source: 'in', target }));
  const { id } = (await call('POST', '/api/workflows', { name: 'Calls', nodes, edges })).body;
  expect((await call('POST', `/api/workflows/${id}/publish`)).status).toBe(200);
  const { executionId } = (await call('POST', `/api/workflows/${id}/nodes/in/trigger`, { input: {} })).body;
  return eventually(
    async () => {
      const { body } = await call('GET', `/api/executions/${executionId}`);
      expect(body.status).toMatch(/^(completed|failed|incomplete)$/);
      for (const path of ['versions', 'versions/1', 'export', 'executions']) await call('GET', `/api/workflows/${id}/${path}`);
      return Object.fromEntries(body.nodes.map((node: { nodeId: string }) => [node.nodeId, node]));
    },
    { timeoutMs: 20_000 },
  );
}

it('T-18: a secret reaches the hosts of its credential, and nothing else: no store, no log, no answer', async () => {
  const ids: string[] = [];
  for (const [index, secret] of secrets.entries()) {
    const refused = await call('POST', '/api/credentials', { name: 'Shop', ...secret, allowedHosts: ['http://no-host'] });
    expect(refused.status).toBe(400);
    const { status, body } = await call('POST', '/api/credentials', { name: 'Shop', ...secret, allowedHosts: [own] });
    expect(status).toBe(201);
    ids.push(body.id);

    calls.length = 0;
    const nodes = await run(body.id);
    const header = sentAs[index] ?? '';
    const value = [`Bearer ${marker}-bearer`, `Basic ${pair}`, `${marker}-header`][index];
    expect(nodes).toMatchObject({
      echo: { status: 'completed', output: { status: 200, body: { [header]: expect.stringContaining('***') } } },
      refused: { error: { code: 'http_status' } },
      away: { status: 'completed' },
      within: { status: 'completed' },
      foreign: { error: { code: 'credential_not_allowed' } },
    });
    expect(calls.map(({ host, path }) => `${host} ${path}`).sort()).toEqual(
      ['other /landed', 'own /away', 'own /echo', 'own /echo', 'own /refused', 'own /within'].sort(),
    );
    for (const one of calls) {
      if (one.host === 'own') expect(one.headers[header]).toBe(value);
      else expect(JSON.stringify(one.headers)).not.toMatch(new RegExp(traces.join('|')));
    }
  }
  await call('GET', '/api/audit');
  for (const id of ids) expect((await call('DELETE', `/api/credentials/${id}`)).status).toBe(204);
  const gone = await call('DELETE', `/api/credentials/${ids[0]}`);
  expect(gone.status).toBe(404);

  const stores = { command: await dumpStore(services.commandUrl), query: await dumpStore(services.queryUrl) };
  // The search would find it.
  expect(stores.command).toContain(ids[0]);
  expect(stores.query).toContain('credential_not_allowed');
  expect(log.join('\n')).toContain('execution-worker | ');
  const found = Object.entries({ ...stores, log: log.join('\n'), answers: answers.join('\n') }).flatMap(([place, text]) =>
    traces.filter((trace) => text.includes(trace)).map((trace) => `${place} has ${trace}`),
  );
  expect(found).toEqual([]);
}, 120_000);
