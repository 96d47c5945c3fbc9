import type { SlowEvaluator } from '@sluice/expressions';

export const WORKER_OPTIONS = Symbol('worker options');

export interface WorkerOptions {
  /** `FUSION` */
  readonly fusion: boolean;
  readonly slowFor: (tenantId: string) => SlowEvaluator;
  /** Of the command API, without a trailing slash: where approvals are given */
  readonly publicUrl: string;
}
