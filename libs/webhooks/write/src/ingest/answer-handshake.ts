import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DomainError } from '@sluice/kernel';
import { type HandshakeAnswer, providerNamed, type ProviderRequest } from '@sluice/providers';
import { ChannelDirectory } from './channel-directory.js';
import { receivedTotal } from './ingest-metrics.js';
import { isRouteOf, type WebhookPath, WebhookIsUnknown } from './ingest-delivery.js';

export class HandshakeIsRefused extends DomainError {
  constructor() {
    super('forbidden', 'handshake_refused', 'The verify token is missing or wrong. Check the verify token of the channel.');
  }
}

/** A provider asks whether this address is ours, before it sends events there. */
export class AnswerHandshake extends Query<Extract<HandshakeAnswer, { ok: true }>> {
  constructor(
    readonly path: WebhookPath,
    readonly request: ProviderRequest,
    /** Whom a guess of a path is counted under */
    readonly from: string,
  ) {
    super();
  }
}

@QueryHandler(AnswerHandshake)
export class AnswerHandshakeHandler implements IQueryHandler<AnswerHandshake> {
  constructor(private readonly directory: ChannelDirectory) {}

  async execute({ path, request, from }: AnswerHandshake): Promise<Extract<HandshakeAnswer, { ok: true }>> {
    const source = await this.directory.find(path.clientUuid, from);
    const adapter = source === undefined ? undefined : providerNamed(source.provider);
    if (source === undefined || adapter === undefined || !isRouteOf(path, source, adapter.actionTypes)) {
      throw new WebhookIsUnknown();
    }
    const answer = adapter.handshake?.(request, source.channel) ?? { ok: false, reason: 'handshake_unsupported' };
    receivedTotal.inc({ provider: adapter.name, result: answer.ok ? 'handshake' : answer.reason });
    if (!answer.ok) throw new HandshakeIsRefused();
    return answer;
  }
}
