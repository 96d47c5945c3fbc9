import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './free-port.js';
import { type Account, postgresAccount, postgresHome, reachable } from './postgres-binaries.js';
import { endProcess, endWithThisProcess, processCommand, processIdentity, signalIfThere } from './processes.js';

export interface EmbeddedPostgresOptions {
  dataDir: string;
  /** A free one when none is given. */
  port?: number;
  /** Server settings, over our own. `fsync: 'off'` is for tests: a power cut then loses the cluster. */
  settings?: Record<string, string>;
  /** Hears the few things a person should know, one line each. */
  log?: (line: string) => void;
}

export interface EmbeddedPostgres {
  readonly port: number;
  readonly pid: number;
  /** Where the cluster really lies: elsewhere than asked for, when root asked for a folder that `postgres` cannot reach. */
  readonly dataDir: string;
  url(database: string): string;
  ensureDatabase(name: string): Promise<void>;
  stop(): Promise<void>;
}

const passwordFile = 'sluice-password';
const readyWithinMs = 300_000;
const logBytesMax = 10_000_000;
const attemptsMax = 3;

const standardSettings: Record<string, string> = {
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

/**
 * A Postgres of our own, on 127.0.0.1 only. It starts the npm package's binaries itself: the package's own class ends
 * the server on Ctrl-C before the application has drained, knows no earlier server and prints its log.
 *
 * The server is in a session of its own, so Ctrl-C does not reach it; it ends by `stop`, or with this process. Its
 * command line names this process (`sluice.owner`), so the next one tells a server in use from one that was left behind.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { settings = {}, log = () => {} } = options;
  const newAccount = postgresAccount();
  const dataDir = dataDirFor(resolve(options.dataDir), newAccount, log);
  const account = clusterAccount(dataDir) ?? newAccount;
  const home = postgresHome(account, log);

  if (!isCluster(dataDir)) createCluster(home, dataDir, account, settings);
  const password = readFileSync(join(dataDir, passwordFile), 'utf8');

  for (let attempt = 1; ; attempt += 1) {
    await endLeftServer(dataDir);
    const port = options.port ?? (await freePort());
    const server = launch(home, dataDir, account, { ...standardSettings, ...settings, port: String(port) });
    const failure = await readyOrFailure(server, dataDir);
    if (failure === undefined) return running(server, dataDir, port, password);

    const another = failure.includes('postmaster.pid" already exists');
    const portTaken = failure.includes('Address already in use');
    if (attempt === attemptsMax || !(another || (portTaken && options.port === undefined))) {
      throw new Error(portTaken ? `Port ${port} of 127.0.0.1 is taken.` : `Postgres did not start in ${dataDir}: ${failure}`);
    }
  }
}

/** The URLs of a server that another process of this machine runs on this folder; undefined when none does. */
export function runningEmbeddedPostgres(dataDir: string): ((database: string) => string) | undefined {
  const found = dataDirFor(resolve(dataDir), postgresAccount(), () => {});
  const { pid, port, status } = lockFile(found);
  if (pid === undefined || port === undefined || status !== 'ready' || processIdentity(pid) === undefined) return undefined;
  return urlsOf(port, readFileSync(join(found, passwordFile), 'utf8'));
}

const urlsOf = (port: number, password: string) => (database: string) =>
  `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;

function running(server: Server, dataDir: string, port: number, password: string): EmbeddedPostgres {
  const callOff = endWithThisProcess(server.pid, 'INT');
  const url = urlsOf(port, password);
  let stopped: Promise<void> | undefined;

  const stop = async () => {
    // SIGINT ends sessions and writes a checkpoint; SIGQUIT leaves that to the next start's recovery.
    await endProcess(server.pid, ['SIGINT', 20_000], ['SIGQUIT', 5_000], ['SIGKILL', 5_000]);
    callOff();
  };
  return {
    port,
    pid: server.pid,
    dataDir,
    url,
    ensureDatabase: (name) => ensureDatabase(url('postgres'), name),
    stop: () => (stopped ??= stop()),
  };
}

async function ensureDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

/** Where `postgres` cannot get to the folder, the cluster lies under /var/lib, in a folder named after the one asked for. */
function dataDirFor(asked: string, account: Account, log: (line: string) => void): string {
  if (isCluster(asked)) return asked;
  const hash = createHash('sha256').update(asked).digest('hex').slice(0, 12);
  const elsewhere = join('/var/lib/sluice', `${basename(asked)}-${hash}`);
  if (reachable(dirname(asked), account) && !(account.uid !== undefined && isCluster(elsewhere))) return asked;

  log(`Postgres runs as another user who cannot reach ${asked}: its data lie in ${elsewhere}.`);
  if (!reachable(dirname(elsewhere), account)) throw new Error(`The user postgres cannot reach ${dirname(elsewhere)}.`);
  return elsewhere;
}

function isCluster(dataDir: string): boolean {
  try {
    return existsSync(dataDir) && readdirSync(dataDir).includes('PG_VERSION');
  } catch {
    throw new Error(`${dataDir} belongs to another user: start as that user, or name another folder in SLUICE_DATA_DIR.`);
  }
}

/** Root serves a cluster as the user who made it; anybody else can only serve their own. */
function clusterAccount(dataDir: string): Account | undefined {
  if (process.getuid?.() !== 0 || !isCluster(dataDir)) return undefined;
  const { uid, gid } = statSync(dataDir);
  return { uid, gid };
}

/** Made aside and renamed, so that neither a crash nor a second process leaves half a cluster. */
function createCluster(home: string, dataDir: string, account: Account, settings: Record<string, string>): void {
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0) throw new Error(`${dataDir} is neither empty nor a Postgres cluster.`);

  const aside = `${dataDir}.new-${process.pid}`;
  const cluster = join(aside, 'cluster');
  const password = join(aside, passwordFile);
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(aside, { mode: 0o700 });
  writeFileSync(password, randomBytes(24).toString('base64url'), { mode: 0o600 });
  const { uid, gid } = account;
  if (uid !== undefined && gid !== undefined) for (const path of [aside, password]) chownSync(path, uid, gid);

  try {
    const flags = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions'];
    if (settings['fsync'] === 'off') flags.push('--no-sync');
    const initdb = spawnSync(join(home, 'bin', 'initdb'), [`--pgdata=${cluster}`, `--pwfile=${password}`, ...flags], {
      ...account,
      cwd: '/',
      env: { PATH: process.env['PATH'] },
      encoding: 'utf8',
    });
    if (initdb.status !== 0) throw new Error(`No Postgres cluster could be made in ${dataDir}: ${initdb.error ?? initdb.stderr.trim()}`);
    renameSync(password, join(cluster, passwordFile));
    renameSync(cluster, dataDir);
  } catch (error) {
    if (!isCluster(dataDir)) throw error; // otherwise another process was faster
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

interface Server {
  readonly pid: number;
  readonly process: ChildProcess;
  /** What this start has written to the log. */
  messages(): string;
}

function launch(home: string, dataDir: string, account: Account, settings: Record<string, string>): Server {
  const logFile = join(dataDir, 'sluice-postgres.log');
  if (sizeOf(logFile) > logBytesMax) renameSync(logFile, `${logFile}.1`);
  const start = sizeOf(logFile);
  const fd = openSync(logFile, 'a', 0o600);

  const always = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    'sluice.owner': `${process.pid}:${processIdentity(process.pid)}`,
  };
  const flags = Object.entries({ ...settings, ...always }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const postgres = join(home, 'bin', 'postgres');
  const server = spawn(postgres, ['-D', dataDir, ...flags], {
    ...account,
    cwd: '/',
    env: { PATH: process.env['PATH'], LC_MESSAGES: 'C' },
    detached: true,
    stdio: ['ignore', fd, fd],
  });
  server.on('error', () => {}); // the missing pid says it
  server.unref();
  closeSync(fd);
  if (server.pid === undefined) throw new Error(`${postgres} cannot be run.`);
  return { pid: server.pid, process: server, messages: () => readFileSync(logFile).subarray(start).toString().trim() };
}

const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Undefined when the server takes connections, otherwise why it does not. */
async function readyOrFailure(server: Server, dataDir: string): Promise<string | undefined> {
  for (const deadline = Date.now() + readyWithinMs; Date.now() < deadline; await sleep(20)) {
    const { pid, status } = lockFile(dataDir);
    if (pid === server.pid && (status === 'ready' || status === 'standby')) return undefined;
    if (server.process.exitCode !== null || server.process.signalCode !== null) return server.messages();
  }
  signalIfThere(server.pid, 'SIGQUIT');
  return `it was not ready after ${readyWithinMs / 1000} s; ${server.messages()}`;
}

/** The server's own note: its process, on the fourth line its port, and on the eighth its state. */
function lockFile(dataDir: string): { pid?: number; port?: number; status?: string } {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]), status: lines[7]?.trim() };
  } catch {
    return {};
  }
}

/** A server that outlived its owner is ended; the note of one that is gone is removed; one that is in use is an error. */
async function endLeftServer(dataDir: string): Promise<void> {
  const { pid } = lockFile(dataDir);
  if (pid === undefined) return;
  const command = processCommand(pid);
  if (!/postgres|postmaster/.test(command)) {
    // Postgres itself would refuse to start as long as any process has that number.
    if (lockFile(dataDir).pid === pid) rmSync(join(dataDir, 'postmaster.pid'), { force: true });
    return;
  }
  const [, owner, identity] = /sluice\.owner=(\d+):(\S+)/.exec(command) ?? [];
  if (!command.includes(`-D ${dataDir} `) || owner === undefined) return;
  if (processIdentity(Number(owner)) === identity) throw new Error(`${dataDir} is in use by process ${owner}.`);
  await endProcess(pid, ['SIGINT', 20_000], ['SIGQUIT', 10_000]);
}
