import { isOutage, Overloaded } from '@sluice/platform-database';
import { ExpressionPoolUnavailable } from '@sluice/platform-expression-pool';

/** True for what passes by itself and is no fault of the task it met: a database that is away or busy, no room for expressions. */
export const isPassing = (error: unknown): boolean =>
  isOutage(error) || error instanceof Overloaded || error instanceof ExpressionPoolUnavailable;

/**
 * Works on all of them together. When that fails, on halves: the one to blame ends up alone, and the others do not pay for it. `failed` hears
 * of that one; or of all of them, when nobody is to blame. `work` may meet the same items again: it fails before it changes anything, or
 * what it changed changes nothing twice.
 */
export async function isolate<Item>(
  items: readonly Item[],
  work: (items: readonly Item[]) => Promise<void>,
  failed: (items: readonly Item[], error: unknown) => Promise<void>,
): Promise<void> {
  if (items.length === 0) return;
  try {
    await work(items);
  } catch (error) {
    if (items.length === 1 || isPassing(error)) return failed(items, error);
    const half = Math.ceil(items.length / 2);
    await isolate(items.slice(0, half), work, failed);
    await isolate(items.slice(half), work, failed);
  }
}
