import { Counter } from 'prom-client';

const turnMs = 250;
/** Shorter pauses happen: a large graph is compiled, memory is collected. */
const blockedMsMin = 1_000;
const rememberedMs = 60_000;

const blockedTotal = new Counter({
  name: 'sluice_event_loop_blocked_total',
  help: 'Times that this process stood still for more than a second: code that does not give way, or the process was stopped',
});

/**
 * Notices that this process stood still (F-22): its timer comes too late. Nothing that it had on lease or was counting on a timer for is certain
 * afterwards; leases and fences in Postgres decide.
 */
export class EventLoopWatch {
  private turned = performance.now();
  private last: { readonly at: number; readonly ms: number } | undefined;
  private readonly timer = setInterval(() => this.turn(), turnMs).unref();

  /** A sentence where it stood still in the last minute */
  assertReady(): Promise<string | undefined> {
    this.turn();
    const { last } = this;
    if (last === undefined || performance.now() - last.at > rememberedMs) return Promise.resolve(undefined);
    const ago = Math.round((performance.now() - last.at) / 1_000);
    return Promise.resolve(`this process stood still for ${(last.ms / 1_000).toFixed(1)} s, ${ago} s ago`);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private turn(): void {
    const now = performance.now();
    const ms = now - this.turned - turnMs;
    this.turned = now;
    if (ms < blockedMsMin) return;
    this.last = { at: now, ms };
    blockedTotal.inc();
  }
}
