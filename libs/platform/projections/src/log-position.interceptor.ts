import { applyDecorators, Injectable, SetMetadata, UseInterceptors } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiHeader, ApiQuery } from '@nestjs/swagger';
import { currentCorrelation } from '@sluice/platform-telemetry';
import { firstValueFrom, type Observable, of } from 'rxjs';
import { Checkpoint } from './checkpoint.js';
import { minPositionIn } from './min-position.js';
import { type Question, ReadCache } from './read-cache.js';

const waitMs = 2_000;
const cachedKey = 'sluice:cached';

interface Shown {
  /** Tables of which the answer shows the row of the route's `:id` */
  readonly rows?: readonly string[];
  /** Tables of which it shows whichever rows there are */
  readonly tables?: readonly string[];
}

/** On a route whose answer may be kept for a moment: what it shows, by which the projector's hints drop it. */
export const Cached = (shown: Shown) => SetMetadata(cachedKey, shown);

interface Request {
  readonly headers: Record<string, string | string[] | undefined>;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly url: string;
}

interface Response {
  header(name: string, value: string): unknown;
}

/** The position is taken before the query runs, or with the kept answer: what is answered is at least as new as it says. */
@Injectable()
class LogPositionInterceptor implements NestInterceptor {
  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly cache: ReadCache,
    private readonly reflector: Reflector,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<Request>();
    const minPosition = minPositionIn(request.headers);
    const question = this.questionOf(context, request, minPosition);
    const kept = question && this.cache.find(question);
    const position = kept?.position ?? (await this.positionFor(minPosition));
    if (question === undefined) {
      answerHas(position);
      return next.handle();
    }
    // Looked for again after the wait: of many who ask at once, the first reads for all.
    const ask = async () => JSON.stringify(await firstValueFrom(next.handle()));
    const read = kept ?? this.cache.find(question) ?? this.cache.keep(question, position, ask);
    answerHas(read.position);
    const answer = await read.answer;
    context.switchToHttp().getResponse<Response>().header('content-type', 'application/json; charset=utf-8');
    return of(answer);
  }

  private positionFor(minPosition: number | undefined): Promise<number> {
    return minPosition === undefined ? this.checkpoint.position() : this.checkpoint.reached(minPosition, waitMs);
  }

  /** Undefined: not one whose answer is kept. What follows a cursor is asked once. */
  private questionOf(context: ExecutionContext, { params, query, url }: Request, minPosition: number | undefined): Question | undefined {
    const shown = this.reflector.get<Shown | undefined>(cachedKey, context.getHandler());
    const tenantId = currentCorrelation()?.tenantId;
    if (shown === undefined || tenantId === undefined || 'cursor' in query) return undefined;
    const [path] = url.split('?', 1);
    const { rows = [], tables = [] } = shown;
    return {
      key: JSON.stringify([tenantId, path, Object.entries(query).toSorted()]),
      about: [
        ...rows.map((table) => `${tenantId}:${table}:${params['id']?.toLowerCase()}`),
        ...tables.map((table) => `${tenantId}:${table}`),
      ],
      minPosition,
    };
  }
}

function answerHas(position: number): void {
  const correlation = currentCorrelation();
  if (correlation !== undefined) correlation.logPosition = String(position);
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
