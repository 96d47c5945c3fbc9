import { ExpressionFailed } from '@sluice/expressions';
import type { Json } from '@sluice/kernel';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import type { Answer, Evaluation, WorkerLimits } from './evaluation-worker.js';

export interface Task {
  readonly source: string;
  readonly document: string;
  resolve(value: Json | undefined): void;
  reject(error: Error): void;
}

export interface ThreadLimits {
  readonly timeLimitMs: number;
  readonly resultBytesMax: number;
  readonly memoryMb: number;
}

// The worker's file has this file's extension: .js in dist; .ts under Jest, where Node strips the types. So the worker is
// ordinary code, checked, linted and shown in stack traces, and nothing has to be bundled or given as text.
const script = new URL(`./evaluation-worker${extname(import.meta.url)}`, import.meta.url);

/**
 * One worker thread that evaluates one task at a time. It is started by its first task, and again by the next one after it was
 * terminated: a regular expression, a long native call or a full heap can be stopped no other way.
 */
export class EvaluationThread {
  private worker: Worker | undefined;
  private isReady = false;
  private task: Task | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly begunAt = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT));

  constructor(
    private readonly limits: ThreadLimits,
    /** Called when it can take a task again. */
    private readonly onIdle: () => void,
  ) {}

  get isIdle(): boolean {
    return this.task === undefined;
  }

  get isStarted(): boolean {
    return this.worker !== undefined;
  }

  run(task: Task): void {
    this.task = task;
    if (this.worker === undefined) this.start();
    else if (this.isReady) this.send(this.worker, task);
  }

  async close(reason: Error): Promise<void> {
    const { worker, task } = this;
    this.abandon();
    task?.reject(reason);
    await worker?.terminate();
  }

  private start(): void {
    const { timeLimitMs, resultBytesMax, memoryMb } = this.limits;
    const worker = new Worker(script, {
      workerData: { timeLimitMs, resultBytesMax, begunAt: this.begunAt } satisfies WorkerLimits,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
      env: {},
      execArgv: [],
    });
    this.worker = worker;
    worker.on('message', (answer: Answer) => {
      if (this.worker === worker) this.receive(worker, answer);
    });
    worker.on('error', (error: unknown) => {
      if (this.worker === worker) this.fail(error);
    });
    worker.on('exit', (code) => {
      if (this.worker === worker) this.fail(`exit code ${code}`);
    });
  }

  private send(worker: Worker, task: Task): void {
    this.begunAt[0] = 0;
    worker.postMessage({ source: task.source, document: task.document } satisfies Evaluation);
    this.timer = setTimeout(() => this.checkTime(worker), this.limits.timeLimitMs);
  }

  /** The time counts from when the worker begins, not from when a busy machine let the message wait. */
  private checkTime(worker: Worker): void {
    const begunAt = this.begunAt[0] ?? 0;
    const leftMs = begunAt === 0 ? this.limits.timeLimitMs : begunAt + this.limits.timeLimitMs - Date.now();
    if (leftMs > 0) {
      this.timer = setTimeout(() => this.checkTime(worker), leftMs);
      return;
    }
    // When this thread was the busy one, the answer has already arrived and is delivered before an immediate runs.
    const { task } = this;
    setImmediate(() => {
      if (this.task !== task || this.worker !== worker || task === undefined) return;
      void worker.terminate();
      this.abandon();
      task.reject(new ExpressionFailed('expression_timeout', `The expression takes more than ${this.limits.timeLimitMs} ms`, task.source));
      this.onIdle();
    });
  }

  private receive(worker: Worker, answer: Answer): void {
    const { task } = this;
    if (answer.kind === 'ready') {
      this.isReady = true;
      if (task !== undefined) this.send(worker, task);
      return;
    }
    clearTimeout(this.timer);
    this.task = undefined;
    if (answer.kind === 'failure') task?.reject(new ExpressionFailed(answer.code, answer.message, task.source));
    else task?.resolve(answer.json === undefined ? undefined : JSON.parse(answer.json));
    this.onIdle();
  }

  /** The thread is gone: its heap was full, or it never came up. */
  private fail(error: unknown): void {
    const { task } = this;
    this.abandon();
    if (isOutOfMemory(error) && task !== undefined) {
      const message = `The expression needs more than ${this.limits.memoryMb} MB of memory`;
      task.reject(new ExpressionFailed('expression_too_large', message, task.source));
    } else {
      task?.reject(new Error(`The expression worker failed: ${String(error)}`, { cause: error }));
    }
    this.onIdle();
  }

  private abandon(): void {
    clearTimeout(this.timer);
    this.worker = undefined;
    this.isReady = false;
    this.task = undefined;
  }
}

const isOutOfMemory = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
