export { type Correlation, currentCorrelation, withCorrelation } from './correlation.js';
export { createLogger, NestLogger } from './logger.js';
export type { Logger } from 'pino';
