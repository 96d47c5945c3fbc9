import { mayTake } from '@sluice/platform-fairness';
import type { Admission } from './admission.js';
import { emptyWindows, isLight, type Lane, laneOf } from './windows.js';

/** Enough to know that a tenant has no room. */
const countedMax = 2_000;

/**
 * For a process that sees one tenant at a time, within the transaction that writes its tasks: counts what is out of this tenant, and leaves
 * the others to the dispatchers.
 */
export async function tenantAdmission(
  query: (text: string, values: unknown[]) => Promise<readonly { readonly steps: number; readonly calls: number }[]>,
  tenantId: string,
): Promise<Admission> {
  const [out] = await query(
    `SELECT count(*) FILTER (WHERE kind <> 'effect')::int AS steps, count(*) FILTER (WHERE kind = 'effect')::int AS calls
     FROM (SELECT kind FROM tasks WHERE tenant_id = $1 AND ticketed_at IS NOT NULL LIMIT ${countedMax}) t`,
    [tenantId],
  );
  const held: Record<Lane, number> = { steps: out?.steps ?? 0, calls: out?.calls ?? 0 };
  const { free, workers } = emptyWindows(1);
  return {
    admit(_tenantId, kind) {
      const lane = laneOf(kind);
      if (!mayTake(held[lane], 1, free[lane] - held[lane])) return false;
      held[lane] += 1;
      return true;
    },
    isLight: () => isLight(held.steps, workers),
  };
}
