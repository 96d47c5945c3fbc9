import {
  Controller,
  type DynamicModule,
  Get,
  Header,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  Res,
} from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { EventLoopWatch } from '@sluice/platform-telemetry';
import type { FastifyReply } from 'fastify';
import { collectDefaultMetrics, register } from 'prom-client';
import { Public } from './auth.js';

/** What an app depends on. */
export interface Dependency {
  /** Rejects, with a sentence: the process is not ready. A sentence: it is, but not as it should be. */
  assertReady(): Promise<unknown>;
  /** What forbids to work with it, in sentences; resolves once that is known. */
  problems?(): Promise<readonly string[]>;
}

/** By name */
export type Dependencies = Readonly<Record<string, Dependency>>;

type Token<T> = abstract new (...dependencies: never[]) => T;
type Instances<Tokens extends readonly Token<unknown>[]> = {
  [Index in keyof Tokens]: Tokens[Index] extends Token<infer Instance> ? Instance : never;
};

export interface HealthOptions<Tokens extends readonly Token<unknown>[]> {
  /** What the app depends on; must be provided by global modules */
  readonly inject: Tokens;
  readonly dependencies: (...instances: Instances<Tokens>) => Dependencies;
  /** For each. Default 2000 */
  readonly timeoutMs?: number;
}

interface CheckResult {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly message?: string;
}

/** Off from the first sign of a shutdown, so that no balancer sends more. */
export class Readiness implements OnModuleDestroy, OnApplicationShutdown {
  private draining = false;
  private readonly eventLoop = new EventLoopWatch();

  constructor(
    readonly dependencies: Dependencies,
    private readonly timeoutMs: number,
  ) {}

  onModuleDestroy(): void {
    this.draining = true;
  }

  onApplicationShutdown(): void {
    this.eventLoop.stop();
  }

  async report(): Promise<{ status: 'ready' | 'degraded' | 'not_ready'; checks: Record<string, CheckResult> }> {
    const all = Object.entries({ ...this.dependencies, eventLoop: this.eventLoop });
    const results = await Promise.all(all.map(async ([name, dependency]) => [name, await resultOf(dependency, this.timeoutMs)] as const));
    const checks: Record<string, CheckResult> = Object.fromEntries(results);
    if (this.draining) checks['shutdown'] = { status: 'down', message: 'shutting down' };
    const found = new Set(Object.values(checks).map(({ status }) => status));
    return { status: found.has('down') ? 'not_ready' : found.has('degraded') ? 'degraded' : 'ready', checks };
  }
}

async function resultOf(dependency: Dependency, timeoutMs: number): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    const message = await Promise.race([Promise.resolve().then(() => dependency.assertReady()), timeout]);
    return typeof message === 'string' ? { status: 'degraded', message } : { status: 'ok' };
  } catch (error) {
    return { status: 'down', message: reasonOf(error) };
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
    const report = await this.readiness.report();
    void reply.status(report.status === 'not_ready' ? 503 : 200);
    return report;
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
    dependencies,
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
          useFactory: (...instances: Instances<Tokens>) => new Readiness(dependencies(...instances), timeoutMs),
        },
      ],
    };
  }
}
