import { type CallHandler, createParamDecorator, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { DomainError } from '@sluice/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Observable, tap } from 'rxjs';

export class IfMatchIsMalformed extends DomainError {
  constructor() {
    super('malformed', 'if_match_is_malformed', 'If-Match must be a revision as given in ETag, for example "3".');
  }
}

/** The revision in `If-Match`; undefined without the header or for `*`. */
export function revisionIn(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const [, revision] = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(header) ?? [];
  if (revision === undefined) throw new IfMatchIsMalformed();
  return Number(revision);
}

export const IfMatch = createParamDecorator((_: unknown, context: ExecutionContext): number | undefined =>
  revisionIn(context.switchToHttp().getRequest<FastifyRequest>().headers['if-match']),
);

/** An answer that has a `revision` carries it as `ETag`. */
@Injectable()
export class RevisionETag implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      tap((answer: unknown) => {
        if (typeof answer !== 'object' || answer === null || !('revision' in answer) || typeof answer.revision !== 'number') return;
        void context.switchToHttp().getResponse<FastifyReply>().header('etag', `"${answer.revision}"`);
      }),
    );
  }
}
