import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainError } from '@sluice/kernel';
import { codeOf, GroupCommit, Overloaded, ServiceDatabase } from '@sluice/platform-database';
import { EVENTS_APPENDED, Notifications } from '@sluice/platform-notifications';
import { Tickets } from '@sluice/platform-queue';
import type { Logger } from '@sluice/platform-telemetry';
import { providerNamed, type ProviderRequest, type RejectionReason } from '@sluice/providers';
import { type AcceptedDelivery, acceptDelivery } from './accept-delivery.js';
import { ChannelDirectory } from './channel-directory.js';
import { acknowledgementSeconds, receivedTotal } from './ingest-metrics.js';
import { writeDeliveries, type WrittenDelivery } from './write-deliveries.js';

export interface WebhookPath {
  readonly clientUuid: string;
  readonly triggerType: string;
  readonly actionType: string;
}

/** Nobody is known under this path. */
export class WebhookIsUnknown extends DomainError {
  constructor() {
    super('not_found', 'webhook_unknown', 'No channel listens here. Check the webhook address in the provider\u2019s settings.');
  }
}

/** Why is for our logs, never for the caller. */
export class SignatureIsRefused extends DomainError {
  constructor(readonly reason: RejectionReason) {
    super('unauthenticated', 'signature_refused', 'The signature is missing or wrong. Check the signing secret of the channel.');
  }
}

export class BodyIsMalformed extends DomainError {
  constructor() {
    super('malformed', 'malformed_json', 'The body is not JSON.');
  }
}

const badData = /^(22|23)/;
const mebibyte = 1024 * 1024;

/** One HTTP call of a provider, to be verified, recorded and acknowledged. Resolves when it is durable (Promise 1). */
export class IngestDelivery extends Command<void> {
  constructor(
    readonly path: WebhookPath,
    readonly request: ProviderRequest,
    readonly correlationId: string,
  ) {
    super();
  }
}

@CommandHandler(IngestDelivery)
export class IngestDeliveryHandler implements ICommandHandler<IngestDelivery> {
  constructor(
    private readonly directory: ChannelDirectory,
    private readonly groups: DeliveryGroups,
  ) {}

  async execute({ path, request, correlationId }: IngestDelivery): Promise<void> {
    const began = performance.now();
    const source = await this.directory.find(path.clientUuid).catch(cannotCommit);
    const adapter = source === undefined ? undefined : providerNamed(source.channel.provider);
    if (source === undefined || adapter === undefined || !isRouteOf(path, source.channel.provider, source.listeners, adapter.actionTypes)) {
      receivedTotal.inc({ provider: 'unknown', result: 'unknown_path' });
      throw new WebhookIsUnknown();
    }

    const verification = adapter.verify(request, source.channel.secrets);
    if (!verification.ok) {
      receivedTotal.inc({ provider: adapter.name, result: verification.reason });
      throw new SignatureIsRefused(verification.reason);
    }
    const delivery = acceptDelivery(adapter, source, path.actionType, request, correlationId);
    if (delivery === 'malformed') {
      receivedTotal.inc({ provider: adapter.name, result: 'malformed_json' });
      throw new BodyIsMalformed();
    }

    const written = await this.groups.add(delivery);
    receivedTotal.inc({ provider: adapter.name, result: written.eventIds.length === 0 && delivery.events.length > 0 ? 'duplicate' : 'accepted' });
    acknowledgementSeconds.observe((performance.now() - began) / 1_000);
  }
}

export const isRouteOf = (
  path: WebhookPath,
  provider: string,
  listeners: readonly { readonly triggerType: string }[],
  actionTypes: readonly string[],
): boolean =>
  (path.triggerType === provider || listeners.some(({ triggerType }) => triggerType === path.triggerType)) &&
  (path.actionType === 'all' || actionTypes.includes(path.actionType));

/** The database's trouble is never the provider's: it is told to come again. */
function cannotCommit(error: unknown): never {
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
    private readonly notifications: Notifications,
    @Inject('LOGGER') private readonly logger: Logger,
  ) {
    this.groups = new GroupCommit({
      flush: (deliveries) => this.flush(database, deliveries),
      isBadData: (error) => badData.test(codeOf(error) ?? ''),
      weightOf: ({ request, events }) => request.body.length * 2 + events.length * 512,
      itemsMax: 200,
      weightMax: 8 * mebibyte,
      inFlightMax: 2,
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
    const { deliveries: written, commitId } = await writeDeliveries(database.pool, deliveries).catch((error: unknown) => {
      this.logger.warn({ reason: error instanceof Error ? error.message : String(error), deliveries: deliveries.length }, 'deliveries not recorded');
      throw error;
    });
    const taskIds = written.flatMap((delivery) => delivery.taskIds);
    if (taskIds.length > 0) void this.tickets.issue(taskIds.map((id) => ({ id, gen: 1 })));
    if (commitId !== undefined) {
      this.notifications.emit(EVENTS_APPENDED, {
        commitId,
        tenants: [...new Set(deliveries.map(({ tenantId }) => tenantId))],
        types: ['webhook.received'],
      });
    }
    return written;
  }
}
