import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { CommandCall } from '@sluice/platform-telemetry';
import type { FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { callerOf } from './auth.js';
import { correlationOf } from './correlation.js';
import { idempotencyKeyIn, requestHashOf } from './idempotency-key.js';
import { pathOf } from './problem.filter.js';

/**
 * Before every route that is not a GET: says in the call's context who asks for what, for `CommandStore`. So no handler can forget the
 * audit or the `Idempotency-Key`. Public routes have no caller and are no commands.
 */
export class CommandCalls implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = callerOf(request);
    if (caller !== undefined && request.method !== 'GET' && request.method !== 'HEAD') {
      const key = idempotencyKeyIn(request);
      const { tenantId, userId, role } = caller;
      const call: CommandCall = {
        action: `${nameOf(context.getClass())}.${context.getHandler().name}`,
        by: userId,
        role,
        from: request.ip,
        method: request.method,
        path: pathOf(request),
        subject: subjectOf(request),
        ...(key !== undefined && { idempotency: { tenantId, key, requestHash: requestHashOf(request, tenantId, key) } }),
      };
      correlationOf(request).command = call;
    }
    return next.handle();
  }
}

/** `WorkflowsController` is `workflows`. */
function nameOf({ name }: { readonly name: string }): string {
  const subject = name.replace(/Controller$/, '');
  return subject.charAt(0).toLowerCase() + subject.slice(1);
}

/** Of `/api/provider-apps/:id/rotate`: the `provider_app` of this id. */
function subjectOf({ routeOptions, params }: FastifyRequest): CommandCall['subject'] {
  const collection = /^\/api\/([^/]+)/.exec(routeOptions.url ?? '')?.[1] ?? '';
  const id = typeof params === 'object' && params !== null && 'id' in params && typeof params.id === 'string' ? params.id : undefined;
  return { type: collection.replaceAll('-', '_').replace(/s$/, ''), id: id?.toLowerCase() };
}
