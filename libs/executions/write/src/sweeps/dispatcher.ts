import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { ServiceDatabase, storeClock } from '@sluice/platform-database';
import { Tickets } from '@sluice/platform-queue';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import { QuotaNotices } from '@sluice/tenancy-write';
import { dayOf } from '../steps/run-limits.js';
import { oldestWaitingSeconds } from './queue-metrics.js';
import { giveTickets } from './give-tickets.js';
import { oldestWaiting } from './sweep-queries.js';

/** While tasks wait, the windows are filled again when so many were taken here, */
const takenMax = 150;
/** and after this long, for what others took. So it is for a while after the last one: what others withheld may just have come. */
const againMs = 100;
const afterMs = 1_000;
/** Reasons to look that come together are one. */
const togetherMs = 5;

/**
 * Fills what is free in the windows with tasks that wait for a ticket, round robin by tenant. It runs in every worker; one at a time looks.
 * While nothing waits it is asked by the sweeps alone.
 */
@Injectable()
export class Dispatcher implements BeforeApplicationShutdown {
  private isBehind = false;
  private atLimit: ReadonlySet<string> = new Set();
  /** By tenant, the day on which it was told here that its runs are used up */
  private readonly told = new Map<string, string>();
  private taken = 0;
  private issuedAt = Number.NEGATIVE_INFINITY;
  /** Where the next round begins to look */
  private from: string | undefined;
  private looking: Promise<void> | undefined;
  private again = false;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly database: ServiceDatabase,
    private readonly tickets: Tickets,
    private readonly notices: QuotaNotices,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Tasks were done here, or calls: there is room for others. */
  took(tasks: number): void {
    this.taken += tasks;
    if (this.isBehind && this.taken >= takenMax) this.lookIn(0);
  }

  /** A run of this tenant is over, or waits. */
  ended(tenantId: string): void {
    if (this.atLimit.has(tenantId)) this.lookIn(togetherMs);
  }

  /** Resolves when what is due now has its tickets, or there is no room for more. */
  async look(): Promise<void> {
    this.again = true;
    this.looking ??= this.rounds();
    await this.looking;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private tellSpent(spent: ReadonlyMap<string, number>): void {
    const day = dayOf(storeClock.now());
    const [from, until] = [day.from.toISOString(), day.until.toISOString()];
    for (const [tenantId, limit] of spent) {
      if (this.told.get(tenantId) === from) continue;
      this.told.set(tenantId, from);
      void this.notices.exceeded(tenantId, { quota: 'dailyExecutions', limit, from, until });
    }
  }

  private lookIn(ms: number): void {
    clearTimeout(this.timer);
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.look(), ms);
  }

  private async rounds(): Promise<void> {
    try {
      while (this.again && !this.stopped) {
        this.again = false;
        await this.round();
      }
    } catch (error) {
      this.logger.warn({ reason: error instanceof Error ? error.message : String(error) }, 'tickets were not issued');
    } finally {
      this.looking = undefined;
    }
    if (this.isBehind || performance.now() - this.issuedAt < afterMs) this.lookIn(againMs);
  }

  private async round(): Promise<void> {
    this.taken = 0;
    const oldest = await oldestWaiting(this.database.pool);
    oldestWaitingSeconds.set(oldest ?? 0);
    if (oldest === undefined) {
      this.isBehind = false;
      this.atLimit = new Set();
      return;
    }
    const round = await this.database.withClient((client) => giveTickets(client, this.from));
    // While another one looks, what it leaves is looked at in a while.
    this.isBehind = round?.isMoreDue ?? true;
    if (round === undefined) return;
    this.atLimit = round.atLimit;
    this.from = round.more;
    this.tellSpent(round.spent);
    if (round.tickets.length === 0) return;
    this.issuedAt = performance.now();
    await this.tickets.issue(round.tickets);
  }
}
