import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { OutboundRequest } from '@sluice/nodes';
import type { Refusal } from './address-guard.js';
import { OutboundHttp, type OutboundHttpOptions } from './outbound-http.js';

// 127.0.0.2 plays the internet (the operator allows it), 127.0.0.1 is the private network behind us, where nothing may arrive.
const INTERNET = '127.0.0.2';
const INSIDE = '127.0.0.1';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function listen(server: Server, address: string): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return port;
}

/** An HTTP target on the internet. */
async function target(handler: (request: IncomingMessage, response: ServerResponse, body: string) => void) {
  const requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      handler(request, response, body);
    });
  });
  const port = await listen(server, INTERNET);
  return { url: `http://${INTERNET}:${port}`, port, requests };
}

/** A target that speaks on the bare socket. */
async function rawTarget(handler: (socket: Socket) => void) {
  return listen(
    createTcpServer((socket) => void handler(socket)),
    INTERNET,
  );
}

/** The listener at the private address: it counts who arrives. */
async function inside() {
  let connections = 0;
  const port = await listen(
    createTcpServer((socket) => {
      connections += 1;
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret');
    }),
    INSIDE,
  );
  return { port, connections: () => connections };
}

function outbound(options: Partial<OutboundHttpOptions> = {}) {
  const http = new OutboundHttp({ allow: [INTERNET], ...options });
  cleanups.push(() => http.close());
  const send = (url: string, rest: Partial<OutboundRequest & { timeoutMs: number; signal: AbortSignal }> = {}) =>
    http.send({ tenantId: 'a', method: 'GET', url, headers: {}, timeoutMs: 5_000, signal: new AbortController().signal, ...rest });
  return { send };
}

const REFUSED = {
  name: 'NodeFailure',
  code: 'outbound_refused',
  message: 'The address is not allowed for outgoing calls',
  options: { retryable: false },
};

const privateLiterals = `
  127.0.0.1 127.1 0 0.0.0.0 2130706433 0x7f.1 0x7f000001 017700000001 127.0.0.1. [::] [::1] [::ffff:127.0.0.1]
  [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2001:0:7f00:1::] [fe80::1] [fc00::1]
  [fd00::1] [ff02::1] 169.254.169.254 [fd00:ec2::254] 100.64.0.1 10.0.0.1 172.16.0.1 192.168.0.1 192.0.0.192 198.18.0.1
  224.0.0.1 255.255.255.255 203.0.113.1 [2001:db8::1] metadata.google.internal
`
  .trim()
  .split(/\s+/);

