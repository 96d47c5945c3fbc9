import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { startRedis } from './redis.js';

const dir = mkdtempSync(join(tmpdir(), 'sluice-redis-'));
afterAll(() => rmSync(dir, { recursive: true }));

async function ask(url: string, command: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`${command}\r\n`);
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer);
}

it('never evicts what a queue relies on, keeps nothing on disk, and stops', async () => {
  const redis = await startRedis({ dir });
  expect(await ask(redis.url, 'CONFIG GET maxmemory-policy')).toContain('noeviction');
  expect(await ask(redis.url, 'CONFIG GET save')).toContain('$0');
  await redis.stop();
  await expect(ask(redis.url, 'PING')).rejects.toThrow('ECONNREFUSED');
});

it('fails when another server holds its port, though that one answers', async () => {
  const port = await freePort();
  const other = createServer((socket) => socket.end('process_id:1\r\n')).listen(port, '127.0.0.1');
  await once(other, 'listening');
  await expect(startRedis({ port, dir })).rejects.toThrow(`Redis did not start on port ${port}`);
  other.close();
});
