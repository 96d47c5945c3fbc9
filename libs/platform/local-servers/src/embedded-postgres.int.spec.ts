import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, runningEmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { freePort } from './free-port.js';
import { hasEnded } from './processes.js';

const parent = mkdtempSync(join(tmpdir(), 'sluice-postgres-'));
chmodSync(parent, 0o755); // as root, the server runs as another user
const dataDir = join(parent, 'cluster');
const start = () => startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } });
const running: EmbeddedPostgres[] = [];

async function started(): Promise<EmbeddedPostgres> {
  const postgres = await start();
  running.push(postgres);
  return postgres;
}

async function value(postgres: EmbeddedPostgres, sql: string): Promise<unknown> {
  const client = new pg.Client(postgres.url('sluice'));
  await client.connect();
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end();
  }
}

afterEach(async () => {
  for (const postgres of running.splice(0)) await postgres.stop();
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

it('finds its cluster again, with what was in it', async () => {
  const first = await started();
  await first.ensureDatabase('sluice');
  await first.ensureDatabase('sluice');
  await value(first, 'create table kept as select 42 as answer');
  await first.stop();

  expect(await value(await started(), 'select answer from kept')).toBe(42);
});

it('keeps synchronous commits, UTF-8 and UTC whatever the machine says', async () => {
  const postgres = await started();
  expect(await value(postgres, `select current_setting('synchronous_commit')`)).toBe('on');
  expect(await value(postgres, `select current_setting('server_encoding')`)).toBe('UTF8');
  expect(await value(postgres, `select current_setting('timezone')`)).toBe('UTC');
  expect(await value(postgres, `select current_setting('fsync')`)).toBe('off');
});

it('lets nobody in without the password, which its owner alone can read', async () => {
  const postgres = await started();
  const wrong = new pg.Client(postgres.url('postgres').replace(/:[^:@]+@/, ':guess@'));
  await expect(wrong.connect()).rejects.toThrow('password authentication failed');
  expect(statSync(join(postgres.dataDir, 'sluice-password')).mode & 0o777).toBe(0o600);
});

it('refuses a cluster that is in use', async () => {
  await started();
  await expect(start()).rejects.toThrow(`${dataDir} is in use by process ${process.pid}.`);
});

it('is found by whoever knows its folder, as long as it runs', async () => {
  const postgres = await started();
  expect(runningEmbeddedPostgres(dataDir)?.('postgres')).toBe(postgres.url('postgres'));
  await postgres.stop();
  expect(runningEmbeddedPostgres(dataDir)).toBeUndefined();
});

it('says that the port is taken', async () => {
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  await expect(startEmbeddedPostgres({ dataDir, port })).rejects.toThrow(`Port ${port} of 127.0.0.1 is taken.`);
  other.close();
});

it('ignores the note of a server that is gone, when its number belongs to another process now', async () => {
  const first = await started();
  await first.stop();
  writeFileSync(join(first.dataDir, 'postmaster.pid'), `${process.pid}\n`);
  expect((await started()).pid).not.toBe(first.pid);
});

describe('when its process is killed', () => {
  const holder = `
    import { startEmbeddedPostgres } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
    await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, settings: { fsync: 'off' } });
    process.stdout.write('ready');
    setInterval(() => {}, 1000);`;
  const server = () => Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);

  async function held(): Promise<{ node: ChildProcess; pid: number }> {
    const node = spawn(process.execPath, ['--input-type=module', '-e', holder], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (node.stdout) await once(node.stdout, 'data');
    return { node, pid: server() };
  }

  it('ends as well, and the next process starts at once', async () => {
    const { node, pid } = await held();
    node.kill('SIGKILL');
    expect((await started()).pid).not.toBe(pid);
  });

  it('ends even when nobody starts it again', async () => {
    const { node, pid } = await held();
    node.kill('SIGKILL');
    expect(await hasEnded(pid, 10_000)).toBe(true);
  });
});
