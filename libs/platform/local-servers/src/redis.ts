import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { endProcess, endWithThisProcess } from './processes.js';
import { redisBinary } from './redis-binary.js';

export interface RedisOptions {
  /** A free one when none is given. */
  port?: number;
  /** For its log. Redis keeps no data: everything in it can be derived again. */
  dir?: string;
  /** How many numbered databases it has. */
  databases?: number;
  /** Over our own */
  settings?: Readonly<Record<string, string>>;
  /** It is a sentinel, with these lines of configuration, which it rewrites. */
  sentinel?: readonly string[];
  log?: (line: string) => void;
}

export interface Redis {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const readyWithinMs = 15_000;

/** A Redis of our own, on 127.0.0.1 only, in a session of its own (Ctrl-C does not reach it); it ends by `stop` or with this process. */
export async function startRedis({
  port,
  databases = 16,
  settings: given = {},
  sentinel,
  log = () => {},
  ...options
}: RedisOptions = {}): Promise<Redis> {
  const { path, libraryPath } = redisBinary(log);
  const dir = resolve(options.dir ?? tmpdir());
  mkdirSync(dir, { recursive: true });
  const chosen = port ?? (await freePort());
  const always = { port: String(chosen), bind: '127.0.0.1', dir };
  const standard = { save: '', appendonly: 'no', 'maxmemory-policy': 'noeviction', databases: String(databases) };
  const flags =
    sentinel === undefined
      ? Object.entries({ ...always, ...standard, ...given }).flatMap(([name, value]) => [`--${name}`, value])
      : [sentinelFile(join(dir, `sentinel-${chosen}.conf`), { ...always, ...given }, sentinel), '--sentinel'];

  const messages = openSync(join(dir, `redis-${chosen}.log`), 'w', 0o600);
  const server = spawn(path, flags, {
    cwd: '/',
    env: { PATH: process.env['PATH'], ...(libraryPath !== undefined && { LD_LIBRARY_PATH: libraryPath }) },
    detached: true,
    stdio: ['ignore', messages, messages],
  });
  closeSync(messages);
  server.on('error', () => {}); // the missing pid says it
  server.unref();
  const { pid } = server;
  if (pid === undefined) throw new Error(`${path} cannot be run.`);
  const callOff = endWithThisProcess(pid, 'TERM');

  const stop = async () => {
    await endProcess(pid, ['SIGTERM', 5_000], ['SIGKILL', 5_000]);
    callOff();
  };
  for (const deadline = Date.now() + readyWithinMs; !(await answers(chosen, pid)); await sleep(20)) {
    if (server.exitCode === null && server.signalCode === null && Date.now() < deadline) continue;
    await stop();
    throw new Error(`Redis did not start on port ${chosen}: see ${join(dir, `redis-${chosen}.log`)}.`);
  }
  let stopped: Promise<void> | undefined;
  return { url: `redis://127.0.0.1:${chosen}`, pid, stop: () => (stopped ??= stop()) };
}

function sentinelFile(file: string, settings: Readonly<Record<string, string>>, lines: readonly string[]): string {
  const own = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  writeFileSync(file, [...own, ...lines, ''].join('\n'), { mode: 0o600 });
  return file;
}

/** Whether it is this server that answers: another one may hold the port. */
async function answers(port: number, pid: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write('INFO server\r\n');
    const [answer] = await once(socket, 'data');
    return String(answer).includes(`process_id:${pid}\r`);
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
