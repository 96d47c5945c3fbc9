import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ServiceDatabase } from '@sluice/platform-database';
import { type TaskTicket, Tickets } from '@sluice/platform-queue';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import { crashesTotal, leasesExpiredTotal } from '../steps/execution-metrics.js';
import { leaseMs } from '../steps/leases.js';
import { TaskRunner } from '../task-runner.js';
import { drainReleasedChannels } from './drain-released-channels.js';
import { fireDueSchedules } from './fire-due-schedules.js';
import { endDueWaits, fireDueTimers, keepHouse, renewOldTickets, requeueExpiredLeases, ticketDueTasks } from './sweep-queries.js';
import { WakeUps } from './wake-ups.js';

const everyMs = 500;
const ticketLifeMs = 30_000;
/** Without a ticket for this long a worker looks into Postgres itself: the system drains without Redis, slower. */
const silenceMs = 1_000;
const keeperEveryMs = 1_000;
const housekeepingEveryMs = 60_000;
const polledMax = 200;
/** Behind more than these an old ticket waits for its turn; it is not lost. Renewing it would only make the queue longer. */
const waitingMax = 5_000;
const renewedMax = 100;

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
  private keeper: string | undefined;
  private keeperAskedAt = 0;
  private houseKeptAt = 0;

  constructor(
    private readonly database: ServiceDatabase,
    private readonly tickets: Tickets,
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
    await this.issue(await fireDueTimers(pool));
    await this.issue(await endDueWaits(pool));
    await this.apart('schedules', async () => this.issue(await fireDueSchedules(pool)));
    await this.issue(await ticketDueTasks(pool));
    await this.apart('released channels', async () => this.issue(await drainReleasedChannels(pool)));

    if (now - this.keeperAskedAt > keeperEveryMs) {
      this.keeperAskedAt = now;
      const keeper = await this.tickets.keeper();
      const lost = keeper !== undefined && this.keeper !== undefined && keeper !== this.keeper;
      this.keeper = keeper ?? this.keeper;
      if (lost) {
        this.logger.warn('the queue lost its tickets; issuing them again');
        await this.issueAll(0);
      } else if ((await this.tickets.waiting()) < waitingMax) {
        await this.issueAll(ticketLifeMs);
      } else {
        // Some of the oldest all the same: one of them may be lost, and its turn would never come.
        await this.issue(await renewOldTickets(pool, ticketLifeMs, renewedMax));
      }
    }
    if (now - this.runner.lastTicketAt > silenceMs) await this.runner.handle(await renewOldTickets(pool, silenceMs, polledMax));
    if (now - this.houseKeptAt > housekeepingEveryMs) {
      this.houseKeptAt = now;
      await this.apart('housekeeping', async () => {
        const strays = await keepHouse(pool);
        if (strays > 0)
          this.logger.error({ strays }, 'events fell into the log\u2019s default partition: sweeps came too late to make the next one');
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
      await this.issue(tickets);
    }
  }

  private async issue(tickets: readonly TaskTicket[]): Promise<void> {
    if (tickets.length > 0) await this.tickets.issue(tickets);
  }
}
