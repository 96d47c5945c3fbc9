import { getPriority, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { ConfigIsInvalid, type HttpConfig, type RedisConfig } from '@sluice/platform-config';
import { storeClock } from '@sluice/platform-database';
import { Gauge } from 'prom-client';
import { failpoint, failpointsAreArmed } from '@sluice/platform-failpoints';
import { Readiness } from '@sluice/platform-http';
import { notificationTransport } from '@sluice/platform-notifications';
import { createLogger, type Logger } from '@sluice/platform-telemetry';

export interface AppConfig {
  readonly http: HttpConfig;
  readonly redis: RedisConfig;
}

export interface RunningApp {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * What accepts or answers comes first; what works things off comes after it. Where they share a machine and there is too much for it,
 * deliveries are acknowledged at once and runs catch up. Alone in a container it changes nothing.
 */
export type Priority = 'foreground' | 'background';
const niceness = { foreground: 0, background: 2 } as const satisfies Record<Priority, number>;

const shutdownMsMax = 25_000;
const retryMs = 1_000;
/** Redis, if it is there, has answered by then. */
const knownMsMax = 1_000;
const wholeMsMax = 5_000;

/** What is found wrong with the stores as an app starts, or when they are there. */
class NotSafeHere extends Error {
  constructor(problems: readonly string[]) {
    super(`It is not safe to work here:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'NotSafeHere';
  }
}

/**
 * Starts an app and listens. Rejects with NotSafeHere, all problems at once, where it must not work; `lateProblems` hears of those of what was
 * away at the start. Notifications are heard as soon as their transport answers: they are hints, and a Redis that is away keeps no app from starting.
 */
export async function startApp(
  app: INestApplication,
  { http, redis }: AppConfig,
  logger: Logger,
  lateProblems: (error: Error) => void = () => {},
): Promise<RunningApp> {
  await refuseUnsafe(app, lateProblems);
  app.connectMicroservice(notificationTransport(redis), { inheritAppConfig: false });
  await app.listen(http.port, http.host);
  let closing = false;
  const hear = (): void => {
    app.startAllMicroservices().catch((error: unknown) => {
      if (closing) return;
      logger.warn({ reason: messageOf(error) }, 'notifications are not heard yet; trying again');
      setTimeout(hear, retryMs).unref();
    });
  };
  hear();
  const { port } = new URL(await app.getUrl());
  const url = `http://127.0.0.1:${port}`;
  logger.info({ url }, 'listening');
  return {
    url,
    close: () => {
      closing = true;
      return app.close();
    },
  };
}

async function refuseUnsafe(app: INestApplication, lateProblems: (error: Error) => void): Promise<void> {
  const asked = Object.values(app.get(Readiness).dependencies).flatMap((dependency) => dependency.problems?.() ?? []);
  const unknown = Symbol('unknown');
  const knownWithin = async (ms: number) => {
    const wait = new AbortController();
    const late = sleep(ms, unknown, { signal: wait.signal }).catch(() => unknown);
    const answers = await Promise.all(asked.map((problems) => Promise.race([problems, late])));
    wait.abort();
    return answers;
  };
  const problemsIn = (answers: readonly unknown[]) => answers.flatMap((problems) => (Array.isArray(problems) ? problems : []));
  const known = await knownWithin(knownMsMax);
  // It ends anyway: better with all that can be known.
  const found = problemsIn(known).length === 0 ? [] : problemsIn(await knownWithin(wholeMsMax));
  if (found.length > 0) {
    await app.close();
    throw new NotSafeHere(found);
  }
  for (const [n, problems] of asked.entries()) {
    if (known[n] !== unknown) continue;
    problems.then((late) => late.length > 0 && lateProblems(new NotSafeHere(late)), lateProblems);
  }
}

/**
 * The whole of a `main.ts`: configuration (every problem at once, exit 1), the app, and a clean end. SIGTERM and SIGINT drain within
 * 25 s and exit 0; a second signal, or a drain that takes longer, exits 1.
 */
export async function runApp<Config extends AppConfig>(
  name: string,
  readConfig: (env: NodeJS.ProcessEnv) => Config,
  create: (config: Config, logger: Logger) => Promise<INestApplication>,
  priority: Priority = 'foreground',
): Promise<void> {
  if (getPriority() < niceness[priority]) setPriority(niceness[priority]);
  let config: Config;
  try {
    config = readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigIsInvalid)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exit(1);
  }
  if (process.env['FAILPOINTS'] !== undefined && !failpointsAreArmed) {
    process.stderr.write(
      `${name}: FAILPOINTS is for tests: without \`node --conditions=sluice-failpoints\` it does nothing. Take it away.\n`,
    );
    process.exit(1);
  }
  const logger = createLogger(name, config.http.logLevel);
  process.on('unhandledRejection', (error) => {
    logger.fatal({ err: error }, 'a promise was rejected and nobody heard it');
    process.exit(1);
  });
  const relaxed = Object.keys(process.env).filter((variable) => variable.startsWith('UNSAFE_') && process.env[variable] === 'on');
  if (relaxed.length > 0) logger.warn({ relaxed }, 'protections are switched off');
  reportSkew(logger);
  let app: RunningApp;
  try {
    app = await startApp(await create(config, logger), config, logger, (error) => {
      logger.fatal({ reason: error.message }, 'cannot go on');
      process.exit(1);
    });
  } catch (error) {
    if (error instanceof NotSafeHere) {
      process.stderr.write(`${name}: ${error.message}\n`);
      process.exit(1);
    }
    logger.fatal({ reason: messageOf(error) }, 'cannot start');
    process.exit(1);
  }
  onSignal(logger, () => app.close());
}

const skewSeconds = new Gauge({
  name: 'sluice_clock_skew_seconds',
  help: 'How far this machine\u2019s clock is ahead of the command store\u2019s, which decides.',
});
const skewMsMax = 5_000;

/** A clock that is off harms nothing here; signatures of providers, tokens and other machines' logs are another matter. */
function reportSkew(logger: Logger): void {
  let warned = false;
  storeClock.onSkew((skewMs) => {
    skewSeconds.set(skewMs / 1_000);
    const isOff = Math.abs(skewMs) > skewMsMax;
    if (isOff && !warned) logger.error({ skewSeconds: Math.round(skewMs / 1_000) }, 'this machine\u2019s clock is off; set it by NTP');
    warned = isOff;
  });
}

/** Runs `stop` at the first SIGTERM or SIGINT and exits. */
export function onSignal(logger: Logger, stop: () => Promise<void>): void {
  let stopping = false;
  const handle = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.info({ signal }, 'stopping');
    void failpoint('sig.drain');
    setTimeout(() => {
      logger.error('stopping took too long');
      process.exit(1);
    }, shutdownMsMax).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ reason: messageOf(error) }, 'stopped with an error');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
