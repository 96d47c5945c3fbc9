import { Inject, Injectable } from '@nestjs/common';
import { afterFailure, type DeadLetterError } from '@sluice/executions-domain';
import { executionIsOver } from '@sluice/engine';
import { storable } from '@sluice/kernel';
import { ServiceDatabase } from '@sluice/platform-database';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import { isReplayOrder } from '@sluice/webhooks-domain';
import type { Work } from '../steps/commit-steps.js';
import { isBeginPayload } from '../steps/callees.js';
import { Committer } from '../steps/committer.js';
import { readRuns } from '../steps/run.js';
import { failedStep } from '../steps/run-step.js';
import { postponeTasks, type Task } from '../steps/tasks.js';
import { WakeUps } from '../sweeps/wake-ups.js';
import { isPassing } from './isolate.js';

/** For what passes by itself; half of it is left to chance */
const passingMs = 2_000;
const fencedMax = 5;

/**
 * What becomes of tasks whose work threw, which no work is expected to do. They are tried again later and later, and given up at the tenth
 * time: a run fails with the reason, an event too, and a person decides. What passes by itself, an outage before all, counts for nothing.
 */
@Injectable()
export class FailingTasks {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly committer: Committer,
    private readonly wakeUps: WakeUps,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Never rejects: what cannot be written now is found by the sweeps, by its lease or its old ticket. */
  async failed(tasks: readonly Task[], error: unknown): Promise<void> {
    const message = storable(messageOf(error));
    const counts = !isPassing(error);
    const failures = tasks.map((task) => {
      const after = counts ? afterFailure(task.failures + 1, Math.random()) : undefined;
      return { task, after, failure: { counts, error: { message } } };
    });
    const stack = counts && error instanceof Error ? error.stack : undefined;
    this.logger.warn({ reason: message, tasks: tasks.length, taskId: tasks[0]?.id, stack }, 'tasks failed; they are tried again');
    try {
      const later = await Promise.all(
        failures.map(async ({ task, after, failure }) => {
          if (after?.givenUp === true && (await this.giveUp(task, message))) return [];
          const delayMs = after === undefined ? passingMs * (0.5 + Math.random() / 2) : after.givenUp ? givenUpMs : after.delayMs;
          return [{ task, delayMs, failure }];
        }),
      );
      const postponed = later.flat();
      await postponeTasks(this.database.pool, postponed);
      for (const { delayMs } of postponed) this.wakeUps.in(delayMs);
    } catch (failure) {
      this.logger.warn({ reason: messageOf(failure), tasks: tasks.length }, 'tasks left to the sweeps');
    }
  }

  /** False: not even that could be written. */
  private async giveUp(task: Task, lastMessage: string): Promise<boolean> {
    const times = task.failures + 1;
    const error = { code: 'keeps_failing', message: `Its task failed ${times} times; at last: ${lastMessage}`.slice(0, messageMax) };
    try {
      for (let decision = 1; decision <= fencedMax; decision += 1) {
        const { outcome } = await this.committer.add(await this.lastWorkOf(task, error));
        if (outcome !== 'fenced') return true;
      }
    } catch (failure) {
      this.logger.error({ reason: messageOf(failure), taskId: task.id }, 'a task that keeps failing cannot be given up either');
    }
    return false;
  }

  private async lastWorkOf(task: Task, error: DeadLetterError): Promise<Work> {
    const { id, epoch, tenantId, kind, executionId, iteration, webhookEvent, payload } = task;
    const workflowId = isBeginPayload(payload) ? payload.workflowId : undefined;
    const tasks = [{ id, epoch, dies: { reason: 'keeps_failing', error, workflowId } as const }];
    if (webhookEvent !== null) {
      const { id: webhookEventId, correlationId } = webhookEvent;
      const start = { kind: 'start', tasks, tenantId, webhookEventId, correlationId, item: null, listeners: [], matches: [] } as const;
      return { ...start, failure: error, ...(isReplayOrder(payload) ? { replayId: payload.replayId } : {}) };
    }
    const decidesItsRun = kind === 'step' || kind === 'effect' || kind === 'resume';
    if (executionId === null || !decidesItsRun) return { kind: 'step', tasks, step: undefined };
    const run = (await readRuns(this.database.pool, [{ tenantId, executionId, iterations: [iteration] }])).get(executionId);
    const isOver = run === undefined || executionIsOver(run.state);
    return isOver ? { kind: 'step', tasks: [{ id, epoch }], step: undefined } : { kind: 'step', tasks, step: failedStep(run, error) };
  }
}

/** What can be neither done nor given up is tried again all the same. */
const givenUpMs = 300_000;
const messageMax = 1_000;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
