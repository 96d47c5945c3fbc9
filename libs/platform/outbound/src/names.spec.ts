import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { names } from './names.js';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A name server that knows one address of each name, and is silent about those that end in `.evil`. */
async function nameServer() {
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const end = query.indexOf(0, 12);
    const name = [...labels(query.subarray(12, end))].join('.');
    asked.push(name);
    if (name.endsWith('.evil')) return;
    const isV4 = query.readUInt16BE(end + 1) === 1;
    const header = Buffer.from([0x81, 0x80, 0, 1, 0, isV4 ? 1 : 0, 0, 0, 0, 0]);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 93, 184, 215, 14]);
    const question = query.subarray(12, end + 5);
    socket.send(Buffer.concat([query.subarray(0, 2), header, question, ...(isV4 ? [answer] : [])]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanups.push(() => socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, asked };
}

function* labels(text: Buffer): Generator<string> {
  for (let at = 0; at < text.length; at += (text[at] ?? 0) + 1) yield text.toString('latin1', at + 1, at + 1 + (text[at] ?? 0));
}

it('T-15: a name is found while others are never answered, and those end by themselves with nothing sent', async () => {
  const { address } = await nameServer();
  const lookup = names([address]);
  let ended = 0;
  const hanging = Array.from({ length: 50 }, (_, n) => lookup(`${n}.evil`, false).finally(() => (ended += 1)));
  const outcomes = Promise.allSettled(hanging);
  expect(await lookup('shop.test', false)).toEqual(['93.184.215.14']);
  expect(ended).toBe(0);
  expect((await outcomes).map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual(hanging.map(() => 'ETIMEOUT'));
}, 30_000);

it("T-15: needs none of the threads that the system's look-ups take", async () => {
  const { address } = await nameServer();
  const lookup = names([address]);
  const folder = mkdtempSync(join(tmpdir(), 'names-'));
  const pipes = [0, 1, 2, 3].map((n) => join(folder, String(n)));
  execFileSync('mkfifo', pipes);
  const held = pipes.map((pipe) => readFile(pipe)); // each waits on a thread until somebody writes
  let isKnown = false;
  const known = lookup('localhost', true).then(() => (isKnown = true));
  expect(await lookup('shop.test', false)).toEqual(['93.184.215.14']);
  expect(isKnown).toBe(false);
  for (const pipe of pipes) closeSync(openSync(pipe, 'w'));
  await Promise.all([...held, known]);
  rmSync(folder, { recursive: true });
});

it('asks once for calls of the same name that are under way, and anew for later ones', async () => {
  const { address, asked } = await nameServer();
  const lookup = names([address]);
  const both = await Promise.all([lookup('shop.test', false), lookup('shop.test', false)]);
  expect(both).toEqual([['93.184.215.14'], ['93.184.215.14']]);
  expect(asked).toEqual(['shop.test', 'shop.test']); // its IPv4 and its IPv6 addresses
  await lookup('other.test', false);
  expect(asked).toHaveLength(4);
});

it("looks up the operator's names as the system does", async () => {
  const { address, asked } = await nameServer();
  const addresses = await names([address])('localhost', true);
  expect(['127.0.0.1', '::1']).toContain(addresses[0]);
  expect(asked).toEqual([]);
});
