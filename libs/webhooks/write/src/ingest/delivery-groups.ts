import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { DomainError } from '@sluice/kernel';
import { codeOf, GroupCommit, Overloaded, repeated, ServiceDatabase } from '@sluice/platform-database';
import { failpoint } from '@sluice/platform-failpoints';
import { EVENTS_APPENDED, Notifications } from '@sluice/platform-notifications';
import { Tickets, TicketWindows } from '@sluice/platform-queue';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import type { AcceptedDelivery } from './accept-delivery.js';
import { writeDeliveries, type WrittenDelivery } from './write-deliveries.js';

const badData = /^(22|23)/;
const mebibyte = 1024 * 1024;

export class BodyIsMalformed extends DomainError {
  constructor() {
    super('malformed', 'malformed_json', 'The body is not JSON.');
  }
}

/** The database's trouble is never the provider's: it is told to come again. */
export function cannotCommit(error: unknown): never {
  if (error instanceof DomainError) throw error;
  throw new Overloaded('The event could not be recorded. Send it again.');
}

/** Deliveries in flight share commits; their tickets and hints follow the commit, never precede it. */
@Injectable()
export class DeliveryGroups implements BeforeApplicationShutdown {
  private readonly groups: GroupCommit<AcceptedDelivery, WrittenDelivery>;

  constructor(
    database: ServiceDatabase,
    private readonly tickets: Tickets,
    private readonly windows: TicketWindows,
    private readonly notifications: Notifications,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.groups = new GroupCommit({
      flush: (deliveries) => this.flush(database, deliveries),
      isBadData: (error) => badData.test(codeOf(error) ?? ''),
      laneOf: ({ tenantId }) => tenantId,
      weightOf: ({ request, events }) => request.body.length * 2 + events.length * 512,
      itemsMax: 200,
      weightMax: 8 * mebibyte,
      inFlightMax: 3,
      waitingWeightMax: 64 * mebibyte,
      budgetMs: 3_000,
    });
  }

  add(delivery: AcceptedDelivery): Promise<WrittenDelivery> {
    return this.groups.add(delivery).catch((error: unknown) => {
      if (badData.test(codeOf(error) ?? '')) throw new BodyIsMalformed();
      return cannotCommit(error);
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.groups.drain();
  }

  private async flush(database: ServiceDatabase, deliveries: readonly AcceptedDelivery[]): Promise<readonly WrittenDelivery[]> {
    await failpoint('gw.before_commit');
    const group = await repeated(() => writeDeliveries(database.pool, deliveries, this.windows)).catch((error: unknown) => {
      this.logger.warn(
        { reason: error instanceof Error ? error.message : String(error), deliveries: deliveries.length },
        'deliveries not recorded',
      );
      throw error;
    });
    await failpoint('gw.after_commit');
    const { commitId, tickets } = group;
    if (tickets.length > 0) void this.tickets.issue(tickets);
    if (commitId !== undefined) {
      this.notifications.emit(EVENTS_APPENDED, {
        commitId,
        tenants: [...new Set(deliveries.map(({ tenantId }) => tenantId))],
        types: ['webhook.received'],
      });
    }
    return group.deliveries;
  }
}
