import type { JsonObject } from '@sluice/kernel';
import { httpRequest } from './http-request.js';
import { type EffectTools, type HttpCredential, NodeFailure, type OutboundRequest } from './node-type.js';

const now = new Date('2026-06-01T12:00:00Z');

/** Runs the node against a target that gives this answer, and hands back what it was sent. */
async function call(
  config: JsonObject,
  answer: { status?: number; headers?: Record<string, string>; body?: string | Buffer } = {},
  credential?: HttpCredential,
) {
  const requests: OutboundRequest[] = [];
  const tools: EffectTools = {
    writeState: () => Promise.reject(new Error('no state here')),
    idempotencyKey: 'key-1',
    signal: new AbortController().signal,
    send: (request) => {
      requests.push(request);
      return Promise.resolve({ status: answer.status ?? 200, headers: answer.headers ?? {}, body: Buffer.from(answer.body ?? '') });
    },
    channel: () => Promise.reject(new Error('no channel')),
    pace: () => Promise.reject(new Error('no channel')),
    replyToken: () => undefined,
    lastMessageAt: () => Promise.reject(new Error('no channel')),
    credential: () => (credential === undefined ? Promise.reject(new Error('no credential')) : Promise.resolve(credential)),
    providerApi: () => '',
  };
  const url = 'https://api.example.com/orders';
  const outcome = await httpRequest
    .run({ config: { url, ...config }, input: null, trigger: null, now, evaluate: () => undefined }, tools)
    .catch((error: unknown) => error);
  return { outcome, requests, request: requests[0] };
}

const json = { 'content-type': 'application/json; charset=utf-8' };

