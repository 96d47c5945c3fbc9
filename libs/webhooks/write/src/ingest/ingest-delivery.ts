import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainError } from '@sluice/kernel';
import { failpoint } from '@sluice/platform-failpoints';
import { providerNamed, type ProviderRequest, type RejectionReason } from '@sluice/providers';
import { acceptDelivery, readBody } from './accept-delivery.js';
import { ChannelDirectory, type Source } from './channel-directory.js';
import { BodyIsMalformed, cannotCommit, DeliveryGroups } from './delivery-groups.js';
import { acknowledgementSeconds, receivedTotal } from './ingest-metrics.js';
import { type WebhookAnswer, WebhookAnswers } from './webhook-answers.js';

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

/**
 * One HTTP call of a provider, to be verified, recorded and acknowledged. Resolves when it is durable (Promise 1); with the answer of a
 * workflow, where one answers calls itself and does so in time.
 */
export class IngestDelivery extends Command<WebhookAnswer | undefined> {
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
    private readonly answers: WebhookAnswers,
  ) {}

  async execute({ path, request, correlationId }: IngestDelivery): Promise<WebhookAnswer | undefined> {
    const began = performance.now();
    await failpoint('gw.after_read');
    const source = await this.directory.find(path.clientUuid).catch(cannotCommit);
    const adapter = source === undefined ? undefined : providerNamed(source.provider);
    if (source === undefined || adapter === undefined || !isRouteOf(path, source, adapter.actionTypes)) {
      receivedTotal.inc({ provider: 'unknown', result: 'unknown_path' });
      throw new WebhookIsUnknown();
    }

    const verification = adapter.verify(request, source.secrets);
    if (!verification.ok) {
      receivedTotal.inc({ provider: adapter.name, result: verification.reason });
      throw new SignatureIsRefused(verification.reason);
    }
    const said = readBody(adapter, source, request.body);
    if (said === 'malformed') {
      receivedTotal.inc({ provider: adapter.name, result: 'malformed_json' });
      throw new BodyIsMalformed();
    }

    const routed = await source.route(said).catch(cannotCommit);
    const delivery = acceptDelivery(source, routed, path.actionType, request, correlationId);
    const written = await this.groups.add(delivery);
    await failpoint('gw.before_ack');
    receivedTotal.inc({
      provider: adapter.name,
      result: written.eventIds.length === 0 && delivery.events.length > 0 ? 'duplicate' : 'accepted',
    });
    const fresh = new Set(written.eventIds);
    const answered = delivery.events.find(({ id, isAnswered }) => isAnswered && fresh.has(id));
    if (answered !== undefined) return this.answers.wait(source.tenantId, answered.id);
    acknowledgementSeconds.observe((performance.now() - began) / 1_000);
    return undefined;
  }
}

export const isRouteOf = (path: WebhookPath, { provider, triggerTypes }: Source, actionTypes: readonly string[]): boolean =>
  (path.triggerType === provider || triggerTypes.includes(path.triggerType)) &&
  (path.actionType === 'all' || actionTypes.includes(path.actionType));