describe('an allowed target', () => {
  it('gets the request as it is and hands back status, headers and body', async () => {
    const { url, port, requests } = await target((_request, response) => {
      response.writeHead(201, { 'Content-Type': 'application/json', 'X-Trace': ['a', 'b'] }).end('{"ok":true}');
    });
    const answer = await outbound().send(`${url}/things?q=a%20b#part`, {
      method: 'post',
      headers: { 'Content-Type': 'application/json', Authorization: 'Bearer t' },
      body: '{"a":1}',
    });
    expect(answer).toMatchObject({ status: 201, headers: { 'content-type': 'application/json', 'x-trace': 'a, b' } });
    expect(answer.body.toString()).toBe('{"ok":true}');
    expect(requests).toEqual([
      {
        method: 'POST',
        url: '/things?q=a%20b',
        body: '{"a":1}',
        headers: expect.objectContaining({ host: `${INTERNET}:${port}`, authorization: 'Bearer t', 'user-agent': 'Sluice' }),
      },
    ]);
  });

  it.each([
    ['gzip', gzipSync('hällo')],
    ['deflate', deflateSync('hällo')],
    ['br', brotliCompressSync('hällo')],
  ])('may answer in %s', async (encoding, bytes) => {
    const { url } = await target((_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(bytes));
    const answer = await outbound().send(url);
    expect(answer.body.toString()).toBe('hällo');
    expect(answer.headers).not.toHaveProperty('content-encoding');
  });

  it('is reached by host name, by host and port, by address and by range', async () => {
    const { port } = await inside();
    const lookup = () => Promise.resolve([INSIDE]);
    for (const allow of ['crm.internal', `crm.internal:${port}`, INSIDE, '127.0.0.0/24']) {
      const answer = await outbound({ allow: [allow], lookup }).send(`http://crm.internal:${port}/`);
      expect(answer.body.toString()).toBe('secret');
    }
    await expect(
      outbound({ allow: ['other.internal', `crm.internal:${port + 1}`, '10.0.0.0/8'], lookup }).send(`http://crm.internal:${port}/`),
    ).rejects.toMatchObject(REFUSED);
  });

  it('keeps its name in Host and SNI although the socket goes to the checked address', async () => {
    const { port, requests } = await target((_request, response) => response.end());
    const lookup = () => Promise.resolve([INTERNET]);
    await outbound({ lookup }).send(`http://shop.test:${port}/`);
    expect(requests[0]?.headers.host).toBe(`shop.test:${port}`);

    let hello = '';
    const tlsPort = await rawTarget((socket) =>
      socket.once('data', (chunk) => {
        hello = chunk.toString('latin1');
        socket.destroy();
      }),
    );
    await expect(outbound({ lookup }).send(`https://shop.test:${tlsPort}/`)).rejects.toMatchObject({ code: 'outbound_unreachable' });
    expect(hello).toContain('shop.test');
  });
});

describe('S-01 private addresses in every spelling', () => {
  it.each(privateLiterals)('refuses http://%s and nothing arrives', async (host) => {
    const { port, connections } = await inside();
    const { send } = outbound();
    await expect(send(`http://${host}:${port}/`)).rejects.toMatchObject(REFUSED);
    await expect(send(`http://${host}:1/`)).rejects.toMatchObject(REFUSED);
    await expect(send(`https://${host}/`)).rejects.toMatchObject(REFUSED);
    expect(connections()).toBe(0);
  });

  it('tells the operator what was refused, and the caller nothing', async () => {
    const refusals: Refusal[] = [];
    const { send } = outbound({ onRefused: (refusal) => refusals.push(refusal) });
    const [open, closed] = await Promise.all([send('http://127.0.0.1:80/').catch(String), send('http://127.0.0.1:1/').catch(String)]);
    expect(open).toBe(closed);
    expect(refusals).toContainEqual({ hostname: INSIDE, port: 1, reason: 'address' });
  });
});

describe('S-02 names and spellings that lead inside', () => {
  it.each([
    'localhost',
    'LOCALHOST',
    'localhost.',
    'LocalHost.',
    '127.0.0.1.nip.io',
    'Inside.Example.COM.',
    '１２７.０.０.１',
    '①②⑦.0.0.1',
    '127。0。0。1',
    'ⓛocalhost',
  ])('refuses %s', async (host) => {
    const { port, connections } = await inside();
    await expect(outbound({ lookup: () => Promise.resolve([INSIDE]) }).send(`http://${host}:${port}/`)).rejects.toMatchObject(REFUSED);
    expect(connections()).toBe(0);
  });

  it('refuses localhost as the system resolves it', async () => {
    const { port, connections } = await inside();
    await expect(outbound().send(`http://localhost:${port}/`)).rejects.toMatchObject(REFUSED);
    expect(connections()).toBe(0);
  });

  it.each([
    `http://ok@${INTERNET}/`,
    `http://ok:pw@${INSIDE}/`,
    `http://${INTERNET}\\@${INSIDE}/`,
    `http:\\\\${INSIDE}/`,
    `http://127.0\t.0.1/`,
    `http://${INSIDE}\r\n/`,
    '//127.0.0.1/',
    '127.0.0.1',
    '',
    'http://[fe80::1%25eth0]/',
    'http://',
    'http://a b/',
  ])('refuses the trick %j', async (url) => {
    await expect(outbound().send(url)).rejects.toMatchObject(REFUSED);
  });
});

describe('S-03 names that change their mind', () => {
  it('resolves once per socket and connects to the answer it checked', async () => {
    const private_ = await inside();
    const { port, requests } = await target((_request, response) => response.writeHead(200, { connection: 'close' }).end());
    const answers = [[INTERNET], [INSIDE]];
    const { send } = outbound({ lookup: () => Promise.resolve(answers.shift() ?? []) });
    await send(`http://rebind.test:${port}/`);
    expect(answers).toEqual([[INSIDE]]);
    await expect(send(`http://rebind.test:${port}/`)).rejects.toMatchObject(REFUSED);
    expect(requests).toHaveLength(1);
    expect(private_.connections()).toBe(0);
  });

  it.each([[[INTERNET, INSIDE]], [[INSIDE, INTERNET]], [[INTERNET, '::1']]])(
    'refuses a set with one private address: %j',
    async (answers) => {
      const { port, requests } = await target((_request, response) => response.end());
      await expect(outbound({ lookup: () => Promise.resolve(answers) }).send(`http://mixed.test:${port}/`)).rejects.toMatchObject(REFUSED);
      expect(requests).toHaveLength(0);
    },
  );

  it('asks again for the host of a redirect', async () => {
    const private_ = await inside();
    const { port } = await target((_request, response) =>
      response.writeHead(302, { location: `http://rebind.test:${private_.port}/` }).end(),
    );
    const answers = [[INTERNET], [INSIDE]];
    await expect(
      outbound({ lookup: () => Promise.resolve(answers.shift() ?? []) }).send(`http://rebind.test:${port}/`),
    ).rejects.toMatchObject(REFUSED);
    expect(answers).toEqual([]);
    expect(private_.connections()).toBe(0);
  });

  it('keeps a warm connection on the address it was checked for, and lends it to no other host', async () => {
    const { port, requests } = await target((_request, response) => response.end('ok'));
    let answer = INTERNET;
    const { send } = outbound({ lookup: () => Promise.resolve([answer]) });
    await send(`http://warm.test:${port}/`);
    answer = INSIDE;
    await new Promise((resolve) => setImmediate(resolve)); // the connection goes back to the pool
    await send(`http://warm.test:${port}/`);
    await expect(send(`http://other.test:${port}/`)).rejects.toMatchObject(REFUSED);
    expect(requests).toHaveLength(2);
  });
});

describe('S-04 redirects that lead inside', () => {
  it.each(privateLiterals)('refuses a redirect to %s', async (host) => {
    const { port, connections } = await inside();
    const { url } = await target((_request, response) => response.writeHead(307, { location: `http://${host}:${port}/` }).end());
    await expect(outbound().send(url)).rejects.toMatchObject(REFUSED);
    expect(connections()).toBe(0);
  });

  it.each([
    'file:///etc/passwd',
    'gopher://127.0.0.1:6379/_FLUSHALL',
    'ftp://127.0.0.1/',
    'data:text/plain,hi',
    'javascript:1',
    'http://127.0.0.1:6379/',
    'http://127.0.0.1:5432/',
    'http://127.0.0.1:22/',
    'http://93.184.215.14:6379/',
    'http://93.184.215.14:22/',
    '//127.0.0.1/',
    'http://ok@127.0.0.2/',
    'http://[',
  ])('refuses a redirect to %s', async (location) => {
    const { url } = await target((_request, response) => response.writeHead(302, { location }).end());
    await expect(outbound().send(url)).rejects.toMatchObject(REFUSED);
  });
});

describe('S-05 proxies from the environment', () => {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy', 'NODE_USE_ENV_PROXY'];
  const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));
  afterEach(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('play no part', async () => {
    const proxy = await inside();
    for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://${INSIDE}:${proxy.port}`;
    const { url, requests } = await target((_request, response) => response.end());
    await outbound().send(url);
    expect(requests).toHaveLength(1);
    expect(proxy.connections()).toBe(0);
  });
});

