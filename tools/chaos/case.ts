import type { System, SystemOptions } from './system.ts';

/** One fault of the list, and what must be true of it besides the invariants, which are checked after each. */
export interface ChaosCase {
  /** F-01, R-03 … */
  readonly id: string;
  readonly title: string;
  /** It changes what the system is made of: it gets one of its own. */
  readonly system?: Partial<Pick<SystemOptions, 'gateways' | 'workers' | 'projectors' | 'env' | 'postgresSettings'>>;
  /** Injects the fault under load and asserts what is special to it. Everything is healed after it. Answers what was measured, if anything. */
  run(system: System): Promise<string | void>;
}
