import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { Logger } from '@sluice/platform-telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter } from 'prom-client';
import { correlationOf, logged } from './correlation.js';
import { failureOf, problemOf } from './problem.js';

const failuresTotal = new Counter({
  name: 'sluice_http_failures_total',
  help: 'Calls that this process could not answer as it should: those answered with 500 or more, by the code of the problem',
  labelNames: ['status', 'code'] as const,
});

/** Every refusal and every failure leaves through here, as `application/problem+json`. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this.logger);
  }
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, logger: Logger): void {
  const correlation = correlationOf(request);
  const failure = failureOf(error);
  const instance = pathOf(request);
  if (failure.unexpected) {
    logger.error({ ...logged(correlation), method: request.method, path: instance, err: error }, 'a request failed');
  }
  if (failure.status >= 500) failuresTotal.inc({ status: failure.status, code: failure.code });
  // Too late to say anything: a stream is on its way or the caller is gone.
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  if (failure.status === 401) void reply.header('www-authenticate', 'Bearer');
  if (failure.retryAfterSeconds !== undefined) void reply.header('retry-after', String(failure.retryAfterSeconds));
  void reply
    .status(failure.status)
    .type('application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(problemOf(failure, instance, correlation.correlationId));
}

/** Without the query: it may hold what must not be repeated, such as a verify token. */
export const pathOf = ({ raw }: Pick<FastifyRequest, 'raw'>): string => (raw.url ?? '/').split('?', 1)[0] ?? '/';
