import { AsyncLocalStorage } from 'node:async_hooks';

/** What belongs to one call or job from its beginning to its end: on every log line, in every event it causes. */
export interface Correlation {
  readonly correlationId: string;
  tenantId?: string;
  /** The log position that this call's commit was given; answered as `X-Log-Position`. */
  logPosition?: string;
  /** What the caller of a query wants to see at least: `X-Min-Log-Position` */
  readonly minLogPosition?: number;
  /** Set while the call is a person's command. */
  command?: CommandCall;
}

/** A command as it was called: for the audit, and for retries of it. */
export interface CommandCall {
  /** As the route's handler is called: `workflows.publish` */
  readonly action: string;
  readonly by: string;
  readonly role: string;
  readonly from: string | null;
  readonly method: string;
  /** Without the query */
  readonly path: string;
  /** What the route is about; without an id it is what the command makes. */
  readonly subject: { readonly type: string; readonly id: string | undefined };
  /** Given with the call: `Idempotency-Key` */
  readonly idempotency?: IdempotentRequest;
  /** How it ended; a command that has ended changes nothing more. */
  outcome?: 'committed' | 'replayed';
}

export interface IdempotentRequest {
  /** The caller's: keys of different tenants are different keys. */
  readonly tenantId: string;
  readonly key: string;
  /** Equal for equal requests */
  readonly requestHash: Buffer;
}

const storage = new AsyncLocalStorage<Correlation>();

export const currentCorrelation = (): Correlation | undefined => storage.getStore();

export const withCorrelation = <T>(correlation: Correlation, work: () => T): T => storage.run(correlation, work);
