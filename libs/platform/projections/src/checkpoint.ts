import { Injectable } from '@nestjs/common';
import { ReadDatabase } from '@sluice/platform-database';
import { SHARD } from './project-batch.js';

const pollMs = 100;
const freshMs = 1_000;

/** How far the read models are, as the query API knows: from the store, and between two looks from the projector's hints. */
@Injectable()
export class Checkpoint {
  private known = 0;
  private knownAt = -Infinity;
  private readonly waiting = new Set<() => void>();
  private looking: Promise<void> | undefined;

  constructor(private readonly database: ReadDatabase) {}

  /** The projector said so. */
  advanced(position: number): void {
    this.learn(Math.max(this.known, position));
    for (const goOn of this.waiting) goOn();
  }

  /** A position that the read models have reached. Not older than a second, so it may be less than the newest. */
  async position(): Promise<number> {
    if (performance.now() - this.knownAt > freshMs) await this.look();
    return this.known;
  }

  /** Waits until the read models have reached `position`, at most `waitMs`. Answers with the position they have. */
  async reached(position: number, waitMs: number): Promise<number> {
    const deadline = performance.now() + waitMs;
    if (this.known >= position) return this.known;
    for (await this.look(); this.known < position; await this.look()) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) break;
      await this.hint(Math.min(pollMs, leftMs));
    }
    return this.known;
  }

  /** However many wait, one asks. */
  private look(): Promise<void> {
    this.looking ??= this.ask().finally(() => (this.looking = undefined));
    return this.looking;
  }

  private async ask(): Promise<void> {
    const { rows } = await this.database.pool.query<{ position: number }>('SELECT position FROM projection_checkpoints WHERE shard = $1', [
      SHARD,
    ]);
    this.learn(rows[0]?.position ?? 0);
  }

  private learn(position: number): void {
    this.known = position;
    this.knownAt = performance.now();
  }

  private async hint(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const goOn = () => {
        clearTimeout(timer);
        this.waiting.delete(goOn);
        resolve();
      };
      const timer = setTimeout(goOn, withinMs);
      this.waiting.add(goOn);
    });
  }
}
