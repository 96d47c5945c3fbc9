import type { LoggerService } from '@nestjs/common';
import { type Logger, pino } from 'pino';
import { currentCorrelation } from './correlation.js';

/** Nest's token for the app's Logger. */
export const LOGGER = Symbol('Logger');

const secretPaths = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'accessToken',
  'refreshToken',
  'clientSecret',
  'replyToken',
  'signingSecrets',
  'verifyToken',
  'apiKey',
  'apikey',
  'serviceKey',
  'key',
  'token',
];

/** JSON lines on stdout. Each line carries the correlation and tenant of the call or job it belongs to; secrets are blanked. */
export function createLogger(app: string, level: string): Logger {
  return pino({
    level,
    base: { app },
    redact: { paths: secretPaths.flatMap((path) => [path, `*.${path}`, `*.*.${path}`]), censor: '***' },
    mixin: () => {
      const correlation = currentCorrelation();
      return correlation === undefined
        ? {}
        : { correlationId: correlation.correlationId, ...(correlation.tenantId === undefined ? {} : { tenantId: correlation.tenantId }) };
    },
  });
}

/** Nest's own lines, on the same logger: warnings and errors only. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(): void {}

  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn({ context: rest.at(-1) }, String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.logger.error({ context: rest.at(-1), detail: rest.length > 1 ? String(rest[0]) : undefined }, String(message));
  }
}
