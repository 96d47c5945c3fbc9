import { HttpException } from '@nestjs/common';
import { DomainError, type ErrorKind, type InputError } from '@sluice/kernel';
import { isOutage } from '@sluice/platform-database';

/** RFC 9457. `type` is a path, resolved against the API that answered: `/problems/<code>`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly correlationId: string;
  readonly errors?: readonly InputError[];
  /** Providers' consoles show this field; only under `/webhooks/` */
  readonly error?: string;
}

export interface Failure {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly InputError[];
  readonly retryAfterSeconds?: number;
  /** Nobody foresaw it: to be logged with its stack */
  readonly unexpected: boolean;
}

export const statusOfKind: Readonly<Record<ErrorKind, number>> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition: 412,
  too_large: 413,
  invalid: 422,
  too_many: 429,
  unavailable: 503,
};

const codeOfStatus: Readonly<Record<number, string>> = {
  400: 'malformed_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  409: 'conflict',
  412: 'precondition_failed',
  413: 'body_too_large',
  414: 'path_too_long',
  415: 'unsupported_media_type',
  422: 'invalid',
  429: 'too_many_requests',
  503: 'unavailable',
};

/** What an error of any origin means to the caller. Nothing of an unforeseen one is told. */
export function failureOf(error: unknown): Failure {
  if (error instanceof DomainError) {
    const { errors, retryAfterSeconds, title = sentence(error.name) } = error.details;
    const status = statusOfKind[error.kind];
    return {
      status,
      code: error.code,
      title,
      detail: error.message,
      errors,
      retryAfterSeconds: pauseOf(status, retryAfterSeconds),
      unexpected: false,
    };
  }
  if (isOutage(error)) {
    return {
      status: 503,
      code: 'store_unavailable',
      title: 'Store is unavailable',
      detail: 'A store that this call needs cannot be reached; try again.',
      retryAfterSeconds: pauseOf(503, undefined),
      unexpected: true,
    };
  }
  const status = error instanceof HttpException ? error.getStatus() : clientErrorOf(error);
  const code = status === undefined ? undefined : codeOfStatus[status];
  if (error instanceof Error && status !== undefined && code !== undefined) {
    return { status, code, title: sentence(code), detail: error.message, retryAfterSeconds: pauseOf(status, undefined), unexpected: false };
  }
  return { status: 500, code: 'internal_error', title: 'Internal error', detail: 'Something went wrong on our side.', unexpected: true };
}

export function problemOf(failure: Failure, instance: string, correlationId: string): Problem {
  const { status, code, title, detail, errors } = failure;
  return {
    type: `/problems/${code}`,
    title,
    status,
    detail,
    instance,
    correlationId,
    ...(errors !== undefined && { errors }),
    ...(instance.startsWith('/webhooks/') && { error: status < 500 ? 'Invalid webhook request' : 'Webhook not accepted' }),
  };
}

const pauseOf = (status: number, seconds: number | undefined) =>
  status === 429 || status === 503 || seconds !== undefined ? Math.max(1, Math.ceil(seconds ?? 1)) : undefined;

/** `WorkflowIsArchived` and `workflow_is_archived` read as "Workflow is archived". */
function sentence(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Fastify's own errors carry a status; only the caller's faults are told as they are. */
function clientErrorOf(error: unknown): number | undefined {
  if (!(error instanceof Error && 'statusCode' in error && 'code' in error)) return undefined;
  const { statusCode, code } = error;
  const ofFastify = typeof code === 'string' && code.startsWith('FST_');
  return ofFastify && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}
