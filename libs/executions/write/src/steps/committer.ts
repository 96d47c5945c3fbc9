import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { Command, CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { GroupCommit, isOutage, ServiceDatabase } from '@sluice/platform-database';
import { announce } from '@sluice/platform-event-log';
import { failpoint } from '@sluice/platform-failpoints';
import { Notifications } from '@sluice/platform-notifications';
import { Tickets, TicketWindows } from '@sluice/platform-queue';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import { commitWork, type Committed, type CommittedGroup, tenantOf, type Work } from './commit-steps.js';
import { countEvents, fencedTotal } from './execution-metrics.js';

/** A batch of steps of many runs, to be written at once. */
export class CommitSteps extends Command<CommittedGroup> {
  constructor(readonly works: readonly Work[]) {
    super();
  }
}

@CommandHandler(CommitSteps)
export class CommitStepsHandler implements ICommandHandler<CommitSteps> {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly windows: TicketWindows,
  ) {}

  async execute({ works }: CommitSteps): Promise<CommittedGroup> {
    const committed = await this.database.withClient(async (client) => {
      const group = await commitWork(client, works, this.windows);
      await failpoint('wrk.before_commit');
      return group;
    });
    await failpoint('wrk.after_commit');
    return committed;
  }
}

/** Work that ends while a commit is being written goes into the next one. */
@Injectable()
export class Committer implements BeforeApplicationShutdown {
  /** When work was last written here */
  committedAt = performance.now();
  private readonly groups: GroupCommit<Work, Committed>;

  constructor(
    private readonly commands: CommandBus,
    private readonly notifications: Notifications,
    private readonly tickets: Tickets,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.groups = new GroupCommit({
      flush: (works) => this.flush(works),
      // One that Postgres or we cannot write is to be alone with that, whatever it is; a database that is away is away for all.
      isBadData: (error) => !isOutage(error),
      laneOf: tenantOf,
      weightOf: () => 1,
      itemsMax: 200,
      weightMax: 200,
      inFlightMax: 3,
      waitingWeightMax: 10_000,
      budgetMs: 10_000,
    });
  }

  add(work: Work): Promise<Committed> {
    return this.groups.add(work);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.groups.drain();
  }

  private async flush(works: readonly Work[]): Promise<readonly Committed[]> {
    const {
      works: committed,
      commitId,
      entries,
      tickets,
    } = await this.commands.execute(new CommitSteps(works)).catch((error: unknown) => {
      this.logger.warn({ reason: error instanceof Error ? error.message : String(error), works: works.length }, 'steps not committed');
      throw error;
    });
    this.committedAt = performance.now();
    if (tickets.length > 0) await this.tickets.issue(tickets);
    if (commitId !== undefined) announce(this.notifications, commitId, entries);
    countEvents(entries.map(({ event }) => event));
    fencedTotal.inc(committed.filter(({ outcome }) => outcome === 'fenced').length);
    return committed;
  }
}
