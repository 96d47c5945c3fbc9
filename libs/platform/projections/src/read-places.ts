import { DomainError } from '@sluice/kernel';
import { FairQueue, mayTake } from '@sluice/platform-fairness';

export class QueriesAreTooMany extends DomainError {
  constructor() {
    super('too_many', 'queries_too_many', 'This tenant asks more queries at once than are answered.', { retryAfterSeconds: 1 });
  }
}

/** So light that one tenant alone gets half of the places: a pool is small, and a slow query keeps its place for long. */
const weight = 1 / 4;
const waitMsMax = 5_000;
/** Of one tenant */
const waitingMax = 200;

interface Waiting {
  readonly tenantId: string;
  readonly go: () => void;
}

/**
 * Connections that tenants read with. Whatever one asks, some stay free for whoever comes next (see `mayTake`); who has to wait takes turns with
 * the other tenants that do.
 */
export class ReadPlaces {
  private readonly held = new Map<string, number>();
  private readonly waiting = new FairQueue<Waiting>();

  constructor(private free: number) {}

  async with<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
    if (this.waiting.lengthOf(tenantId) === 0 && this.mayTake(tenantId)) this.take(tenantId);
    else await this.turn(tenantId);
    try {
      return await work();
    } finally {
      this.giveBack(tenantId);
    }
  }

  private mayTake(tenantId: string): boolean {
    return mayTake(this.held.get(tenantId) ?? 0, weight, this.free);
  }

  private take(tenantId: string): void {
    this.free -= 1;
    this.held.set(tenantId, (this.held.get(tenantId) ?? 0) + 1);
  }

  private giveBack(tenantId: string): void {
    this.free += 1;
    const left = (this.held.get(tenantId) ?? 1) - 1;
    if (left === 0) this.held.delete(tenantId);
    else this.held.set(tenantId, left);
    for (;;) {
      const next = this.waiting.shift((lane) => this.mayTake(lane));
      if (next === undefined) return;
      this.take(next.tenantId);
      next.go();
    }
  }

  /** Returns with a place taken. */
  private async turn(tenantId: string): Promise<void> {
    if (this.waiting.lengthOf(tenantId) >= waitingMax) throw new QueriesAreTooMany();
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        tenantId,
        go: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.waiting.remove((one) => one === waiting);
        reject(new QueriesAreTooMany());
      }, waitMsMax);
      this.waiting.push(tenantId, waiting);
    });
  }
}
