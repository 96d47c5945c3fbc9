import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Counter } from 'prom-client';
import { type Budget, lineMsMax, nextSlot, pace, type Paced, PaceStates, type Turn } from './pace.js';

/** Budgets that are shared with other processes. */
export interface SharedPaces {
  ask(account: string, budgets: readonly Budget[], waitMsMax: number): Promise<Paced>;
  close(): void;
}

const asked = new Counter({
  name: 'sluice_paced_calls_total',
  help: 'Calls that asked for room in the budgets of an account: taken, or refused for now; shared, or decided alone because Redis did not answer',
  labelNames: ['outcome', 'decided'] as const,
});

/** For so long a call waits for what the others say. */
const answerMsMax = 50;
/** Without a turn nobody knows how many there are: so long until it is looked at again. */
const noTurnMs = 5_000;

/**
 * Budgets for calls: all processes take from the same ones, in Redis. While that does not answer each keeps to its own turns, and together they
 * still stay within the budget (T-14). Without any Redis there is one process, and it has them alone.
 */
@Injectable()
export class Paces implements OnApplicationShutdown {
  private readonly states = new PaceStates();
  /** In slots: the last that was taken, and the last that somebody was told to come back for */
  private readonly slots = new PaceStates();
  /** Questions that were not answered in time, and may be yet: while there are any nobody else waits for an answer. */
  private owing = 0;

  constructor(
    private readonly now: () => number,
    private readonly shared?: {
      readonly paces: SharedPaces;
      /** undefined: the others may not know of this process yet */
      turn(): Promise<Turn | undefined>;
    },
  ) {}

  /** Takes one from each budget of the account, or from none. Whoever gets it within `waitMsMax` waits; nobody else is let go before. */
  async take(account: string, budgets: readonly Budget[], waitMsMax: number): Promise<Paced> {
    if (budgets.length === 0) return { taken: true, waitMs: 0 };
    const own = budgets.map((budget) => ({ ...budget, key: `${account}/${budget.key}` }));
    if (this.shared === undefined) return told(pace(this.states, own, this.now(), waitMsMax), 'shared');
    const answer = this.owing > 0 ? undefined : await this.within(this.shared.paces.ask(account, budgets, waitMsMax));
    if (answer !== undefined) return told(answer, 'shared');
    const turn = await this.shared.turn();
    return told(turn === undefined ? { taken: false, waitMs: noTurnMs } : this.alone(own, turn, waitMsMax), 'alone');
  }

  onApplicationShutdown(): void {
    this.shared?.paces.close();
  }

  private async within(answer: Promise<Paced>): Promise<Paced | undefined> {
    let timer: NodeJS.Timeout | undefined;
    let isLate = false;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        isLate = true;
        this.owing += 1;
        resolve(undefined);
      }, answerMsMax);
    });
    const heard = answer
      .catch(() => undefined)
      .finally(() => {
        clearTimeout(timer);
        if (isLate) this.owing -= 1;
      });
    return Promise.race([heard, late]);
  }

  private alone(budgets: readonly Budget[], turn: Turn, waitMsMax: number): Paced {
    const nowMs = this.now();
    const all = budgets.map((budget) => {
      const { free = -1, line = -1 } = this.slots.get(budget.key) ?? {};
      return { budget, free, line, next: nextSlot(budget, nowMs, free, turn) };
    });
    const slowest = all.reduce((most, one) => (one.next.atMs > most.next.atMs ? one : most));
    if (slowest.next.atMs - nowMs <= waitMsMax) {
      for (const { budget, line, next } of all) this.slots.set(budget.key, { free: next.slot, line });
      return { taken: true, waitMs: slowest.next.atMs - nowMs };
    }
    const { budget, free, line } = slowest;
    const back = nextSlot(budget, nowMs, Math.max(free, line), turn);
    if (back.atMs - nowMs > lineMsMax) return { taken: false, waitMs: lineMsMax };
    this.slots.set(budget.key, { free, line: back.slot });
    return { taken: false, waitMs: back.atMs - nowMs };
  }
}

function told(paced: Paced, decided: 'shared' | 'alone'): Paced {
  asked.inc({ outcome: paced.taken ? 'taken' : 'refused', decided });
  return paced;
}
