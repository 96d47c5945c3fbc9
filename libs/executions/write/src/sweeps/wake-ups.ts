import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

const aheadMsMax = 60_000;

/** This worker knows of retries and timers that it wrote itself; it need not wait for the next sweep to find them due. */
@Injectable()
export class WakeUps implements OnApplicationShutdown {
  private readonly timers = new Set<NodeJS.Timeout>();
  private listener: () => void = () => {};

  onWake(listener: () => void): void {
    this.listener = listener;
  }

  /** Far ones are left to the sweeps. */
  in(ms: number): void {
    if (ms > aheadMsMax || this.timers.size > 10_000) return;
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        this.listener();
      },
      Math.max(0, ms) + 5,
    ).unref();
    this.timers.add(timer);
  }

  onApplicationShutdown(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }
}
