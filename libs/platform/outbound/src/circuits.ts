/** Says, once, how a call that was let out ended. `nothing`: it says nothing about the target. */
export type Permit = (end: 'answered' | 'failed' | 'nothing', now: number) => void;

export interface CircuitOptions {
  /** Failures in a row that open a circuit */
  readonly failuresMax: number;
  /** How long nothing goes out once a circuit opened; twice as long after each probe that failed */
  readonly pauseMs: number;
  readonly pauseMaxMs: number;
  /** A recovering target that has room for this many calls at once is well again. */
  readonly roomMax: number;
  /** Circuits that are remembered; the oldest is forgotten first. */
  readonly circuitsMax: number;
}

/** An opening of a circuit. Calls that were let out under another one have no say in it. */
interface Opening {
  readonly pauseMs: number;
  readonly until: number;
  /** Calls that may be under way together once the pause is over */
  room: number;
  underWay: number;
}

interface Circuit {
  failures: number;
  opening: Opening | undefined;
}

const defaults: CircuitOptions = { failuresMax: 10, pauseMs: 5_000, pauseMaxMs: 60_000, roomMax: 64, circuitsMax: 10_000 };

/**
 * Which targets are left alone for a while because they failed many times in a row. After the pause one call goes out as a probe. Each
 * answer makes room for one more, so a target that comes back gets 1, 2, 4 … calls at once instead of all that waited. Only targets
 * whose last call failed take memory. There is no clock in here: `now` is milliseconds of any steady one.
 */
export class Circuits {
  private readonly circuits = new Map<string, Circuit>();
  private readonly options: CircuitOptions;
  private openCount = 0;

  constructor(options: Partial<CircuitOptions> = {}) {
    this.options = { ...defaults, ...options };
  }

  /** Targets to which calls are held back */
  get open(): number {
    return this.openCount;
  }

  /** A permit, or for how many milliseconds to stay away. */
  ask(target: string, now: number): Permit | number {
    const opening = this.circuits.get(target)?.opening;
    if (opening !== undefined) {
      if (now < opening.until) return opening.until - now;
      if (opening.underWay >= opening.room) return this.options.pauseMs;
      opening.underWay += 1;
    }
    let said = false;
    return (end, endedAt) => {
      if (said) return;
      said = true;
      if (opening !== undefined) opening.underWay -= 1;
      if (this.circuits.get(target)?.opening !== opening) return;
      if (end === 'answered') this.answered(target, opening);
      if (end === 'failed') this.failed(target, opening, endedAt);
    };
  }

  private answered(target: string, opening: Opening | undefined): void {
    if (opening !== undefined) opening.room += 1;
    if (opening === undefined || opening.room > this.options.roomMax) this.forget(target);
  }

  private failed(target: string, opening: Opening | undefined, now: number): void {
    const { failuresMax, pauseMs, pauseMaxMs, circuitsMax } = this.options;
    const failures = (this.circuits.get(target)?.failures ?? 0) + 1;
    const pause = opening === undefined ? pauseMs : Math.min(opening.pauseMs * 2, pauseMaxMs);
    const opens = opening !== undefined || failures >= failuresMax;
    this.forget(target);
    if (opens) this.openCount += 1;
    this.circuits.set(target, { failures, opening: opens ? { pauseMs: pause, until: now + pause, room: 1, underWay: 0 } : undefined });
    const [oldest] = this.circuits.keys();
    if (this.circuits.size > circuitsMax && oldest !== undefined) this.forget(oldest);
  }

  private forget(target: string): void {
    if (this.circuits.get(target)?.opening !== undefined) this.openCount -= 1;
    this.circuits.delete(target);
  }
}
