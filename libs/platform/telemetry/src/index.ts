export { type CommandCall, type Correlation, currentCorrelation, type IdempotentRequest, withCorrelation } from './correlation.js';
export { createLogger, LOGGER, NestLogger } from './logger.js';
export type { Logger } from 'pino';
export { EventLoopWatch } from './event-loop.js';