describe('S-06 anything but plain HTTP', () => {
  it.each([
    'ws://127.0.0.2/',
    'wss://127.0.0.2/',
    'unix:/var/run/docker.sock',
    'http+unix://%2Fvar%2Frun%2Fdocker.sock/',
    'ftp://127.0.0.2/',
  ])('refuses %s', async (url) => {
    await expect(outbound().send(url)).rejects.toMatchObject(REFUSED);
  });

  it('refuses CONNECT, TRACE and headers that belong to the connection', async () => {
    const { url, requests } = await target((_request, response) => response.end());
    const { send } = outbound();
    const invalid = { code: 'invalid_request', options: { retryable: false } };
    await expect(send(url, { method: 'CONNECT' })).rejects.toMatchObject(invalid);
    await expect(send(url, { method: 'TRACE' })).rejects.toMatchObject(invalid);
    for (const name of ['Host', 'Upgrade', 'Connection', 'Transfer-Encoding', 'Content-Length', 'Expect']) {
      await expect(send(url, { headers: { [name]: 'x' } })).rejects.toMatchObject(invalid);
    }
    expect(requests).toHaveLength(0);
  });

  it.each(['a\r\nX-Smuggled: 1', 'a\nb', 'a\0b', 'emoji 🙂'])('refuses the header value %j', async (value) => {
    const { url, requests } = await target((_request, response) => response.end());
    await expect(outbound().send(url, { headers: { 'x-note': value } })).rejects.toMatchObject({ code: 'invalid_request' });
    expect(requests).toHaveLength(0);
  });
});

