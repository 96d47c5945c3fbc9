import { applyDecorators, Injectable, UseInterceptors } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { ApiHeader, ApiQuery } from '@nestjs/swagger';
import { DomainError } from '@sluice/kernel';
import { currentCorrelation } from '@sluice/platform-telemetry';
import type { Observable } from 'rxjs';
import { Checkpoint } from './checkpoint.js';

const waitMs = 2_000;

class LogPositionIsMalformed extends DomainError {
  constructor() {
    super('malformed', 'log_position_is_malformed', 'X-Min-Log-Position must be a position, as commands answer it in X-Log-Position.', {
      errors: [{ path: 'X-Min-Log-Position', message: 'must be a non-negative whole number' }],
    });
  }
}

/** The position is taken before the query runs: the answer is at least as new as it says. */
@Injectable()
class LogPositionInterceptor implements NestInterceptor {
  constructor(private readonly checkpoint: Checkpoint) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | string[] | undefined> }>();
    const wanted = headers['x-min-log-position'];
    const position = wanted === undefined ? await this.checkpoint.position() : await this.checkpoint.reached(positionOf(wanted), waitMs);
    const correlation = currentCorrelation();
    if (correlation !== undefined) correlation.logPosition = String(position);
    return next.handle();
  }
}

function positionOf(header: string | string[]): number {
  const position = typeof header === 'string' && /^\d{1,16}$/.test(header) ? Number(header) : Number.NaN;
  if (!Number.isSafeInteger(position)) throw new LogPositionIsMalformed();
  return position;
}

/** On a controller of queries: `X-Min-Log-Position` waits up to 2 s for the read models, every answer carries `X-Log-Position`. */
export const ReadsTheLog = () =>
  applyDecorators(
    UseInterceptors(LogPositionInterceptor),
    ApiQuery({ name: 'tenantId', required: false, description: 'The credential’s own tenant; a platform key names the one it acts for' }),
    ApiHeader({
      name: 'X-Min-Log-Position',
      required: false,
      description: 'Read your own write: a command’s X-Log-Position. Waits up to 2 s for it.',
    }),
  );
