import type { ChaosCase } from '../case.ts';
import { processCases } from './processes.ts';

/** In the order of the list in docs/reliability.md */
export const cases: readonly ChaosCase[] = [...processCases];