describe('N-01 a target that never answers', () => {
  it('is cut at the deadline, with an unknown outcome and a closed socket', async () => {
    let closed = false;
    const port = await rawTarget((socket) => socket.resume().on('close', () => (closed = true)));
    await expect(outbound().send(`http://${INTERNET}:${port}/`, { method: 'POST', body: 'x', timeoutMs: 150 })).rejects.toMatchObject({
      code: 'outbound_timeout',
      options: { retryable: true, outcomeUnknown: true },
    });
    await until(() => closed);
  });

  it('has a known outcome while there is no connection yet', async () => {
    await expect(
      outbound({ lookup: () => new Promise(() => undefined) }).send('http://slow-dns.test/', { timeoutMs: 100 }),
    ).rejects.toMatchObject({
      code: 'outbound_timeout',
      options: { retryable: true, outcomeUnknown: false },
    });
  });

  it('lets go when the caller does', async () => {
    const port = await rawTarget((socket) => void socket.resume());
    const controller = new AbortController();
    const call = outbound().send(`http://${INTERNET}:${port}/`, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(call).rejects.toMatchObject({ code: 'outbound_connection_lost', options: { outcomeUnknown: true } });
  });
});

describe('N-02 answers without end', () => {
  it('cuts a body that drips at the deadline', async () => {
    const { url } = await target((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    });
    await expect(outbound().send(url, { timeoutMs: 200 })).rejects.toMatchObject({ code: 'outbound_timeout' });
  });

  it('cuts an endless body at the limit', async () => {
    let written = 0;
    const { url } = await target((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024))) written += 64 * 1024;
      };
      response.writeHead(200).on('drain', more);
      more();
    });
    await expect(outbound({ maxResponseBytes: 100_000 }).send(url)).rejects.toMatchObject({
      code: 'response_too_large',
      options: { retryable: false, outcomeUnknown: true },
    });
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  it('keeps to the limit that the request names instead, above its own and below it', async () => {
    const { url } = await target((_request, response) => response.writeHead(200).end(Buffer.alloc(200_000)));
    const { send } = outbound({ maxResponseBytes: 100_000 });
    expect((await send(url, { maxResponseBytes: 200_000 })).body).toHaveLength(200_000);
    await expect(send(url, { maxResponseBytes: 199_999 })).rejects.toMatchObject({
      code: 'response_too_large',
      message: 'The response is over the limit of 199999 bytes',
    });
    await expect(send(url)).rejects.toMatchObject({ message: 'The response is over the limit of 100000 bytes' });
  });

  it('takes no more than 8 MiB, however much a request asks for', async () => {
    const { url } = await target((_request, response) => response.writeHead(200, { 'content-length': 8 * 1024 * 1024 + 1 }).write('x'));
    await expect(outbound().send(url, { maxResponseBytes: 1024 ** 3 })).rejects.toMatchObject({
      message: 'The response is over the limit of 8388608 bytes',
    });
  });

  it('counts the named limit after decompression', async () => {
    const { url } = await target((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(3 * 1024 * 1024)));
    });
    expect((await outbound().send(url, { maxResponseBytes: 4 * 1024 * 1024 })).body).toHaveLength(3 * 1024 * 1024);
    await expect(outbound().send(url, { maxResponseBytes: 2 * 1024 * 1024 })).rejects.toMatchObject({ code: 'response_too_large' });
  });

  it('believes a Content-Length over the limit and does not wait for the bytes', async () => {
    const { url } = await target((_request, response) => response.writeHead(200, { 'content-length': '10000000000' }).write('x'));
    await expect(outbound().send(url)).rejects.toMatchObject({ code: 'response_too_large' });
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('counts the limit after decompression: %s bomb', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(20 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    const { url } = await target((_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(bomb));
    await expect(outbound({ maxResponseBytes: 100_000 }).send(url)).rejects.toMatchObject({ code: 'response_too_large' });
  });

  it.each(['gzip', 'zstd', 'gzip, gzip'])('refuses a body that is not what it claims: %s', async (encoding) => {
    const { url } = await target((_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end('plain'));
    await expect(outbound().send(url)).rejects.toMatchObject({ code: 'invalid_response', options: { retryable: false } });
  });

  it('cuts a flood of headers', async () => {
    const port = await rawTarget((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const more = () => {
        while (socket.writable && socket.write(`x-flood: ${'y'.repeat(1_000)}\r\n`));
      };
      socket.on('drain', more);
      more();
    });
    await expect(outbound().send(`http://${INTERNET}:${port}/`)).rejects.toMatchObject({ code: 'response_too_large' });
  });

  it('sends no body and no headers over their limits', async () => {
    const { url, requests } = await target((_request, response) => response.end());
    const { send } = outbound({ maxRequestBytes: 10 });
    await expect(send(url, { method: 'POST', body: 'ä'.repeat(6) })).rejects.toMatchObject({
      code: 'request_too_large',
      options: { retryable: false },
    });
    await expect(send(url, { headers: { 'x-long': 'y'.repeat(20_000) } })).rejects.toMatchObject({ code: 'invalid_request' });
    expect(requests).toHaveLength(0);
  });
});

describe('N-03 connections that break', () => {
  it('knows the outcome when no connection was made', async () => {
    const port = await rawTarget(() => undefined);
    await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
    await expect(outbound().send(`http://${INTERNET}:${port}/`)).rejects.toMatchObject({
      code: 'outbound_unreachable',
      options: { retryable: true, details: { reason: 'ECONNREFUSED' } },
    });
  });

  it('knows the outcome when the name does not resolve', async () => {
    const lookup = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    const error = await outbound({ lookup })
      .send('http://nowhere.test/')
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'outbound_unreachable', options: { retryable: true } });
    expect(error).not.toMatchObject({ options: { outcomeUnknown: true } });
  });

  it.each([
    ['a reset before the answer', (socket: Socket) => void socket.once('data', () => socket.resetAndDestroy())],
    ['an early FIN', (socket: Socket) => void socket.once('data', () => socket.end())],
    [
      'a reset in the middle of the body',
      (socket: Socket) =>
        void socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => socket.resetAndDestroy())),
    ],
    [
      'a FIN in the middle of the body',
      (socket: Socket) => void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')),
    ],
    [
      'a FIN in the middle of a chunk',
      (socket: Socket) => void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\nhalf')),
    ],
  ])('does not know it after %s', async (_what, handler) => {
    const port = await rawTarget(handler);
    await expect(outbound().send(`http://${INTERNET}:${port}/`, { method: 'POST', body: 'x' })).rejects.toMatchObject({
      code: 'outbound_connection_lost',
      options: { retryable: true, outcomeUnknown: true },
    });
  });

  it('gives up on a target that speaks no TLS, or no HTTP', async () => {
    const port = await rawTarget((socket) => void socket.once('data', () => socket.end('garbage garbage garbage')));
    await expect(outbound().send(`https://${INTERNET}:${port}/`)).rejects.toMatchObject({
      code: 'outbound_tls',
      options: { retryable: false },
    });
    await expect(outbound().send(`http://${INTERNET}:${port}/`)).rejects.toMatchObject({
      code: 'invalid_response',
      options: { retryable: false, outcomeUnknown: true },
    });
  });
});

