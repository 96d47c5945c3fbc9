import type { ChaosCase } from '../case.ts';
import { postgresCases } from './postgres.ts';
import { processCases } from './processes.ts';
import { redisCases } from './redis.ts';
import { tenantCases } from './tenants.ts';
import { timeAndOrderCases } from './time-and-order.ts';

/** In the order of the list in docs/reliability.md */
export const cases: readonly ChaosCase[] = [...processCases, ...redisCases, ...postgresCases, ...timeAndOrderCases, ...tenantCases];