describe('http.request', () => {
  it('asks with GET and puts out status, headers and the parsed answer', async () => {
    const { outcome, request } = await call({}, { headers: json, body: '{"orders":[1]}' });
    expect(request).toEqual({ method: 'GET', url: 'https://api.example.com/orders', headers: { 'idempotency-key': 'key-1' } });
    expect(outcome).toEqual({ kind: 'done', handle: 'out', output: { status: 200, headers: json, body: { orders: [1] } } });
  });

  it('does not round the ids in an answer: what no number can hold is a text', async () => {
    const body = '{"id":9007199254740993,"total":12.5,"items":[{"id":-12345678901234567890},{"id":42}]}';
    const { outcome } = await call({}, { headers: json, body });
    expect(outcome).toMatchObject({
      output: { body: { id: '9007199254740993', total: 12.5, items: [{ id: '-12345678901234567890' }, { id: 42 }] } },
    });
  });

  it('sends a body as JSON, a text as it is', async () => {
    expect((await call({ method: 'POST', body: { a: [1, null] } })).request).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"a":[1,null]}',
    });
    expect(
      (await call({ method: 'PUT', body: 'a=1', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })).request,
    ).toMatchObject({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a=1',
    });
    expect((await call({ method: 'POST', body: null })).request).toMatchObject({ body: 'null' });
  });

  it('adds the query to the URL', async () => {
    const query = { page: 2, tag: ['new', 'a&b'], empty: null, exact: true };
    expect((await call({ url: 'https://api.example.com/o?x=1', query })).request?.url).toBe(
      'https://api.example.com/o?x=1&page=2&tag=new&tag=a%26b&exact=true',
    );
  });

  it('carries the same key on every attempt, whatever the author wrote', async () => {
    const { request } = await call({ headers: { 'Idempotency-Key': 'mine', 'X-Count': 3, 'X-None': null } });
    expect(request?.headers).toEqual({ 'idempotency-key': 'key-1', 'x-count': '3' });
  });

  it.each([
    ['text/plain', 'hello', 'hello'],
    ['application/json', '{"a":', '{"a":'],
    ['application/json', '', null],
    ['application/problem+json', '{"a":1}', { a: 1 }],
    ['text/plain; charset=iso-8859-1', Buffer.from([0x68, 0xe4]), 'hä'],
    ['text/plain; charset=nonsense', 'ok', 'ok'],
    ['application/jsonish', '{}', '{}'],
  ])('reads an answer of type %s', async (type, body, read) => {
    expect((await call({}, { headers: { 'content-type': type }, body })).outcome).toMatchObject({ output: { body: read } });
  });

  it.each([201, 204, 304])('takes %i for success', async (status) => {
    expect((await call({}, { status })).outcome).toMatchObject({ kind: 'done', output: { status } });
  });

  it.each([
    [400, false, false],
    [401, false, false],
    [404, false, false],
    [409, false, false],
    [422, false, false],
    [408, true, false],
    [425, true, false],
    [429, true, false],
    [503, true, false],
    [500, true, true],
    [502, true, true],
    [504, true, true],
  ])('answers %i: retryable %s, outcome unknown %s', async (status, retryable, outcomeUnknown) => {
    const { outcome } = await call({}, { status, body: 'sorry' });
    expect(outcome).toBeInstanceOf(NodeFailure);
    expect(outcome).toMatchObject({ code: 'http_status', options: { retryable, outcomeUnknown, details: { status, body: 'sorry' } } });
  });

  it('takes the statuses for success that the author expects', async () => {
    const { outcome } = await call(
      { expectStatuses: [404, 503], retryStatuses: [404] },
      { status: 404, headers: json, body: '{"gone":true}' },
    );
    expect(outcome).toMatchObject({ kind: 'done', handle: 'out', output: { status: 404, body: { gone: true } } });
    expect((await call({ expectStatuses: [404] }, { status: 410 })).outcome).toMatchObject({ code: 'http_status' });
  });

  it.each([409, 423, 202, 301])('tries again what the author names: %i', async (status) => {
    const { outcome } = await call({ retryStatuses: [status] }, { status, headers: { 'retry-after': '7' } });
    expect(outcome).toMatchObject({ code: 'http_status', options: { retryable: true, retryAfterMs: 7_000, outcomeUnknown: false } });
  });

  it.each<[string, object, object]>([
    ['json', { headers: { 'content-type': 'text/plain' }, body: '{"a":1}' }, { body: { a: 1 } }],
    ['json', { status: 204 }, { body: null }],
    ['json', { body: 'null' }, { body: null }],
    ['text', { headers: json, body: '{"a":1}' }, { body: '{"a":1}' }],
    ['binary', { headers: { 'content-type': 'image/png' }, body: Buffer.from([0xff, 0, 1]) }, { body: '/wAB', contentType: 'image/png' }],
    ['binary', {}, { body: '', contentType: 'application/octet-stream' }],
    ['auto', { headers: json, body: '{"a":1}' }, { body: { a: 1 } }],
  ])('reads an answer as the author wants it: %s (%#)', async (responseType, answer, output) => {
    expect((await call({ responseType }, answer)).outcome).toMatchObject({ kind: 'done', output });
  });

  it('fails for an answer that is not the JSON it must be', async () => {
    expect((await call({ responseType: 'json' }, { body: '<html>' })).outcome).toMatchObject({
      code: 'invalid_response',
      message: 'The target answered 200 with something that is not JSON',
      options: { retryable: false, details: { status: 200, body: '<html>' } },
    });
  });

  it('sends a form, and bytes, as what they are', async () => {
    expect((await call({ method: 'POST', bodyType: 'form', body: { a: [1, 2] } })).request).toMatchObject({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a=1&a=2',
    });
    expect((await call({ method: 'PUT', bodyType: 'binary', contentType: 'image/png', body: '/wAB' })).request).toMatchObject({
      headers: { 'content-type': 'image/png' },
      body: Buffer.from([0xff, 0, 1]),
    });
    const own = { bodyType: 'binary', contentType: 'image/png', headers: { 'Content-Type': 'image/gif' }, body: '/wAB' };
    expect((await call({ method: 'PUT', ...own })).request).toMatchObject({ headers: { 'content-type': 'image/gif' } });
  });

  it('N-02: hands its limit on, and keeps to it', async () => {
    const { outcome, request } = await call({ maxResponseBytes: 100 }, { body: 'x'.repeat(101) });
    expect(request).toMatchObject({ maxResponseBytes: 100 });
    expect(outcome).toMatchObject({ code: 'response_too_large', message: 'The response is over the limit of 100 bytes' });
    expect((await call({ maxResponseBytes: 100 }, { body: 'x'.repeat(100) })).outcome).toMatchObject({ kind: 'done' });
  });

  it('waits as long as the target asks, if it asks for something sensible', async () => {
    expect((await call({}, { status: 429, headers: { 'retry-after': '7' } })).outcome).toMatchObject({ options: { retryAfterMs: 7_000 } });
    expect((await call({}, { status: 429, headers: { 'retry-after': '-7' } })).outcome).not.toHaveProperty('options.retryAfterMs');
    expect((await call({}, { status: 404, headers: { 'retry-after': '7' } })).outcome).not.toHaveProperty('options.retryAfterMs');
  });

  it('keeps only the beginning of a long complaint', async () => {
    const { outcome } = await call({}, { status: 400, body: 'x'.repeat(100_000) });
    expect(JSON.stringify(outcome).length).toBeLessThan(3_000);
  });

  it.each<JsonObject>([
    { headers: { 'x-a': 'a\r\nx-b: b' } },
    { headers: { 'x-a': { b: 1 } } },
    { headers: 'x-a: b' },
    { query: { a: { b: 1 } } },
    { url: null },
    { url: 'file:///etc/passwd' },
    { url: '/orders' },
    { method: 'CONNECT' },
    { method: 'POST', body: 'x'.repeat(1_048_577) },
    { bodyType: 'xml', body: 'x' },
    { responseType: 'xml' },
    { maxResponseBytes: 0 },
    { maxResponseBytes: 8 * 1024 * 1024 + 1 },
    { expectStatuses: [199] },
    { retryStatuses: 'all' },
  ])('sends nothing when a template made nonsense of the config (%#)', async (config) => {
    const { outcome, requests } = await call(config);
    expect(outcome).toMatchObject({ code: 'config_invalid', options: { retryable: false } });
    expect(requests).toEqual([]);
  });
});

