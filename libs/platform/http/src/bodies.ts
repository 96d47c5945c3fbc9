import { limits } from '@sluice/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { assertParsable, assertStorable, BodyIsMalformed } from './json-body.js';
import { pathOf } from './problem.filter.js';

const isWebhook = (request: FastifyRequest) => pathOf(request).startsWith('/webhooks/');
const json = /^application\/(json|[\w!#$&^.+-]+\+json)\s*(;|$)/i;
const otherCharset = /charset=(?!"?utf-?8"?\s*(;|$))/i;
const wellFormedType = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/;

class MediaTypeIsUnsupported extends Error {
  readonly code = 'FST_ERR_CTP_INVALID_MEDIA_TYPE';
  readonly statusCode = 415;
}

/**
 * Under `/webhooks/` a body stays the bytes that were received, whatever its type: signatures are over exactly these. Everywhere
 * else a body is JSON or refused. Sizes are enforced while the body streams in; that of each provider by whoever knows who sends.
 */
export function readBodies(fastify: FastifyInstance): void {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');

  fastify.addHook('onRoute', (route) => {
    route.bodyLimit = route.url.startsWith('/webhooks/') ? limits.webhookBodyBytes : limits.bodyBytes;
  });

  // Fastify refuses a malformed type before any parser sees the body; a provider's bytes count all the same.
  fastify.addHook('onRequest', (request, _reply, done) => {
    const type = request.raw.headers['content-type'];
    if (type !== undefined && isWebhook(request) && !wellFormedType.test(type)) {
      request.raw.headers['content-type'] = 'application/octet-stream';
    }
    done();
  });

  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (isWebhook(request)) return done(null, body);
    if (body.length === 0) return done(null, undefined);
    const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers;
    if (!json.test(type) || otherCharset.test(type) || encoding.toLowerCase() !== 'identity') {
      return done(new MediaTypeIsUnsupported('The body must be application/json in UTF-8, not compressed.'));
    }
    try {
      assertParsable(body);
    } catch (error) {
      return done(error instanceof Error ? error : new BodyIsMalformed(String(error)));
    }
    return void parseJson(request, body.toString('utf8'), (error, value) => {
      if (error !== null) return done(new BodyIsMalformed('The body is not acceptable JSON.'));
      try {
        assertStorable(value);
        done(null, value);
      } catch (refusal) {
        done(refusal instanceof Error ? refusal : new BodyIsMalformed(String(refusal)));
      }
    });
  });

  fastify.addHook('preValidation', (request, _reply, done) => {
    if (request.body === undefined && isWebhook(request)) request.body = Buffer.alloc(0);
    done();
  });
}
