import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ServiceDatabase } from '@sluice/platform-database';
import { failpoint } from '@sluice/platform-failpoints';
import { Tickets, TicketWindows, withhold, type WrittenTask } from '@sluice/platform-queue';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import { advanceReplays, lookAtSources } from '@sluice/webhooks-write';
import { crashesTotal, leasesExpiredTotal } from '../steps/execution-metrics.js';
import { leaseMs } from '../steps/leases.js';
import { TaskRunner } from '../task-runner.js';
import { Dispatcher } from './dispatcher.js';
import { drainReleasedChannels } from './drain-released-channels.js';
import { fireDueSchedules } from './fire-due-schedules.js';
import { queueDepth } from './queue-metrics.js';
import { countTasks, endDueWaits, fireDueTimers, keepHouse, renewOldTickets, requeueExpiredLeases, sealAudit } from './sweep-queries.js';
import { WakeUps } from './wake-ups.js';

const everyMs = 500;
const ticketLifeMs = 30_000;
/** While nothing waits to be taken, a ticket this old is lost. What is lost takes its tenant's places until it is found. */
const idleTicketLifeMs = 5_000;
/** Without a ticket for this long a worker looks into Postgres itself: the system drains without Redis, slower. */
const silenceMs = 1_000;
const keeperEveryMs = 1_000;
const housekeepingEveryMs = 60_000;
const youngEveryMs = 1_000;
const sourcesEveryMs = 5_000;
const countingEveryMs = 15_000;
const polledMax = 200;

/**
 * Finds what no callback will: lost tickets, expired leases, due timers and retries (R8). Runs in every worker, skips what others
 * hold, and costs four small index scans when there is nothing to do.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> = Promise.resolve();
  private again = false;
  private busy = false;
  /** When a round of sweeps ended, well or not */
  turnedAt = performance.now();
  private keeper: string | undefined;
  private keeperAskedAt = 0;
  private houseKeptAt = 0;
  private youngAskedAt = Number.NEGATIVE_INFINITY;
  private countedAt = Number.NEGATIVE_INFINITY;
  private sourcesSeenAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: ServiceDatabase,
    private readonly tickets: Tickets,
    private readonly windows: TicketWindows,
    private readonly dispatcher: Dispatcher,
    private readonly runner: TaskRunner,
    private readonly wakeUps: WakeUps,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.wakeUps.onWake(() => this.sweepSoon());
    this.sweepSoon();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.sweeping;
  }

  private sweepSoon(): void {
    if (this.stopped) return;
    if (this.busy) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.busy = true;
    this.again = false;
    this.sweeping = this.sweep()
      .catch((error: unknown) => this.logger.warn({ reason: error instanceof Error ? error.message : String(error) }, 'a sweep failed'))
      .finally(() => {
        this.busy = false;
        this.turnedAt = performance.now();
        if (this.again) return this.sweepSoon();
        // Workers that started together must not sweep together.
        if (!this.stopped) this.timer = setTimeout(() => this.sweepSoon(), everyMs * (0.75 + Math.random() / 2));
      });
  }

  private async sweep(): Promise<void> {
    const { pool } = this.database;
    const now = performance.now();
    const requeued = await requeueExpiredLeases(pool, leaseMs);
    leasesExpiredTotal.inc(requeued.tasks);
    crashesTotal.inc(requeued.crashes);
    if (requeued.tasks > 0) this.logger.warn(requeued, 'leases ran out; their tasks are ready again');
    await failpoint('tmr.after_select');
    const fired = await fireDueTimers(pool);
    await failpoint('tmr.before_commit');
    await this.issue(fired);
    await this.issue(await endDueWaits(pool));
    await failpoint('swp.mid');
    await this.apart('schedules', async () => this.issue(await fireDueSchedules(pool)));
    await this.apart('released channels', async () => this.issue(await drainReleasedChannels(pool)));
    await this.apart('replays', async () => this.issue(await advanceReplays(this.database)));
    await this.dispatcher.look();

    if (now - this.keeperAskedAt > keeperEveryMs) {
      this.keeperAskedAt = now;
      const keeper = await this.tickets.keeper();
      const lost = keeper !== undefined && this.keeper !== undefined && keeper !== this.keeper;
      this.keeper = keeper ?? this.keeper;
      if (lost) {
        this.logger.warn('the queue lost its tickets; issuing them again');
        await this.issueAll(0);
      } else {
        await this.issueAll((await this.tickets.waiting()) === 0 ? idleTicketLifeMs : ticketLifeMs);
      }
    }
    if (now - this.youngAskedAt > youngEveryMs) {
      this.youngAskedAt = now;
      await this.apart('young tables', async () => void (await pool.query('SELECT count_young_tables()')));
    }
    if (now - this.sourcesSeenAt > sourcesEveryMs) {
      this.sourcesSeenAt = now;
      await this.apart('sources', () => lookAtSources(this.database));
    }
    if (now - this.runner.lastTicketAt > silenceMs) await this.runner.handle(await renewOldTickets(pool, silenceMs, polledMax));
    if (now - this.countedAt > countingEveryMs) {
      this.countedAt = now;
      await this.apart('counting', async () => {
        const counts = await countTasks(pool);
        queueDepth.reset();
        for (const { queue, state, tasks } of counts) queueDepth.set({ queue, state }, tasks);
      });
    }
    if (now - this.houseKeptAt > housekeepingEveryMs) {
      this.houseKeptAt = now;
      const strays = await keepHouse(pool, (part, work) => this.apart(part, work));
      if (strays > 0)
        this.logger.error({ strays }, 'events fell into the log\u2019s default partition: sweeps came too late to make the next one');
      await this.apart('audit', async () => {
        // Told to the log as well: whoever changes the store has not changed what was collected.
        for (const seal of await sealAudit(pool)) this.logger.info(seal, 'the audit is sealed');
      });
    }
  }

  /** What may wait for locks or fail by itself keeps the other sweeps from nothing. */
  private async apart(name: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) =>
      this.logger.warn({ sweep: name, reason: error instanceof Error ? error.message : String(error) }, 'a sweep failed'),
    );
  }

  private async issueAll(olderThanMs: number): Promise<void> {
    const began = performance.now();
    for (;;) {
      // What this loop issues is younger than it.
      const tickets = await renewOldTickets(this.database.pool, olderThanMs + performance.now() - began);
      if (tickets.length === 0 || this.stopped) return;
      await this.tickets.issue(tickets);
    }
  }

  /** Those of what a sweep wrote for which there is room; the dispatcher has the rest. */
  private async issue(tasks: readonly WrittenTask[]): Promise<void> {
    if (tasks.length === 0) return;
    const tickets = await withhold((text, values) => this.database.pool.query(text, values), tasks, this.windows);
    await failpoint('disp.after_mark');
    if (tickets.length > 0) await this.tickets.issue(tickets);
    await failpoint('disp.after_add');
  }
}
