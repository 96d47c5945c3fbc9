import { connect } from 'node:net';
import { limits } from '@sluice/contracts';
import { newId } from '@sluice/kernel';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
let port: number;
beforeAll(async () => {
  api = await commandApi();
  port = Number(new URL(await api.app.getUrl()).port);
});
afterAll(() => api.close());

const json = { 'content-type': 'application/json' };
const workflows = '/api/workflows';

async function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = json): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${workflows}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.admin}`, ...headers },
    body,
  });
  await response.text();
  return response.status;
}
const create = async (body: object): Promise<number> => (await api.call('POST', workflows, { key: api.admin, body })).status;

/** The status line's number of what is answered to these bytes; undefined: the connection ends without an answer. */
function raw(...parts: string[]): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    const end = () => {
      socket.destroy();
      resolve(answer === '' ? undefined : Number(answer.split(' ')[1]));
    };
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.includes('\r\n')) end();
    });
    socket.on('error', end).on('close', end);
    for (const part of parts) socket.write(part, 'latin1');
  });
}
const head = (...headers: string[]) =>
  ['POST /api/workflows HTTP/1.1', 'Host: x', `Authorization: Bearer ${api.admin}`, ...headers, '', ''].join('\r\n');

const nested = (levels: number) => `{"name":"x","settings":${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}}`;
const sized = (bytes: number) => `{"name":"x","description":"d"${' '.repeat(bytes - 30)}}`;
const node = { id: 'a', type: 'data.set', config: {} };
const edge = { source: 'a', target: 'b' };
const many = <T>(count: number, of: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => of(index));

describe('B-01: a body', () => {
  it('has 1 MiB at most, whether or not its length is told', async () => {
    expect(sized(limits.bodyBytes)).toHaveLength(limits.bodyBytes);
    expect(await post(sized(limits.bodyBytes))).toBe(201);
    expect(await post(sized(limits.bodyBytes + 1))).toBe(413);
    const chunk = 'x'.repeat(0x8000);
    const chunks = many(limits.bodyBytes / 0x8000 + 1, () => `8000\r\n${chunk}\r\n`);
    expect(await raw(head('Content-Type: application/json', 'Transfer-Encoding: chunked'), ...chunks)).toBe(413); // never ends
  });

  it('is refused by the length it tells, and does not outgrow it', async () => {
    expect(await raw(head('Content-Type: application/json', `Content-Length: ${10 * limits.bodyBytes}`))).toBe(413);
    expect(await raw(head('Content-Type: application/json', 'Content-Length: 2'), '{"name":"longer than told"}')).toBe(400);
  });
});

it('B-02: a body is nested 64 levels deep at most', async () => {
  expect(await post(nested(limits.bodyDepth - 1))).toBe(201);
  expect(await post(nested(limits.bodyDepth))).toBe(400);
  expect(await post(`{"name":"x","settings":${'['.repeat(100_000)}`)).toBe(400);
});

it('B-03: names of prototypes are refused, wherever they stand, and change nothing', async () => {
  expect(await post('{"name":"x","__proto__":{"polluted":1}}')).toBe(400);
  expect(await post('{"name":"x","settings":{"constructor":{"prototype":{"polluted":1}}}}')).toBe(400);
  expect(await post('{"name":"x","nodes":[{"id":"__proto__","type":"data.set","config":{"__proto__":{"polluted":1}}}]}')).toBe(400);
  expect((await api.call('POST', `${workflows}/__proto__/publish`, { key: api.admin })).status).toBe(400);
  expect((await api.call('POST', `${workflows}?__proto__[polluted]=1`, { key: api.admin, body: { name: 'x' } })).status).toBe(201);
  expect('polluted' in {}).toBe(false);
});

it.each(['"\\u0000"', '"\\ud800"', '{"\\u0000":1}'])('B-04: what cannot be kept is refused: %s', async (value) =>
  expect(await post(`{"name":"x","settings":{"a":${value}}}`)).toBe(400),
);

it.each([
  ['application/json; charset=utf-7', '{"name":"x"}', 415],
  ['application/json; charset=utf-16', '{"name":"x"}', 415],
  ['multipart/form-data; boundary=x', '--x--', 415],
  ['application/x-www-form-urlencoded', 'name=x', 415],
  ['text/plain', '{"name":"x"}', 415],
])('B-05: a body is JSON in UTF-8 or refused: %s', async (type, body, status) =>
  expect(await post(body, { 'content-type': type })).toBe(status),
);

it.each([
  ['application/xml', '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><name>&a;</name>'],
  ['text/xml; charset=utf-8', '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><name>&b;</name>'],
  ['application/yaml', 'name: &a [x]\nsettings: [*a, *a]'],
])('B-20: nothing reads XML or YAML: %s', async (type, body) => {
  expect(await post(body, { 'content-type': type })).toBe(415);
  expect(await post(body)).toBe(400);
});

it('B-05: invalid UTF-8 and compressed bodies are refused', async () => {
  expect(await post(new Uint8Array([0x7b, 0xff, 0x7d]))).toBe(400);
  for (const encoding of ['gzip', 'deflate', 'br']) expect(await post('{"name":"x"}', { ...json, 'content-encoding': encoding })).toBe(415);
});

it('B-06: headers are refused by size, number and shape', async () => {
  const request = (...headers: string[]) => raw(head('Content-Type: application/json', 'Content-Length: 12', ...headers), '{"name":"x"}');
  expect(await request('X-A: fine')).toBe(201);
  expect(await request(...many(limits.headers - 6, (index) => `X-${index}: 1`))).toBe(201);
  expect(await request(...many(limits.headers, (index) => `X-${index}: 1`))).toBe(400);
  expect(await request(`X-A: ${'a'.repeat(4 * limits.headerBytes)}`)).toBe(431);
  expect(await request('X-A: a\0b')).toBe(400);
  expect(await request('X-A: a\rX-B: b')).toBe(400);
  expect(await request('Transfer-Encoding: chunked')).toBe(400); // with a Content-Length: whose end is it?
});

it.each([
  ['..%2f..%2fetc%2fpasswd', 400],
  ['%00', 400],
  ['%c0%af', 400],
  ['1%27%3B%20DROP%20TABLE%20workflows', 400],
  ['x'.repeat(limits.pathPartCharacters), 400],
  ['x'.repeat(limits.pathPartCharacters + 1), 414],
])('B-07: %.40s is no id', async (id, status) =>
  expect(await raw(head('Content-Length: 0').replace(' /api/workflows ', ` /api/workflows/${id}/publish `))).toBe(status),
);

it('B-08: ids are texts', async () => {
  const body = { name: 'x', workflowId: newId(), nodeId: 'a', provider: 'instagram' };
  for (const wrong of [[newId()], { $gt: '' }, 1, null, true]) {
    const answer = await api.call('POST', '/api/webhooks', { key: api.admin, body: { ...body, workflowId: wrong } });
    expect([answer.status, answer.body.errors.map(({ path }: { path: string }) => path)]).toEqual([400, ['workflowId']]);
  }
});

it.each([
  [
    'a cycle',
    [
      ['start', 'a'],
      ['a', 'b'],
      ['b', 'a'],
    ],
  ],
  [
    'an edge to itself',
    [
      ['start', 'a'],
      ['a', 'b'],
      ['b', 'b'],
    ],
  ],
  [
    'an edge to nowhere',
    [
      ['start', 'a'],
      ['a', 'b'],
      ['b', 'c'],
    ],
  ],
  ['a node that nothing leads to', [['start', 'a']]],
])('B-09: a graph with %s is a draft, and not published', async (_, pairs) => {
  const start = { id: 'start', type: 'trigger.manual', config: {} };
  const nodes = [start, ...['a', 'b'].map((id) => ({ ...node, id, config: { values: {} } }))];
  const edges = pairs.map(([source, target]) => ({ source, target }));
  const { body } = await api.call('POST', workflows, { key: api.admin, body: { name: 'x', nodes, edges } });
  expect((await api.call('POST', `${workflows}/${body.id}/publish`, { key: api.admin })).status).toBe(422);
});

it.each([
  ['nodes', limits.nodes, (count: number) => ({ nodes: many(count, (index) => ({ ...node, id: `n${index}` })) })],
  ['edges', limits.edges, (count: number) => ({ edges: many(count, (index) => ({ source: 'a', target: `n${index}` })) })],
  ['tags', limits.tags, (count: number) => ({ tags: many(count, (index) => `t${index}`) })],
  ['characters of a tag', limits.tagCharacters, (count: number) => ({ tags: ['t'.repeat(count)] })],
  ['characters of a name', limits.nameCharacters, (count: number) => ({ name: 'n'.repeat(count) })],
  ['characters of a description', limits.descriptionCharacters, (count: number) => ({ description: 'd'.repeat(count) })],
  ['characters of a node’s id', limits.nodeIdCharacters, (count: number) => ({ nodes: [{ ...node, id: 'i'.repeat(count) }] })],
  ['characters of a node’s name', limits.nameCharacters, (count: number) => ({ nodes: [{ ...node, name: 'n'.repeat(count) }] })],
  ['characters of a node’s type', limits.nodeTypeCharacters, (count: number) => ({ nodes: [{ ...node, type: 't'.repeat(count) }] })],
  ['characters of an edge’s id', limits.edgeIdCharacters, (count: number) => ({ edges: [{ ...edge, id: 'e'.repeat(count) }] })],
])('B-10: a workflow has so many %s and not one more (%d)', async (_, most, having) => {
  expect(await create({ name: 'x', ...having(most) })).toBe(201);
  expect(await create({ name: 'x', ...having(most + 1) })).toBe(400);
});

it('B-10: a webhook’s filter and action types, and a channel’s secrets, have their limits too', async () => {
  const registration = { name: 'x', workflowId: newId(), nodeId: 'a', provider: 'instagram' };
  const webhook = (config: object) => api.call('POST', '/api/webhooks', { key: api.admin, body: { ...registration, config } });
  expect((await webhook({ filter: 'a'.repeat(limits.webhookFilterCharacters) })).status).toBe(404); // read, and there is no such workflow
  expect((await webhook({ filter: 'a'.repeat(limits.webhookFilterCharacters + 1) })).status).toBe(400);
  expect((await webhook({ actionTypes: many(limits.webhookActionTypes + 1, (index) => `a${index}`) })).status).toBe(400);
  const secrets = (count: number) => ({ signingSecrets: many(count, (index) => `0123456789abcdef${index}`) });
  const channel = (count: number) =>
    api.call('POST', '/api/channels', { key: api.admin, body: { provider: 'instagram', name: 'x', credentials: secrets(count) } });
  expect([(await channel(limits.signingSecrets)).status, (await channel(limits.signingSecrets + 1)).status]).toEqual([201, 400]);
});

it('B-18: a correlation id of the caller is kept only as a short token', async () => {
  const given = async (id: string) => {
    const answer = await api.call('POST', workflows, { key: api.admin, body: { name: 'x' }, headers: { 'x-correlation-id': id } });
    return answer.headers.get('x-correlation-id') === id;
  };
  expect(await given('c'.repeat(limits.correlationIdCharacters))).toBe(true);
  expect(await given('c'.repeat(limits.correlationIdCharacters + 1))).toBe(false);
  expect(await given('{"level":60,"msg":"forged"}')).toBe(false);
});
