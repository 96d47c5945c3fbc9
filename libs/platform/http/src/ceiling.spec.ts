import { connect, type Socket } from 'node:net';
import { eventually } from '@sluice/testing';
import { fastify, type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify';
import { keepCeiling, TooMuchInFlight } from './ceiling.js';

const bytesMax = 1024 * 1024;
let app: FastifyInstance;
let port: number;
const sockets: Socket[] = [];
beforeEach(async () => {
  app = fastify();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error: FastifyError, _request, reply) =>
    reply.status(error instanceof TooMuchInFlight ? 429 : (error.statusCode ?? 500)).send(),
  );
  keepCeiling(app, bytesMax);
  const bytesOf = ({ body }: FastifyRequest) => ({ bytes: Buffer.isBuffer(body) ? body.length : -1 });
  app.post('/', { bodyLimit: 4 * bytesMax }, bytesOf);
  app.post('/small', { bodyLimit: 64 * 1024 }, bytesOf);
  app.get('/', () => 'here');
  await app.listen({ port: 0, host: '127.0.0.1' });
  port = Number(new URL(app.listeningOrigin).port);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

const post = (bytes: number) => fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: new Uint8Array(bytes) });

/** Sends so much of a body that never ends. */
function hold(bytes: number): void {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-type: a/b\r\ncontent-length: ${bytesMax}\r\n\r\n`);
  socket.write(Buffer.alloc(bytes));
}

/** Sends a body whatever is answered meanwhile; resolves to what was answered. */
async function sendWhole(path: string, bytes: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: a/b\r\ncontent-length: ${bytes}\r\n\r\n`);
  socket.end(Buffer.alloc(bytes));
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

it('reads bodies whole while there is room, one after the other for ever', async () => {
  for (let n = 0; n < 20; n += 1) expect(await (await post(bytesMax / 2)).json()).toEqual({ bytes: bytesMax / 2 });
});

it('refuses a body that does not fit while it comes in', async () => {
  expect((await post(3 * bytesMax)).status).toBe(429);
  expect((await post(1_000)).status).toBe(200);
});

it('gives back also what comes in after a body was refused for its length', async () => {
  for (let n = 0; n < 50; n += 1) expect(await sendWhole('/small', 4 * bytesMax)).toMatch(/^HTTP\/1.1 413 /);
  await eventually(async () => expect((await post(1_000)).status).toBe(200));
});

it('refuses new bodies while others are held, but nothing that has none; and takes them when those are gone', async () => {
  for (let n = 0; n < 4; n += 1) hold(bytesMax / 4);
  await eventually(async () => expect((await post(1_000)).status).toBe(429));
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  for (const socket of sockets) socket.destroy();
  await eventually(async () => expect((await post(1_000)).status).toBe(200));
});
