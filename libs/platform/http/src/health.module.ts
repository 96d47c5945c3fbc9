import { Controller, type DynamicModule, Get, Header, Inject, Module, type OnModuleDestroy, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { collectDefaultMetrics, register } from 'prom-client';
import { Public } from './auth.js';

/** Named checks; one that rejects, with a sentence, makes the process not ready. */
export type HealthChecks = Readonly<Record<string, () => Promise<unknown>>>;

type Token<T> = abstract new (...dependencies: never[]) => T;
type Instances<Tokens extends readonly Token<unknown>[]> = {
  [Index in keyof Tokens]: Tokens[Index] extends Token<infer Instance> ? Instance : never;
};

export interface HealthOptions<Tokens extends readonly Token<unknown>[]> {
  /** What the checks need; must be provided by global modules */
  readonly inject: Tokens;
  readonly checks: (...instances: Instances<Tokens>) => HealthChecks;
  /** For each check. Default 2000 */
  readonly timeoutMs?: number;
}

interface CheckResult {
  readonly status: 'ok' | 'failed';
  readonly message?: string;
}

/** Off from the first sign of a shutdown, so that no balancer sends more. */
class Readiness implements OnModuleDestroy {
  private draining = false;

  constructor(
    private readonly checks: HealthChecks,
    private readonly timeoutMs: number,
  ) {}

  onModuleDestroy(): void {
    this.draining = true;
  }

  async report(): Promise<{ ready: boolean; checks: Record<string, CheckResult> }> {
    const results = await Promise.all(
      Object.entries(this.checks).map(async ([name, check]) => [name, await resultOf(check, this.timeoutMs)] as const),
    );
    const checks = Object.fromEntries(results);
    if (this.draining) checks['shutdown'] = { status: 'failed', message: 'shutting down' };
    return { ready: Object.values(checks).every(({ status }) => status === 'ok'), checks };
  }
}

async function resultOf(check: () => Promise<unknown>, timeoutMs: number): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([Promise.resolve().then(check), timeout]);
    return { status: 'ok' };
  } catch (error) {
    return { status: 'failed', message: reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Errors of drivers name hosts and logins, and this route is open to all: only our own sentences are repeated. */
const reasonOf = (error: unknown): string =>
  error instanceof Error && !('code' in error) && !('driverError' in error) ? error.message : 'cannot be reached';

@ApiExcludeController()
@Controller()
@Public()
class HealthController {
  constructor(@Inject(Readiness) private readonly readiness: Readiness) {}

  @Get('healthz')
  health() {
    return { status: 'ok' };
  }

  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const { ready, checks } = await this.readiness.report();
    void reply.status(ready ? 200 : 503);
    return { status: ready ? 'ready' : 'not_ready', checks };
  }

  @Get('metrics')
  @Header('content-type', register.contentType)
  metrics(): Promise<string> {
    return register.metrics();
  }
}

/** `/healthz`: the process runs; `/readyz`: what it depends on answers; `/metrics`: prom-client's default registry. */
@Module({})
export class HealthModule {
  static forRoot<const Tokens extends readonly Token<unknown>[]>({
    inject,
    checks,
    timeoutMs = 2_000,
  }: HealthOptions<Tokens>): DynamicModule {
    if (register.getSingleMetric('process_cpu_seconds_total') === undefined) collectDefaultMetrics();
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [
        {
          provide: Readiness,
          inject: [...inject],
          useFactory: (...instances: Instances<Tokens>) => new Readiness(checks(...instances), timeoutMs),
        },
      ],
    };
  }
}
