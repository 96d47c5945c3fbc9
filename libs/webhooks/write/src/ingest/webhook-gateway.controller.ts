import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { EventPattern } from '@nestjs/microservices';
import { newId } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import { Public } from '@sluice/platform-http';
import { domainEventPattern, WEBHOOK_ANSWERED, type WebhookAnswered } from '@sluice/platform-notifications';
import { sourceOf } from '@sluice/platform-rates';
import { currentCorrelation } from '@sluice/platform-telemetry';
import type { ProviderRequest } from '@sluice/providers';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AnswerHandshake } from './answer-handshake.js';
import { ChannelDirectory } from './channel-directory.js';
import { IngestDelivery, type WebhookPath } from './ingest-delivery.js';
import { WebhookAnswers } from './webhook-answers.js';

const nothing = Buffer.alloc(0);

const requestOf = (request: FastifyRequest): ProviderRequest => ({
  method: request.method,
  url: request.raw.url ?? '/',
  body: Buffer.isBuffer(request.body) ? request.body : nothing,
  headers: request.headers,
  query: request.query as ProviderRequest['query'],
  receivedAt: storeClock.now(),
});

/** Where providers call. Open to everybody: a handshake shows the verify token, a delivery its signature. */
@Public()
@Controller('webhooks/:clientUuid/:triggerType/:actionType')
export class WebhookGatewayController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly directory: ChannelDirectory,
    private readonly answers: WebhookAnswers,
  ) {}

  @Get()
  async handshake(@Param() path: WebhookPath, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const answer = await this.queries.execute(new AnswerHandshake(path, requestOf(request), sourceOf(request.ip)));
    await reply.status(answer.status).header('content-type', answer.contentType).send(answer.body);
  }

  @Post()
  @HttpCode(200)
  async deliver(
    @Param() path: WebhookPath,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string | { status: 'received' }> {
    const correlationId = currentCorrelation()?.correlationId ?? newId();
    const answer = await this.commands.execute(new IngestDelivery(path, requestOf(request), correlationId, sourceOf(request.ip)));
    if (answer === undefined) return { status: 'received' };
    // A workflow's words are never taken for a page of ours.
    reply.headers({ ...answer.headers, 'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'; sandbox" });
    reply.status(answer.status);
    return answer.body;
  }

  @EventPattern(WEBHOOK_ANSWERED)
  async hearAnswer({ webhookEventId }: WebhookAnswered): Promise<void> {
    await this.answers.hear(webhookEventId);
  }

  @EventPattern(
    [
      'channel.connected',
      'channel.credentials.rotated',
      'channel.disconnected',
      'provider_app.created',
      'provider_app.deleted',
      'webhook.registered',
      'webhook.deactivated',
    ].map(domainEventPattern),
  )
  forgetChannels(): void {
    this.directory.forget();
  }
}
