import { DomainError } from '@sluice/kernel';
import { FairQueue, mayTake } from '@sluice/platform-fairness';

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
  /** Whose it is. Groups take from those that have something waiting in turn; nobody's is left behind a flood of another's. */
  readonly laneOf: (item: Item) => string;
  readonly itemsMax: number;
  readonly weightMax: number;
  /** Groups being written at a time, of other lanes each: whoever has one under way waits for it, and nobody else does. */
  readonly inFlightMax: number;
  /** Beyond this much waiting weight, newcomers are refused at once. */
  readonly waitingWeightMax: number;
  /** An item that has waited this long without being written is refused. */
  readonly budgetMs: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly lane: string;
  readonly weight: number;
  readonly since: number;
  readonly settle: { resolve(result: Result): void; reject(error: unknown): void };
}

/**
 * Items that arrive while a group is being written form the next group: no timer, so an idle system adds no latency, and a busy one
 * pays one commit for many items.
 */
export class GroupCommit<Item, Result> {
  private readonly waiting = new FairQueue<Waiting<Item, Result>>();
  /** By lane; what is not there is 0. */
  private readonly weights = new Map<string, number>();
  private waitingWeight = 0;
  private readonly inFlight = new Set<Promise<void>>();
  /** Lanes of what is being written */
  private readonly busy = new Set<string>();
  private overdue: NodeJS.Timeout | undefined;

  constructor(private readonly options: GroupCommitOptions<Item, Result>) {}

  add(item: Item): Promise<Result> {
    const weight = this.options.weightOf(item);
    const lane = this.options.laneOf(item);
    const free = this.options.waitingWeightMax - this.waitingWeight;
    if (this.waiting.length > 0 && (weight > free || !mayTake(this.weights.get(lane) ?? 0, 1, free))) {
      return Promise.reject(new Overloaded('Too much is waiting to be written. Try again.'));
    }
    const { promise, ...settle } = Promise.withResolvers<Result>();
    this.waiting.push(lane, { item, lane, weight, since: performance.now(), settle });
    this.weigh(lane, weight);
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
      if (group.length === 0) break;
      const lanes = new Set(group.map(({ lane }) => lane));
      for (const lane of lanes) this.busy.add(lane);
      const done = this.write(group).finally(() => {
        this.inFlight.delete(done);
        for (const lane of lanes) this.busy.delete(lane);
        this.fill();
      });
      this.inFlight.add(done);
    }
    this.watchBudget();
  }

  private takeGroup(): Waiting<Item, Result>[] {
    const group: Waiting<Item, Result>[] = [];
    let weight = 0;
    const isOpen = (lane: string) => !this.busy.has(lane);
    for (let next = this.waiting.peek(isOpen); next !== undefined; next = this.waiting.peek(isOpen)) {
      weight += next.weight;
      if (group.length > 0 && (group.length >= this.options.itemsMax || weight > this.options.weightMax)) break;
      this.waiting.shift(isOpen);
      this.weigh(next.lane, -next.weight);
      group.push(next);
    }
    return group;
  }

  private weigh(lane: string, weight: number): void {
    this.waitingWeight += weight;
    const now = (this.weights.get(lane) ?? 0) + weight;
    if (now === 0) this.weights.delete(lane);
    else this.weights.set(lane, now);
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
    if (this.waiting.length === 0 || this.overdue !== undefined) return;
    const oldest = Math.min(...this.waiting.heads().map(({ since }) => since));
    this.overdue = setTimeout(
      () => {
        this.overdue = undefined;
        const limit = performance.now() - this.options.budgetMs;
        for (const { lane, weight, settle } of this.waiting.remove(({ since }) => since <= limit)) {
          this.weigh(lane, -weight);
          settle.reject(new Overloaded('The database does not keep up. Try again.'));
        }
        this.watchBudget();
      },
      Math.max(1, oldest + this.options.budgetMs - performance.now()),
    );
  }
}
