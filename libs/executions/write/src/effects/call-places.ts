import { mayTake } from '@sluice/platform-fairness';
import { callsPerWorker } from '@sluice/platform-queue';

/** What of the outside this worker calls at the same time. A tenant alone may have most of it; none has all. */
export class CallPlaces {
  private readonly held = new Map<string, number>();
  private taken = 0;

  take(tenantId: string, weight: number): boolean {
    const held = this.held.get(tenantId) ?? 0;
    if (!mayTake(held, weight, callsPerWorker - this.taken)) return false;
    this.held.set(tenantId, held + 1);
    this.taken += 1;
    return true;
  }

  giveBack(tenantId: string): void {
    const held = this.held.get(tenantId) ?? 0;
    if (held > 1) this.held.set(tenantId, held - 1);
    else this.held.delete(tenantId);
    this.taken -= 1;
  }
}
