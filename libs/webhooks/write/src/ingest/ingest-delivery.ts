import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainError } from '@sluice/kernel';
import { failpoint } from '@sluice/platform-failpoints';
import { type ProviderAdapter, type ProviderAnswer, providerNamed, type ProviderRequest, type RejectionReason } from '@sluice/providers';
import { acceptDelivery, type AcceptedDelivery, keptRequest, readBody } from './accept-delivery.js';
import { ChannelDirectory, type Source } from './channel-directory.js';
import { BodyIsMalformed, cannotCommit, DeliveryGroups } from './delivery-groups.js';
import { DeliveryLimits } from './delivery-limits.js';
import { SourceCounts } from '../sources/source-counts.js';
import { acknowledgementSeconds, receivedTotal } from './ingest-metrics.js';
import { type WebhookAnswer, WebhookAnswers } from './webhook-answers.js';
import type { WrittenDelivery } from './write-deliveries.js';

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
    /** Whom a guess of a path is counted under */
    readonly from: string,
  ) {
    super();
  }
}

@CommandHandler(IngestDelivery)
export class IngestDeliveryHandler implements ICommandHandler<IngestDelivery> {
  constructor(
    private readonly directory: ChannelDirectory,
    private readonly groups: DeliveryGroups,
    private readonly limits: DeliveryLimits,
    private readonly answers: WebhookAnswers,
    private readonly counts: SourceCounts,
  ) {}

  async execute({ path, request, correlationId, from }: IngestDelivery): Promise<WebhookAnswer | undefined> {
    const began = performance.now();
    await failpoint('gw.after_read');
    const source = await this.directory.find(path.clientUuid, from).catch(cannotCommit);
    const adapter = source === undefined ? undefined : providerNamed(source.provider);
    if (source === undefined || adapter === undefined || !isRouteOf(path, source, adapter.actionTypes)) {
      receivedTotal.inc({ provider: 'unknown', result: 'unknown_path' });
      throw new WebhookIsUnknown();
    }

    const verification = adapter.verify(request, source.channel);
    if (!verification.ok) {
      receivedTotal.inc({ provider: adapter.name, result: verification.reason });
      if (!this.directory.isTest(source, request)) {
        this.limits.signatureRefused(source);
        this.counts.refused(source, verification.reason);
      }
      throw new SignatureIsRefused(verification.reason);
    }
    this.takeQuota(source, adapter);
    const { delivery, written, answer } = await this.record(source, adapter, path, request, correlationId).catch((error: unknown) => {
      this.limits.giveBack(source);
      throw error;
    });
    await failpoint('gw.before_ack');
    receivedTotal.inc({
      provider: adapter.name,
      result: written.eventIds.length === 0 && delivery.events.length > 0 ? 'duplicate' : 'accepted',
    });
    const fresh = new Set(written.eventIds);
    this.counts.accepted(source, delivery, fresh);
    const answered = delivery.events.find(({ id, isAnswered }) => isAnswered && fresh.has(id));
    if (answered !== undefined) return this.answers.wait(source.tenantId, answered.id);
    acknowledgementSeconds.observe((performance.now() - began) / 1_000);
    return answer === undefined ? undefined : { status: answer.status, headers: { 'content-type': answer.contentType }, body: answer.body };
  }

  private takeQuota(source: Source, { name: provider }: ProviderAdapter): void {
    try {
      this.limits.take(source);
    } catch (error) {
      receivedTotal.inc({ provider, result: 'quota' });
      this.counts.refused(source, 'quota');
      throw error;
    }
  }

  private async record(
    source: Source,
    adapter: ProviderAdapter,
    path: WebhookPath,
    request: ProviderRequest,
    correlationId: string,
  ): Promise<{ readonly delivery: AcceptedDelivery; readonly written: WrittenDelivery; readonly answer: ProviderAnswer | undefined }> {
    const said = readBody(adapter, source, request);
    if (said === 'malformed') {
      receivedTotal.inc({ provider: adapter.name, result: 'malformed_json' });
      this.counts.refused(source, 'malformed_json');
      throw new BodyIsMalformed();
    }
    const routed = await source.route(said.events).catch(cannotCommit);
    const { encryption } = this.directory;
    const { actionType } = path;
    const terms = { actionType, correlationId, encryption, body: said.body, isTest: this.directory.isTest(source, request) };
    const delivery = acceptDelivery(source, routed, keptRequest(adapter, source, request), terms);
    return { delivery, written: await this.groups.add(delivery), answer: said.answer };
  }
}

export const isRouteOf = (path: WebhookPath, { provider, triggerTypes }: Source, actionTypes: readonly string[]): boolean =>
  (path.triggerType === provider || triggerTypes.includes(path.triggerType)) &&
  (path.actionType === 'all' || actionTypes.includes(path.actionType));
