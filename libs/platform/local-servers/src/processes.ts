import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Tells a process from a later one that was given the same number. `undefined` once it has ended; a zombie has. */
export function processIdentity(pid: number): string | undefined {
  if (process.platform === 'linux') {
    const stat = readIfThere(`/proc/${pid}/stat`);
    // The command's name stands in brackets and may hold spaces and brackets of its own.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === '' || state === 'Z' || state === 'X' ? undefined : fields[18];
  }
  const [state = '', ...started] = ps(pid, 'stat=,lstart=').split(/\s+/);
  return state === '' || state.startsWith('Z') ? undefined : started.join('-');
}

/** The whole command line, arguments separated by a space; empty when there is no such process. */
export function processCommand(pid: number): string {
  if (process.platform !== 'linux') return ps(pid, 'args=');
  return readIfThere(`/proc/${pid}/cmdline`).split('\0').join(' ').trim();
}

/** Resolves when the process has ended: true, or false when it still runs after `waitMs`. */
export async function hasEnded(pid: number, waitMs: number): Promise<boolean> {
  const identity = processIdentity(pid);
  const deadline = Date.now() + waitMs;
  while (identity !== undefined && processIdentity(pid) === identity) {
    if (Date.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

/** Sends the signals one after the other, each with its time to take effect, and returns once the process has ended. */
export async function endProcess(pid: number, ...signals: [NodeJS.Signals, number][]): Promise<void> {
  for (const [signal, waitMs] of signals) {
    signalIfThere(pid, signal);
    if (await hasEnded(pid, waitMs)) return;
  }
  throw new Error(`Process ${pid} does not end.`);
}

/**
 * Sends the signal when this process ends, however that happens: the kernel closes the pipe to the watcher even after
 * `kill -9`. The watcher has a session of its own, so Ctrl-C does not reach it. Returns what calls the watch off.
 */
export function endWithThisProcess(pid: number, signal: 'INT' | 'TERM'): () => void {
  const watcher = spawn('/bin/sh', ['-c', 'read -r _; kill -s "$1" "$0"', String(pid), signal], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.unref();
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
  return () => watcher.kill('SIGKILL');
}

export function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

/** Node's code of a system error, such as ENOENT. */
export function errorCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function ps(pid: number, columns: string): string {
  try {
    return execFileSync('ps', ['-o', columns, '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return ''; // ps answers 1 when there is no such process
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
