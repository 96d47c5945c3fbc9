import { ExpressionFailed, type Scope, type SlowEvaluator } from '@sluice/expressions';
import { FairQueue, mayTake } from '@sluice/platform-fairness';

import { EvaluationThread, type Task } from './evaluation-thread.js';

export interface ExpressionPoolOptions {
  /** Worker threads at most; each is started when it is first needed. */
  readonly size?: number;
  /** Of one evaluation, from when a worker begins with it. */
  readonly timeLimitMs?: number;
  readonly resultBytesMax?: number;
  /** Heap of one worker. */
  readonly memoryMb?: number;
  /** Evaluations that may wait for a worker. */
  readonly waitingMax?: number;
}

/** The pool is full or closed. This says nothing about the expression: another attempt may well succeed. */
export class ExpressionPoolUnavailable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ExpressionPoolUnavailable';
  }
}

/** The document is written when a thread takes it: what waits holds the scope alone, which its neighbours share. */
type Waiting = Omit<Task, 'document'> & { readonly scope: Scope };

/**
 * Evaluates JSONata in worker threads. An expression cannot reach process, network, files or prototypes, and what it may use is
 * bounded twice: by JSONata's own limits, and by terminating the thread. Regular expressions are the engine's own; a
 * catastrophic one costs its time limit and a new thread.
 */
export class ExpressionPool {
  private readonly threads: readonly EvaluationThread[];
  private readonly waiting = new FairQueue<Waiting>();
  private readonly waitingMax: number;
  private isClosed = false;

  constructor({ size = 2, timeLimitMs = 250, resultBytesMax = 256 * 1024, memoryMb = 128, waitingMax = 1000 }: ExpressionPoolOptions = {}) {
    const limits = { timeLimitMs, resultBytesMax, memoryMb };
    this.threads = Array.from({ length: size }, () => new EvaluationThread(limits, () => this.dispatch()));
    this.waitingMax = waitingMax;
  }

  /**
   * Evaluates for this tenant: it waits for its turn among tenants, not behind all that another one has waiting. The evaluator rejects with
   * ExpressionFailed, or with ExpressionPoolUnavailable when another attempt may succeed.
   */
  evaluatorFor(tenantId: string): SlowEvaluator {
    return (source, scope) =>
      new Promise((resolve, reject) => {
        if (this.isClosed) throw new ExpressionPoolUnavailable('The expression pool is closed');
        if (!mayTake(this.waiting.lengthOf(tenantId), 1, this.waitingMax - this.waiting.length)) {
          throw new ExpressionPoolUnavailable('Too many expressions wait for a worker');
        }
        this.waiting.push(tenantId, { source, scope, resolve, reject });
        this.dispatch();
      });
  }

  /** For nobody in particular. */
  readonly evaluate: SlowEvaluator = this.evaluatorFor('');

  /** What is under way is not waited for. */
  async close(): Promise<void> {
    this.isClosed = true;
    const reason = new ExpressionPoolUnavailable('The expression pool is closed');
    for (const task of this.waiting.remove(() => true)) task.reject(reason);
    await Promise.all(this.threads.map((thread) => thread.close(reason)));
  }

  private dispatch(): void {
    while (this.waiting.length > 0) {
      const idle = this.threads.filter((thread) => thread.isIdle);
      const thread = idle.find(({ isStarted }) => isStarted) ?? idle[0];
      const task = thread && this.waiting.shift();
      if (thread === undefined || task === undefined) return;
      const { source, scope, resolve, reject } = task;
      try {
        thread.run({ source, document: writeDocument(source, scope), resolve, reject });
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }
}

function writeDocument(source: string, scope: Scope): string {
  try {
    return JSON.stringify(scope);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error); // nested more deeply than the stack
    throw new ExpressionFailed('expression_too_large', `The scope cannot be handed to a worker: ${why}`, source);
  }
}
