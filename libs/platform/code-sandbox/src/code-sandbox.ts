import type { Json, JsonObject } from '@sluice/kernel';
import { NodeFailure } from '@sluice/nodes';
import { FairQueue, mayTake } from '@sluice/platform-fairness';

import { SandboxProcess, type Task } from './sandbox-process.js';

export interface CodeSandboxOptions {
  /** Processes at most; each is started when it is first needed. One of them is always left to other tenants. */
  readonly size?: number;
  /** Jobs that may wait for a process. */
  readonly waitingMax?: number;
  /** Of the values together, as JSON. */
  readonly valuesBytesMax?: number;
  readonly resultBytesMax?: number;
  /** A job that does not end by itself is killed with its process after four times its time and this long. */
  readonly graceMs?: number;
  /** Jobs that one process runs before it is replaced. */
  readonly jobsMax?: number;
}

export interface CodeLimits {
  /** Of CPU time, from when the code begins. */
  readonly timeoutMs: number;
  /** Of QuickJS' heap, 128 at most. */
  readonly memoryMb: number;
}

/** The sandbox is full or closed. This says nothing about the code: another attempt may well succeed. */
export class CodeSandboxUnavailable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CodeSandboxUnavailable';
  }
}

/** A process has 10 s to come up: some 200 ms on an idle machine. */
const startMs = 10_000;

/**
 * Runs an author's JavaScript in QuickJS, which is WebAssembly and knows no I/O, inside processes that may do nothing. Each job has a
 * fresh instance with a memory of its own; what it may use is bounded inside, and by killing its process outside.
 */
export class CodeSandbox {
  private readonly processes: readonly SandboxProcess[];
  private readonly waiting = new FairQueue<Task>();
  private readonly waitingMax: number;
  private readonly valuesBytesMax: number;
  private readonly resultBytesMax: number;
  private isClosed = false;

  constructor({
    size = 3,
    waitingMax = 200,
    valuesBytesMax = 4 * 1024 * 1024,
    resultBytesMax = 1024 * 1024,
    graceMs = 2000,
    jobsMax = 500,
  }: CodeSandboxOptions = {}) {
    this.processes = Array.from({ length: size }, () => new SandboxProcess({ graceMs, startMs, jobsMax }, () => this.dispatch()));
    this.waitingMax = waitingMax;
    this.valuesBytesMax = valuesBytesMax;
    this.resultBytesMax = resultBytesMax;
  }

  /**
   * `source` is the body of an async function; the members of `values` are its constants. Rejects with NodeFailure (`code_syntax`,
   * `code_threw`, `code_timeout`, `code_out_of_memory`, `code_result_invalid`, `code_too_large`, `code_crashed`; `details.line` counts from
   * 1), with CodeSandboxUnavailable when another attempt may succeed, or with the reason of `signal`. `tenantId`: code waits for its turn
   * among tenants, not behind all that another one has waiting.
   */
  run(source: string, values: JsonObject, { timeoutMs, memoryMb }: CodeLimits, signal?: AbortSignal, tenantId?: string): Promise<Json> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.isClosed) throw new CodeSandboxUnavailable('The code sandbox is closed');
      const lane = tenantId ?? '';
      if (!mayTake(this.waiting.lengthOf(lane), 1, this.waitingMax - this.waiting.length)) {
        throw new CodeSandboxUnavailable('Too many code nodes wait for a process');
      }
      const limits = { timeoutMs, memoryMb, resultBytesMax: this.resultBytesMax };
      const task: Task = {
        tenantId,
        source,
        values: this.write(values),
        ...limits,
        resolve(value) {
          signal?.removeEventListener('abort', abort);
          resolve(value);
        },
        reject(error) {
          signal?.removeEventListener('abort', abort);
          reject(error);
        },
      };
      const abort = () => this.abort(task, signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      this.waiting.push(lane, task);
      this.dispatch();
    });
  }

  /** What is under way is not waited for; the processes are gone when it returns. */
  async close(): Promise<void> {
    this.isClosed = true;
    const reason = new CodeSandboxUnavailable('The code sandbox is closed');
    for (const task of this.waiting.remove(() => true)) task.reject(reason);
    await Promise.all(this.processes.map((one) => one.close(reason)));
  }

  private write(values: JsonObject): string {
    const text = JSON.stringify(values);
    const bytes = Buffer.byteLength(text);
    if (bytes <= this.valuesBytesMax) return text;
    const message = `The values for the code have ${bytes} bytes; ${this.valuesBytesMax} are allowed. Select what it needs before`;
    throw new NodeFailure('code_too_large', message, { retryable: false });
  }

  private abort(task: Task, reason: unknown): void {
    const [waiting] = this.waiting.remove((one) => one === task);
    if (waiting !== undefined) waiting.reject(reason);
    else for (const one of this.processes) one.abort(task, reason);
  }

  private dispatch(): void {
    for (;;) {
      const idle = this.processes.filter(({ isIdle }) => isIdle);
      const one = idle.find(({ isStarted }) => isStarted) ?? idle[0];
      const task = one && this.waiting.shift((tenantId) => this.mayRun(tenantId));
      if (one === undefined || task === undefined) return;
      one.run(task);
    }
  }

  /** Code may run for seconds, and nothing can be taken back from it: no tenant holds every process. */
  private mayRun(tenantId: string): boolean {
    if (tenantId === '') return true;
    return this.processes.filter((one) => one.tenantId === tenantId).length < Math.max(1, this.processes.length - 1);
  }
}
