/** A pool, as far as it is needed */
interface Asked {
  query(sql: string): Promise<{ rows: { ms: string }[] }>;
}

const everyMs = 10_000;
/** An answer that took longer says too little about when it was given. */
const roundTripMsMax = 1_000;

/**
 * The time as the command store has it (R7): what is due, what came when, and how long ago is decided by one clock, whatever the clocks of the
 * machines say and however they jump. Between answers it goes on by this process's monotonic clock. Before the first answer, and where nobody
 * follows a store, it is this machine's.
 */
export class StoreClock {
  private heard: { readonly at: number; readonly epochMs: number } | undefined;
  private skewHeard: (skewMs: number) => void = () => {};

  now(): Date {
    if (this.heard === undefined) return new Date();
    return new Date(this.heard.epochMs + performance.now() - this.heard.at);
  }

  /** How far this machine's clock is ahead of the store's, in milliseconds */
  get skewMs(): number {
    return Date.now() - this.now().getTime();
  }

  /** Called after each answer */
  onSkew(hear: (skewMs: number) => void): void {
    this.skewHeard = hear;
  }

  /** Asks the store now and every 10 s. A store that does not answer leaves the clock as it goes. Returns what ends it. */
  async follow(pool: Asked): Promise<() => void> {
    await this.ask(pool);
    const timer = setInterval(() => void this.ask(pool), everyMs).unref();
    return () => clearInterval(timer);
  }

  private async ask(pool: Asked): Promise<void> {
    const asked = performance.now();
    try {
      const { rows } = await pool.query('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::text AS ms');
      const answered = performance.now();
      if (answered - asked > roundTripMsMax && this.heard !== undefined) return;
      this.heard = { at: (asked + answered) / 2, epochMs: Number(rows[0]?.ms) };
      this.skewHeard(this.skewMs);
    } catch {
      // It is asked again.
    }
  }
}

/** Of this process: all its views of the command store share it. */
export const storeClock = new StoreClock();
