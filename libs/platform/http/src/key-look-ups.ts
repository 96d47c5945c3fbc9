import { GroupCommit } from '@sluice/platform-database';
import { hashOf } from '@sluice/tenancy-domain';
import type { Caller } from './auth.js';

const keysMax = 10_000;
/** Among sources: the lane of keys that were found here before */
const foundBefore = 'found before';

interface AskedFor {
  readonly hash: string;
  readonly lane: string;
}

export interface KeyLookUpOptions {
  /** Whose the keys of these hashes (SHA-256, hex) are, in their order; undefined: nobody's */
  readonly look: (hashes: readonly string[]) => Promise<readonly (Caller | undefined)[]>;
  /** How long one that was found is taken for good, unless keys change meanwhile */
  readonly keptMs: number;
}

/**
 * Whose an API key is. What is no key is asked for each time, since it may just have been made.
 *
 * T-12: look-ups share one query at a time and take turns by source, so whoever makes keys up costs one connection, however many they are.
 * Keys that were found here before have a turn of their own, whoever else calls from the same address; a new one is looked up like one that
 * is made up, never refused.
 */
export class KeyLookUps {
  /** Also when their time is over: then they are read again. */
  private readonly found = new Map<string, { readonly caller: Caller; readonly until: number }>();
  /** Rises when keys change: what is being read may be older. */
  private generation = 0;
  private readonly group: GroupCommit<AskedFor, Caller | undefined>;

  constructor(private readonly options: KeyLookUpOptions) {
    this.group = new GroupCommit({
      flush: (some) => options.look(some.map(({ hash }) => hash)),
      isBadData: () => false,
      weightOf: () => 1,
      laneOf: ({ lane }) => lane,
      itemsMax: 200,
      weightMax: 200,
      inFlightMax: 1,
      waitingWeightMax: 5_000,
      budgetMs: 3_000,
    });
  }

  /** `from`: whom it is counted under if nobody knows it */
  async find(bearer: string, from: string): Promise<Caller | undefined> {
    const hash = hashOf(bearer).toString('hex');
    const before = this.found.get(hash);
    const now = performance.now();
    if (before !== undefined && before.until > now) return before.caller;
    const { generation } = this;
    const caller = await this.group.add({ hash, lane: before === undefined ? from : foundBefore });
    if (generation === this.generation) this.keep(hash, caller, now + this.options.keptMs);
    return caller;
  }

  forget(): void {
    this.generation += 1;
    for (const [hash, { caller }] of this.found) this.found.set(hash, { caller, until: 0 });
  }

  drain(): Promise<void> {
    return this.group.drain();
  }

  private keep(hash: string, caller: Caller | undefined, until: number): void {
    this.found.delete(hash);
    if (caller === undefined) return;
    const [oldest] = this.found.keys();
    if (this.found.size >= keysMax && oldest !== undefined) this.found.delete(oldest);
    this.found.set(hash, { caller, until });
  }
}
