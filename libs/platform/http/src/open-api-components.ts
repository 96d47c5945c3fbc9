import type { OpenAPIObject } from '@nestjs/swagger';
import { limits, type ProblemEntry } from '@sluice/contracts';

const id = '01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e';

/** What every document has. */
export const components = {
  parameters: {
    tenantId: {
      name: 'tenantId',
      in: 'query',
      required: false,
      description: 'The credential’s own tenant, which need not be said; a platform key names the tenant it acts for.',
      schema: { type: 'string', format: 'uuid' },
    },
    ifMatch: {
      name: 'If-Match',
      in: 'header',
      required: false,
      description: 'The revision that the change is based on, as in `ETag`. Another one is answered 412.',
      schema: { type: 'string' },
      example: '"3"',
    },
    idempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description:
        'The same key with the same request has one effect and one answer, however often it is sent; with another request it is 422.',
      schema: { type: 'string', minLength: 1, maxLength: limits.idempotencyKeyCharacters },
      example: id,
    },
    minLogPosition: {
      name: 'X-Min-Log-Position',
      in: 'header',
      required: false,
      description: 'Read your own write: the `X-Log-Position` of a command. Waits up to 2 s until the answer is at least as new.',
      schema: { type: 'string', pattern: '^[0-9]{1,16}$' },
      example: '4711',
    },
    correlationId: {
      name: 'X-Correlation-Id',
      in: 'header',
      required: false,
      description: 'Kept through log, audit and runs; made if it is missing or not such a token.',
      schema: { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,128}$' },
      example: 'checkout-7f3a90c1',
    },
  },
  headers: {
    'X-Correlation-Id': { description: 'The request’s own, or the one that was made for it.', schema: { type: 'string' }, example: id },
    'X-Log-Position': {
      description: 'Of a command: where in the log its events end. Of a query: how far its read models are at least.',
      schema: { type: 'string', pattern: '^[0-9]{1,16}$' },
      example: '4711',
    },
    ETag: { description: 'The revision after the change, for `If-Match`.', schema: { type: 'string' }, example: '"4"' },
    'Idempotent-Replayed': {
      description: 'The answer of the first request with this `Idempotency-Key`; nothing was done again.',
      schema: { type: 'string', enum: ['true'] },
    },
    'Retry-After': { description: 'Seconds', schema: { type: 'integer', minimum: 1 }, example: 1 },
    'WWW-Authenticate': { description: 'The scheme', schema: { type: 'string' }, example: 'Bearer' },
  },
  schemas: {
    Problem: {
      type: 'object',
      description: `RFC 9457. Bodies over ${limits.bodyBytes / 1024 / 1024} MiB, too deep or not JSON are refused before they are understood.`,
      required: ['type', 'title', 'status', 'detail', 'instance', 'correlationId'],
      properties: {
        type: { type: 'string', description: '`/problems/<code>`; docs/errors.md tells of each', pattern: '^/problems/[a-z_]+$' },
        title: { type: 'string' },
        status: { type: 'integer', minimum: 400, maximum: 599 },
        detail: { type: 'string' },
        instance: { type: 'string', description: 'The path that was called' },
        correlationId: { type: 'string' },
        errors: { type: 'array', items: { $ref: '#/components/schemas/InputError' }, description: 'Every fault of the input' },
        error: { type: 'string', description: 'To providers alone' },
      },
    },
    InputError: {
      type: 'object',
      required: ['path', 'message'],
      properties: {
        path: { type: 'string', description: 'As in JavaScript: `nodes[3].config`' },
        message: { type: 'string' },
        code: { type: 'string' },
      },
    },
  },
} satisfies NonNullable<OpenAPIObject['components']>;

export const problemOf = (code: string, { status, title, detail }: ProblemEntry) => ({
  type: `/problems/${code}`,
  title,
  status,
  detail,
  instance: '/api/workflows',
  correlationId: id,
});
