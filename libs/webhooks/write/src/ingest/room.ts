/**
 * So many bytes for all who ask together. Who finds no room waits for some, in the order in which they came, so that a large claim is not
 * overtaken for ever by small ones.
 */
export class Room {
  private free: number;
  private readonly waiting = new Set<{ readonly bytes: number; readonly let: (inside: boolean) => void }>();

  constructor(
    private readonly bytesMax: number,
    private readonly waitingMax: number,
  ) {
    this.free = bytesMax;
  }

  /** True: they are taken, and are to be given back. Nobody is kept out for asking for more than there is of it. */
  tryTake(bytes: number): boolean {
    const claimed = this.claimOf(bytes);
    if (this.waiting.size > 0 || claimed > this.free) return false;
    this.free -= claimed;
    return true;
  }

  /** As `tryTake`, with some patience. */
  take(bytes: number, waitMs: number): Promise<boolean> {
    if (this.tryTake(bytes)) return Promise.resolve(true);
    if (this.waiting.size >= this.waitingMax) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const late = setTimeout(() => one.let(false), waitMs);
    const one = {
      bytes: this.claimOf(bytes),
      let: (inside: boolean): void => {
        clearTimeout(late);
        this.waiting.delete(one);
        resolve(inside);
        if (!inside) this.admit();
      },
    };
    this.waiting.add(one);
    return promise;
  }

  give(bytes: number): void {
    this.free += this.claimOf(bytes);
    this.admit();
  }

  private claimOf(bytes: number): number {
    return Math.min(bytes, this.bytesMax);
  }

  private admit(): void {
    for (const one of this.waiting) {
      if (one.bytes > this.free) return;
      this.free -= one.bytes;
      one.let(true);
    }
  }
}
