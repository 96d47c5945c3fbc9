import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Counter } from 'prom-client';
import { type Rate, waitMs, windowAt } from './rate.js';

/** A rate with a name, for keys and figures. */
export interface Limit extends Rate {
  readonly name: string;
}

export interface Refusal {
  readonly retryAfterMs: number;
  /** The first of its window in this process */
  readonly isFirst: boolean;
}

/** What one process counted under a key within a window; all of it, so that telling it twice changes nothing. */
export interface OwnCount {
  readonly key: string;
  readonly window: number;
  readonly perMs: number;
  readonly own: number;
}

/** What the other processes counted. */
export interface OthersCount {
  readonly now: number;
  readonly before: number;
}

/** Tells the other processes what was counted here, and answers what they counted, in the same order. */
export interface CountExchange {
  exchange(counts: readonly OwnCount[]): Promise<readonly OthersCount[]>;
  close(): void;
}

const reachedTotal = new Counter({
  name: 'sluice_limit_reached_total',
  help: 'What came when a limit was reached',
  labelNames: ['limit'] as const,
});

/** How old what others counted may be */
const everyMs = 25;
/** While they cannot be asked */
const againMs = 1_000;
const togetherMax = 500;

interface Bucket {
  readonly key: string;
  readonly perMs: number;
  window: number;
  own: number;
  others: number;
  before: { own: number; others: number };
  refusedIn: number | undefined;
}

/**
 * Decides in this process, at once, and exchanges counts with the other processes behind it: nobody waits for Redis. While that is away
 * each process counts for itself: a limit then holds in each of them, which is neither no limit nor a closed door (T-14).
 */
@Injectable()
export class Rates implements OnApplicationShutdown {
  /** The ones that were used longest ago come first. */
  private readonly buckets = new Map<string, Bucket>();
  private readonly untold = new Set<Bucket>();
  private timer: NodeJS.Timeout | undefined;
  private telling = false;

  constructor(
    private readonly now: () => number,
    private readonly others?: CountExchange,
    private readonly bucketsMax = 10_000,
  ) {}

  /** undefined: there was room, and one is taken. What is refused is not counted: trying again costs nobody their turn. */
  take(limit: Limit, of: string): Refusal | undefined {
    const atMs = this.now();
    const bucket = this.bucketOf(limit, of, windowAt(atMs, limit));
    const counts = { window: bucket.window, before: bucket.before.own + bucket.before.others, now: bucket.own + bucket.others };
    const retryAfterMs = waitMs(counts, atMs, limit);
    if (retryAfterMs === 0) {
      bucket.own += 1;
      this.tell(bucket);
      return undefined;
    }
    const isFirst = bucket.refusedIn !== bucket.window;
    bucket.refusedIn = bucket.window;
    reachedTotal.inc({ limit: limit.name });
    return { retryAfterMs, isFirst };
  }

  /** What was taken came to nothing. */
  giveBack(limit: Limit, of: string): void {
    const bucket = this.bucketOf(limit, of, windowAt(this.now(), limit));
    if (bucket.own === 0) return;
    bucket.own -= 1;
    this.tell(bucket);
  }

  onApplicationShutdown(): void {
    clearTimeout(this.timer);
    this.others?.close();
  }

  private bucketOf({ name, perMs }: Limit, of: string, window: number): Bucket {
    const key = `${name}/${of}`;
    const known = this.buckets.get(key);
    if (known?.window === window) return known;
    this.buckets.delete(key);
    const bucket = known ?? { key, perMs, window, own: 0, others: 0, before: { own: 0, others: 0 }, refusedIn: undefined };
    bucket.before = bucket.window === window - 1 ? { own: bucket.own, others: bucket.others } : { own: 0, others: 0 };
    bucket.window = window;
    bucket.own = 0;
    bucket.others = 0;
    const [longestUnused] = this.buckets.keys();
    if (this.buckets.size >= this.bucketsMax && longestUnused !== undefined) this.buckets.delete(longestUnused);
    this.buckets.set(key, bucket);
    return bucket;
  }

  private tell(bucket: Bucket): void {
    if (this.others === undefined) return;
    this.untold.add(bucket);
    this.tellIn(everyMs);
  }

  private tellIn(ms: number): void {
    if (this.telling) return;
    this.timer ??= setTimeout(() => void this.tellOthers(), ms).unref();
  }

  private async tellOthers(): Promise<void> {
    this.timer = undefined;
    this.telling = true;
    const told = [...this.untold].slice(0, togetherMax);
    const counts = told.map(({ key, window, perMs, own }): OwnCount => ({ key, window, perMs, own }));
    for (const bucket of told) this.untold.delete(bucket);
    let isHeard = true;
    try {
      const answers = (await this.others?.exchange(counts)) ?? [];
      for (const [index, answer] of answers.entries()) {
        const bucket = told[index];
        if (bucket === undefined || bucket.window !== counts[index]?.window) continue;
        bucket.others = answer.now;
        bucket.before = { own: bucket.before.own, others: answer.before };
      }
    } catch {
      // Redis is away, or deaf: what was counted here is told when it answers again.
      for (const bucket of told) this.untold.add(bucket);
      isHeard = false;
    } finally {
      this.telling = false;
    }
    if (this.untold.size > 0) this.tellIn(isHeard ? everyMs : againMs);
  }
}
