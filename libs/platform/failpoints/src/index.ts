import type { FailpointName } from './names.js';

/** Whether this process was started with `--conditions=sluice-failpoints`, which loads the other file of this package in place of this one. */
export const failpointsAreArmed: boolean = false;

/**
 * A place where a test makes this process die, wait or fail. Does nothing: what can act is in `armed.ts`, which only a process loads that
 * was started for a test, and which images do not hold.
 */
export function failpoint(_name: FailpointName): Promise<void> | undefined {
  return undefined;
}
