import type { ChaosCase } from '../case.ts';

export const processCases: readonly ChaosCase[] = [];
