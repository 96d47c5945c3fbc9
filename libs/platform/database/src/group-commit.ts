import { DomainError } from '@sluice/kernel';

/** Nothing is wrong with the request; there is no room or no database for it now. */
export class Overloaded extends DomainError {
  constructor(message: string) {
    super('unavailable', 'overloaded', message, { retryAfterSeconds: 2 });
  }
}

export interface GroupCommitOptions<Item, Result> {
  /** Writes all items in one transaction and answers in their order. Rejects as a whole: nothing was written, or nobody knows. */
  readonly flush: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** True when the rejection says that some item is bad in itself: the group is split until that item is alone. */
  readonly isBadData: (error: unknown) => boolean;
  readonly weightOf: (item: Item) => number;
  readonly itemsMax: number;
  readonly weightMax: number;
  /** Groups being written at a time. */
  readonly inFlightMax: number;
  /** Beyond this much waiting weight, newcomers are refused at once. */
  readonly waitingWeightMax: number;
  /** An item that has waited this long without being written is refused. */
  readonly budgetMs: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly weight: number;
  readonly since: number;
  readonly settle: { resolve(result: Result): void; reject(error: unknown): void };
}

/**
 * Items that arrive while a group is being written form the next group: no timer, so an idle system adds no latency, and a busy one
 * pays one commit for many items.
 */
export class GroupCommit<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private waitingWeight = 0;
  private inFlight = new Set<Promise<void>>();
  private overdue: NodeJS.Timeout | undefined;

  constructor(private readonly options: GroupCommitOptions<Item, Result>) {}

  add(item: Item): Promise<Result> {
    const weight = this.options.weightOf(item);
    if (this.waitingWeight + weight > this.options.waitingWeightMax && this.waiting.length > 0) {
      return Promise.reject(new Overloaded('Too much is waiting to be written. Try again.'));
    }
    const { promise, ...settle } = Promise.withResolvers<Result>();
    this.waiting.push({ item, weight, since: performance.now(), settle });
    this.waitingWeight += weight;
    // What arrives in the same turn of the event loop shares the commit.
    setImmediate(() => this.fill());
    return promise;
  }

  /** Resolves when everything that was added is settled. */
  async drain(): Promise<void> {
    while (this.waiting.length > 0 || this.inFlight.size > 0) {
      this.fill();
      await Promise.race(this.inFlight);
    }
    clearTimeout(this.overdue);
  }

  private fill(): void {
    while (this.waiting.length > 0 && this.inFlight.size < this.options.inFlightMax) {
      const group = this.takeGroup();
      const done = this.write(group).finally(() => {
        this.inFlight.delete(done);
        this.fill();
      });
      this.inFlight.add(done);
    }
    this.watchBudget();
  }

  private takeGroup(): Waiting<Item, Result>[] {
    let weight = 0;
    const count = this.waiting.findIndex((entry, index) => {
      weight += entry.weight;
      return index > 0 && (index >= this.options.itemsMax || weight > this.options.weightMax);
    });
    const group = this.waiting.splice(0, count === -1 ? this.waiting.length : count);
    this.waitingWeight -= group.reduce((sum, entry) => sum + entry.weight, 0);
    return group;
  }

  private async write(group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.options.flush(group.map(({ item }) => item));
      if (results.length !== group.length) throw new RangeError(`${group.length} items were written, ${results.length} answered`);
      for (const [index, result] of results.entries()) group[index]?.settle.resolve(result);
    } catch (error) {
      if (group.length > 1 && this.options.isBadData(error)) {
        const half = Math.ceil(group.length / 2);
        await this.write(group.slice(0, half));
        await this.write(group.slice(half));
      } else {
        for (const { settle } of group) settle.reject(error);
      }
    }
  }

  private watchBudget(): void {
    const [oldest] = this.waiting;
    if (oldest === undefined || this.overdue !== undefined) return;
    this.overdue = setTimeout(
      () => {
        this.overdue = undefined;
        const limit = performance.now() - this.options.budgetMs;
        const kept = this.waiting.findIndex(({ since }) => since > limit);
        const late = this.waiting.splice(0, kept === -1 ? this.waiting.length : kept);
        this.waitingWeight -= late.reduce((sum, entry) => sum + entry.weight, 0);
        for (const { settle } of late) settle.reject(new Overloaded('The database does not keep up. Try again.'));
        this.watchBudget();
      },
      Math.max(1, oldest.since + this.options.budgetMs - performance.now()),
    );
  }
}
