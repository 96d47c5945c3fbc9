/**
 * A queue in which lanes take turns: what one lane has waiting stands behind its own, never before another's. First in, first out within
 * a lane.
 */
export class FairQueue<T> {
  /** The lane whose turn is next comes first. Empty lanes are not kept. */
  private readonly lanes = new Map<string, T[]>();
  private count = 0;

  get length(): number {
    return this.count;
  }

  lengthOf(lane: string): number {
    return this.lanes.get(lane)?.length ?? 0;
  }

  push(lane: string, item: T): void {
    const waiting = this.lanes.get(lane);
    if (waiting === undefined) this.lanes.set(lane, [item]);
    else waiting.push(item);
    this.count += 1;
  }

  /** What `shift` would take. */
  peek(isOpen: (lane: string) => boolean = () => true): T | undefined {
    for (const [lane, waiting] of this.lanes) if (isOpen(lane)) return waiting[0];
    return undefined;
  }

  /** `isOpen`: lanes that are not are passed over, and keep their turn. */
  shift(isOpen: (lane: string) => boolean = () => true): T | undefined {
    for (const [lane, waiting] of this.lanes) {
      if (!isOpen(lane)) continue;
      const item = waiting.shift();
      this.lanes.delete(lane);
      if (waiting.length > 0) this.lanes.set(lane, waiting);
      this.count -= 1;
      return item;
    }
    return undefined;
  }

  /** The oldest of each lane. */
  heads(): T[] {
    return [...this.lanes.values()].flatMap((waiting) => waiting.slice(0, 1));
  }

  /** Takes out what fits, in the order of its lane. */
  remove(fits: (item: T) => boolean): T[] {
    const removed: T[] = [];
    for (const [lane, waiting] of this.lanes) {
      const kept = waiting.filter((item) => {
        if (!fits(item)) return true;
        removed.push(item);
        return false;
      });
      if (kept.length === waiting.length) continue;
      if (kept.length === 0) this.lanes.delete(lane);
      else this.lanes.set(lane, kept);
    }
    this.count -= removed.length;
    return removed;
  }
}
