/** The time of day as this process sees it. Leases, timers and windows use the database's clock instead (R7). */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
