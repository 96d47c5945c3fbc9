import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { limits } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import type { HttpConfig, JwtConfig } from '@sluice/platform-config';
import { Rates } from '@sluice/platform-rates';
import { type Logger, NestLogger, withCorrelation } from '@sluice/platform-telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AuthGuard, type Authenticator } from './auth.js';
import { readBodies } from './bodies.js';
import { keepCeiling } from './ceiling.js';
import { CommandCalls } from './command-calls.js';
import { correlationOf, logged } from './correlation.js';
import { type OpenApiOptions, serveOpenApi } from './open-api.js';
import { hideSurfaces } from './exposure.js';
import { ProblemFilter, sendProblem } from './problem.filter.js';
import { RequestCeiling } from './request-ceiling.js';
import { TokenReader } from './token-reader.js';
import { validationPipe } from './validation.js';

export interface HttpAppOptions {
  readonly logger: Logger;
  /** Who decides about credentials on this app's routes; a provider of the app. Without it only public routes answer. */
  readonly authenticator?: abstract new (...dependencies: never[]) => Authenticator;
  /** Given: JWTs are taken beside API keys */
  readonly jwt?: JwtConfig;
  /** Who reaches `/metrics` and `/api/docs`, whose word about a caller's address is taken, and how many requests a credential may make */
  readonly http: Pick<HttpConfig, 'exposed' | 'trustedProxies' | 'requestsPerMinute'>;
  /** Given: `/api/docs` and `/api/docs-json` */
  readonly openApi?: OpenApiOptions;
}

/** `%00` in a path or query could only end in an error of the database. */
class AddressIsMalformed extends DomainError {
  constructor() {
    super('malformed', 'malformed_address', 'The address holds a NUL character.');
  }
}

class HeadersAreTooMany extends DomainError {
  constructor() {
    super('malformed', 'malformed_request', `A request may have at most ${limits.headers} headers.`, { title: 'Malformed request' });
  }
}

/** The one way an app speaks HTTP: Fastify, bodies, correlation, validation, authorisation, problems. Not yet listening. */
export async function createHttpApp(
  rootModule: Parameters<typeof NestFactory.create>[0],
  options: HttpAppOptions,
): Promise<NestFastifyApplication> {
  const { logger, authenticator, jwt, http, openApi } = options;
  const adapter = new FastifyAdapter({
    http: { maxHeaderSize: limits.headerBytes },
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    routerOptions: { maxParamLength: limits.pathPartCharacters },
    return503OnClosing: false,
    multipart: false,
    trustProxy: http.trustedProxies.length > 0 && [...http.trustedProxies],
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => sendProblem(error, request, reply, logger),
  });
  const fastify: FastifyInstance = adapter.getInstance();
  correlate(fastify, logger);
  hideSurfaces(fastify, http.exposed);
  keepCeiling(fastify, limits.inFlightBytes);
  readBodies(fastify);

  const app = await NestFactory.create<NestFastifyApplication>(rootModule, adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: new NestLogger(logger),
  });
  app.useGlobalFilters(new ProblemFilter(logger));
  app.useGlobalPipes(validationPipe());
  const known = authenticator === undefined ? undefined : app.get<Authenticator>(authenticator, { strict: false });
  const tokens = jwt === undefined ? undefined : new TokenReader(jwt, logger);
  const ceiling = known === undefined ? undefined : new RequestCeiling(app.get(Rates, { strict: false }), http.requestsPerMinute);
  app.useGlobalGuards(new AuthGuard(known, tokens, ceiling));
  app.useGlobalInterceptors(new CommandCalls());
  if (openApi !== undefined) serveOpenApi(app, openApi);
  return app;
}

function correlate(fastify: FastifyInstance, logger: Logger): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const correlation = correlationOf(request);
    // On the raw response: streams that bypass Fastify's reply carry them too.
    reply.raw.setHeader('x-correlation-id', correlation.correlationId);
    reply.raw.setHeader('x-content-type-options', 'nosniff');
    if (/%00/.test(request.raw.url ?? '')) done(new AddressIsMalformed());
    else if (request.raw.rawHeaders.length > 2 * limits.headers) done(new HeadersAreTooMany());
    else withCorrelation(correlation, done);
  });
  // Reading a body leaves the asynchronous context: enter it again, and stay in it through guards, pipes and handlers.
  fastify.addHook('preValidation', (request, _reply, done) => withCorrelation(correlationOf(request), done));
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const { logPosition, command } = correlationOf(request);
    if (logPosition !== undefined) reply.raw.setHeader('x-log-position', logPosition);
    if (command?.outcome === 'replayed') reply.raw.setHeader('idempotent-replayed', 'true');
    done(null, payload);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    logger.debug(
      {
        ...logged(correlationOf(request)),
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
    done();
  });
}
