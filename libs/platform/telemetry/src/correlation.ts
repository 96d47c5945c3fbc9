import { AsyncLocalStorage } from 'node:async_hooks';

/** What belongs to one call or job from its beginning to its end: on every log line, in every event it causes. */
export interface Correlation {
  readonly correlationId: string;
  tenantId?: string;
  /** The log position that this call's commit was given; answered as `X-Log-Position`. */
  logPosition?: string;
}

const storage = new AsyncLocalStorage<Correlation>();

export const currentCorrelation = (): Correlation | undefined => storage.getStore();

export const withCorrelation = <T>(correlation: Correlation, work: () => T): T => storage.run(correlation, work);
