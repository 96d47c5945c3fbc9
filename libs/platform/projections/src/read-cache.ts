import { Injectable } from '@nestjs/common';

/** How old an answer may be when no hint comes. A hint drops it at once. */
export const cachedMs = 2_000;
const answersMax = 500;
const answerCharsMax = 256 * 1_024;
const charsMax = 16 * 1_024 * 1_024;

export interface Question {
  readonly key: string;
  /** `<tenant>:<table>:<id>` of a row that the answer shows, `<tenant>:<table>` for whichever rows there are. */
  readonly about: readonly string[];
  /** What the caller wants to see at least; undefined: nothing in particular */
  readonly minPosition: number | undefined;
}

export interface Read {
  /** A position of the log that the answer has seen */
  readonly position: number;
  readonly answer: Promise<string>;
}

interface Kept extends Read {
  readonly until: number;
  /** What drops it, as `droppedBy` names it */
  readonly tags: readonly string[];
  chars: number;
}

/**
 * Answers as text, for a moment. An answer stands here from before its read begins, so that a hint that comes while it is being read
 * drops it too: after a hint nobody is given what was read before. Who wants a position is given only what has seen it.
 */
@Injectable()
export class ReadCache {
  private readonly kept = new Map<string, Kept>();
  private chars = 0;

  find({ key, minPosition }: Question, now = performance.now()): Read | undefined {
    const kept = this.kept.get(key);
    if (kept === undefined || kept.until <= now) return undefined;
    return minPosition === undefined || kept.position >= minPosition ? kept : undefined;
  }

  /** `read` begins now, at a store that has reached `position`. */
  keep({ key, about }: Question, position: number, read: () => Promise<string>): Read {
    const kept: Kept = {
      position,
      answer: read(),
      until: performance.now() + cachedMs,
      tags: about.flatMap(tagsOf),
      chars: 0,
    };
    this.forget(key);
    this.kept.set(key, kept);
    this.makeRoom();
    kept.answer.then(
      ({ length }) => this.weigh(key, kept, length),
      () => this.forget(key, kept),
    );
    return kept;
  }

  /** The projector says what has changed: see `advancedKeys`. */
  drop(keys: readonly string[]): void {
    if (this.kept.size === 0) return;
    if (keys.includes('*')) {
      this.kept.clear();
      this.chars = 0;
      return;
    }
    const dropped = new Set(keys.flatMap(droppedBy));
    for (const [key, { tags }] of this.kept) if (tags.some((tag) => dropped.has(tag))) this.forget(key);
  }

  private weigh(key: string, kept: Kept, chars: number): void {
    if (this.kept.get(key) !== kept) return;
    if (chars > answerCharsMax) {
      this.forget(key, kept);
      return;
    }
    kept.chars = chars;
    this.chars += chars;
    this.makeRoom();
  }

  private makeRoom(): void {
    for (const key of this.kept.keys()) {
      if (this.kept.size <= answersMax && this.chars <= charsMax) return;
      this.forget(key);
    }
  }

  private forget(key: string, only = this.kept.get(key)): void {
    if (only === undefined || this.kept.get(key) !== only) return;
    this.kept.delete(key);
    this.chars -= only.chars;
  }
}

const isRow = (name: string): boolean => name.split(':').length > 2;
const tableOf = (name: string): string => name.split(':', 2).join(':');

/** A row's answer goes with that row or with the whole table, a list's with any row of it. */
const tagsOf = (about: string): string[] => (isRow(about) ? [about, `${tableOf(about)}:*`] : [about, `${about}:*`]);

const droppedBy = (key: string): string[] => (isRow(key) ? [key, tableOf(key)] : [`${key}:*`]);