describe('N-06 chains of redirects', () => {
  const chain = () =>
    target((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('arrived');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });

  it.each([1, 2, 5])('follows %i', async (length) => {
    const { url } = await chain();
    expect((await outbound().send(`${url}/${length}`)).body.toString()).toBe('arrived');
  });

  it.each([6, 20])('stops %i at five', async (length) => {
    const { url, requests } = await chain();
    await expect(outbound().send(`${url}/${length}`)).rejects.toMatchObject({ code: 'too_many_redirects', options: { retryable: false } });
    expect(requests).toHaveLength(6);
  });

  it('stops a loop', async () => {
    const { url, requests } = await target((_request, response) => response.writeHead(301, { location: '/' }).end());
    await expect(outbound().send(url)).rejects.toMatchObject({ code: 'too_many_redirects' });
    expect(requests).toHaveLength(6);
  });

  it('turns the POST of a 301 into a GET and drops credentials at the next origin', async () => {
    const end = await target((_request, response) => response.end('arrived'));
    const { url } = await target((_request, response) => response.writeHead(301, { location: end.url }).end());
    await outbound().send(url, {
      method: 'POST',
      body: 'secret',
      headers: { Authorization: 'Bearer t', Cookie: 'a=1', 'X-Api-Key': 'k', Accept: 'text/plain' },
    });
    expect(end.requests).toMatchObject([{ method: 'GET', body: '', headers: { accept: 'text/plain' } }]);
    for (const name of ['authorization', 'cookie', 'x-api-key']) expect(end.requests[0]?.headers).not.toHaveProperty(name);
  });

  it('hands back a 3xx that leads nowhere', async () => {
    const { url } = await target((_request, response) => response.writeHead(304).end());
    expect((await outbound().send(url)).status).toBe(304);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
