export { type CommandCall, type Correlation, currentCorrelation, type IdempotentRequest, withCorrelation } from './correlation.js';
export { createLogger, NestLogger } from './logger.js';
export type { Logger } from 'pino';
