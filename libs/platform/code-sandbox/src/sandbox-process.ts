import type { Json } from '@sluice/kernel';
import { NodeFailure } from '@sluice/nodes';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Answer, FailureCode, Job } from './sandbox-child.js';

export interface Task extends Job {
  /** Whose code it is; undefined: nobody's in particular */
  readonly tenantId: string | undefined;
  resolve(value: Json): void;
  reject(error: unknown): void;
}

export interface ProcessLimits {
  /** Beyond `patience` times the time of a job, and on the clock; then the process is killed. */
  readonly graceMs: number;
  readonly startMs: number;
  /** Jobs of one process; the next has a new one. */
  readonly jobsMax: number;
}

// The child's file has this file's extension: .js in dist; .ts under Jest, where Node strips the types.
const script = fileURLToPath(new URL(`./sandbox-child${extname(import.meta.url)}`, import.meta.url));

/** What the child reads while it comes up, and nothing else. */
const packages = ['quickjs-emscripten-core', '@jitl/quickjs-wasmfile-release-sync', '@jitl/quickjs-ffi-types'].map((name) =>
  // Each has its main file in `dist`.
  dirname(dirname(createRequire(import.meta.url).resolve(name))),
);

const heapMb = 64;

/**
 * A job's time is computing time, which the process itself measures. The clock, which runs on while a busy machine lets the process wait, only
 * ends what does not end by itself.
 */
const patience = 4;

const nodeOptions = [
  '--permission',
  ...[script, ...packages].map((path) => `--allow-fs-read=${path}`),
  '--no-addons',
  '--disable-proto=delete',
  `--max-old-space-size=${heapMb}`,
  '--disable-warning=ExperimentalWarning',
];

/**
 * One process that runs one job at a time. It is started by its first job, and again by the next one after it has ended: killed
 * because it did not answer, worn out, or gone by itself.
 */
export class SandboxProcess {
  private child: ChildProcess | undefined;
  private isReady = false;
  private task: Task | undefined;
  private timer: NodeJS.Timeout | undefined;
  private jobs = 0;

  constructor(
    private readonly limits: ProcessLimits,
    /** Called when it can take a job again. */
    private readonly onIdle: () => void,
  ) {}

  get isIdle(): boolean {
    return this.task === undefined;
  }

  /** Whose code it runs. */
  get tenantId(): string | undefined {
    return this.task?.tenantId;
  }

  get isStarted(): boolean {
    return this.child !== undefined;
  }

  run(task: Task): void {
    this.task = task;
    if (this.child === undefined) this.start();
    else if (this.isReady) this.send(this.child, task);
  }

  /** Ends the process at once if it works on this task. */
  abort(task: Task, reason: unknown): void {
    if (this.task === task) this.end(reason);
  }

  async close(reason: Error): Promise<void> {
    const { child, task } = this;
    this.abandon();
    task?.reject(reason);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  private start(): void {
    const child = fork(script, [], {
      execArgv: nodeOptions,
      env: {},
      cwd: '/',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // Only JSON comes back from a process that is not trusted.
      serialization: 'json',
    });
    this.child = child;
    this.isReady = false;
    this.jobs = 0;
    child.on('message', (answer) => {
      if (this.child === child) this.receive(child, answer);
    });
    child.on('error', (error) => {
      if (this.child === child) this.end(crashed(error.message));
    });
    child.on('exit', (code, signal) => {
      if (this.child === child) this.end(crashed(signal ?? `exit code ${code}`));
    });
    this.watch(this.limits.startMs, crashed('it did not start'));
  }

  private send(child: ChildProcess, task: Task): void {
    const { source, values, timeoutMs, memoryMb, resultBytesMax } = task;
    this.jobs += 1;
    child.send({ source, values, timeoutMs, memoryMb, resultBytesMax } satisfies Job, (error) => {
      if (error !== null && this.child === child) this.end(crashed(error.message));
    });
    const ms = patience * timeoutMs + this.limits.graceMs;
    const message = `The process that ran the code was ended: it gave no answer within ${ms} ms`;
    this.watch(ms, new NodeFailure('code_crashed', message, { retryable: true }));
  }

  private watch(ms: number, reason: Error): void {
    const { child } = this;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      // When this process was the busy one, the answer has already arrived and is delivered before an immediate runs.
      const { timer } = this;
      setImmediate(() => {
        if (this.child === child && this.timer === timer) this.end(reason);
      });
    }, ms);
  }

  private receive(child: ChildProcess, message: unknown): void {
    const { task } = this;
    if (!isAnswer(message)) {
      this.end(crashed('it gave no proper answer'));
      return;
    }
    clearTimeout(this.timer);
    this.timer = undefined;
    if (message.kind === 'ready') {
      this.isReady = true;
      if (task !== undefined) this.send(child, task);
      return;
    }
    if (message.kind === 'failure' && message.code === 'code_crashed') {
      this.end(crashed(message.message));
      return;
    }
    const value = message.kind === 'result' ? parsed(message.json) : failureOf(message);
    if (value === undefined) {
      this.end(crashed('it gave no proper answer'));
      return;
    }
    if (this.jobs >= this.limits.jobsMax) this.kill();
    this.task = undefined;
    if (value instanceof NodeFailure) task?.reject(value);
    else task?.resolve(value);
    this.onIdle();
  }

  /** Ends the process and the task that it had; others are not concerned. */
  private end(reason: unknown): void {
    const { task } = this;
    this.kill();
    this.task = undefined;
    task?.reject(reason);
    this.onIdle();
  }

  private kill(): void {
    this.child?.kill('SIGKILL');
    this.abandon();
  }

  private abandon(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.child = undefined;
    this.isReady = false;
    this.task = undefined;
  }
}

const codes: ReadonlySet<FailureCode> = new Set([
  'code_syntax',
  'code_threw',
  'code_timeout',
  'code_out_of_memory',
  'code_result_invalid',
  'code_crashed',
]);

/** The process may be in other hands: nothing of what it says is taken on trust. */
function isAnswer(message: unknown): message is Answer {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return false;
  if (message.kind === 'ready') return true;
  if (message.kind === 'result') return 'json' in message && typeof message.json === 'string';
  if (message.kind !== 'failure' || !('message' in message) || typeof message.message !== 'string') return false;
  if ('line' in message && typeof message.line !== 'number') return false;
  return 'code' in message && [...codes].some((code) => code === message.code);
}

function parsed(json: string): Json | undefined {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function failureOf({ code, message, line }: Extract<Answer, { kind: 'failure' }>): NodeFailure {
  if (line === undefined) return new NodeFailure(code, message, { retryable: false });
  return new NodeFailure(code, `${message} (line ${line})`, { retryable: false, details: { line } });
}

/** Not known to be the code's fault: the machine may have been short of memory. */
const crashed = (why: string): NodeFailure =>
  new NodeFailure('code_crashed', `The process that ran the code ended before its answer: ${why}`, { retryable: true });