describe('http.request with a credential', () => {
  const id = '018f3b5e-0000-7000-8000-00000000000c';
  const bearer = { type: 'bearer', token: 'marker"secret' } as const;
  const basic = { type: 'basic', username: 'ada', password: 'marker/secret' } as const;
  const header = { type: 'header', headerName: 'X-Api-Key', value: 'marker-secret' } as const;
  const pair = Buffer.from('ada:marker/secret').toString('base64');
  const proven = (secret: HttpCredential['secret'], config: JsonObject = {}, answer = {}, allowedHosts = ['api.example.com']) =>
    call({ credential: id, ...config }, answer, { secret, allowedHosts });

  it.each<[HttpCredential['secret'], object]>([
    [bearer, { authorization: 'Bearer marker"secret' }],
    [basic, { authorization: `Basic ${pair}` }],
    [header, { 'x-api-key': 'marker-secret' }],
  ])('sends what the credential says, whatever the author wrote (%#)', async (secret, headers) => {
    const { request, outcome } = await proven(secret, { headers: { Authorization: 'mine', 'x-api-key': 'mine' } });
    expect(request?.headers).toMatchObject(headers);
    expect(outcome).toMatchObject({ kind: 'done' });
  });

  it.each([
    ['https://api.example.com/a', 'api.example.com', true],
    ['https://API.example.com:443/a', 'api.example.com', true],
    ['http://api.example.com/a', 'api.example.com', false],
    ['http://api.example.com:443/a', 'api.example.com', false],
    ['http://api.example.com/a', 'api.example.com:80', true],
    ['https://api.example.com:8443/a', 'api.example.com', false],
    ['https://api.example.com:8443/a', 'api.example.com:8443', true],
    ['https://api.example.com/a', 'example.com', false],
    ['https://api.example.com.evil.test/a', 'api.example.com', false],
    ['https://evil.test/?api.example.com', 'api.example.com', false],
    ['https://api.example.com@evil.test/', 'api.example.com', false],
    ['https://evil.test\\@api.example.com/', 'api.example.com', false],
  ])('T-18: to %s, allowed for %s: %s', async (url, allowed, goes) => {
    const { outcome, requests } = await proven(bearer, { url }, {}, [allowed]);
    expect(requests).toHaveLength(goes ? 1 : 0);
    if (!goes) expect(outcome).toMatchObject({ code: 'credential_not_allowed', options: { retryable: false } });
    expect(JSON.stringify(outcome)).not.toContain('marker');
  });

  it.each([bearer, basic, header])('T-18: blanks it in an answer that repeats it (%#)', async (secret) => {
    const texts = [
      ...Object.values(secret)
        .slice(1)
        .filter((text) => text.includes('marker')),
      pair,
    ];
    const told = { said: texts, [texts[0] ?? '']: texts.map(encodeURIComponent) };
    const headers = { ...json, 'x-echo': texts.join() };
    const outcomes = [
      await proven(secret, {}, { headers, body: JSON.stringify(told) }),
      await proven(secret, {}, { headers, body: `{"broken":${JSON.stringify(told)}` }),
      await proven(secret, {}, { status: 401, headers: json, body: JSON.stringify(told) }),
      await proven(secret, {}, { body: texts.map((text) => `${text} ${encodeURIComponent(text)}`).join() }),
      await proven(secret, { responseType: 'json' }, { body: `{"broken":${JSON.stringify(told)}` }),
      await proven(secret, { responseType: 'text' }, { headers, body: JSON.stringify(told) }),
    ];
    for (const { outcome } of outcomes) {
      expect(JSON.stringify({ outcome, options: Reflect.get(Object(outcome), 'options') })).not.toMatch(
        secret === basic ? `marker|${pair}` : 'marker',
      );
    }
    expect(outcomes[0]?.outcome).toMatchObject({ output: { headers: json } });
  });

  it('T-18: blanks it among bytes, and leaves the others as they are', async () => {
    const body = Buffer.concat([Buffer.from([0xff, 0]), Buffer.from('Bearer marker"secret'), Buffer.from([0xfe])]);
    const { outcome } = await proven(bearer, { responseType: 'binary' }, { body });
    const blanked = Buffer.concat([Buffer.from([0xff, 0]), Buffer.from('Bearer ***'), Buffer.from([0xfe])]);
    expect(outcome).toMatchObject({ output: { body: blanked.toString('base64') } });
  });
});
