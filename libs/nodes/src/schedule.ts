import { Cron } from 'croner';

/** Times by a wall clock. */
export interface Schedule {
  /** Five fields, or six with seconds in front; `@daily` and the like */
  readonly cron: string;
  /** An IANA name */
  readonly timeZone: string;
}

/** What becomes of instants that passed while nobody looked. */
export interface CatchUp {
  readonly mode: 'skip' | 'one' | 'all';
  /** With `all`: how many of them run at most, the newest */
  readonly max: number;
}

export interface Due {
  /** Oldest first */
  readonly run: readonly Date[];
  /** The first and the last of those before them that do not run */
  readonly skipped?: { readonly first: Date; readonly last: Date };
}

/** An instant is on time for so long: it counts as missed only after that. */
const graceMs = 60_000;

/**
 * The first instant later than `after`; `undefined`: none ever comes. Throws for what `scheduleProblem` finds.
 *
 * When clocks go back, an hour comes twice: an expression without `*` and steps in its times runs in the first one only, others go on
 * through both. When they go forward, an hour is missing: the former run at its end, once; for the latter there is nothing to run.
 */
export const nextDue = (schedule: Schedule, after: Date): Date | undefined => compile(schedule).nextRun(after) ?? undefined;

/** Which instants later than `after`, and not later than `until`, run now. Its work does not grow with the time between them. */
export function dueBetween(schedule: Schedule, after: Date, until: Date, { mode, max }: CatchUp): Due {
  const times = compile(schedule);
  const first = times.nextRun(after);
  if (first === null || first > until) return { run: [] };

  const run = ((): Date[] => {
    const graceBegins = new Date(until.getTime() - graceMs);
    if (first >= graceBegins && mode !== 'all') return forward(times, first, until);
    switch (mode) {
      case 'skip':
        return forward(times, times.nextRun(justBefore(graceBegins)), until);
      case 'one':
        return backward(times, until, 1);
      case 'all': {
        const all = forward(times, first, until, max + 1);
        return all.length > max ? backward(times, until, max) : all;
      }
    }
  })();

  const [oldest] = run;
  if (oldest?.getTime() === first.getTime()) return { run };
  const [last = first] = backward(times, oldest === undefined ? until : justBefore(oldest), 1);
  return { run, skipped: { first, last } };
}

function forward(times: Cron, first: Date | null, until: Date, max = Infinity): Date[] {
  const found: Date[] = [];
  for (let at = first; at !== null && at <= until && found.length < max; at = times.nextRun(at)) found.push(at);
  return found;
}

/** The newest `count` of those not later than `until`, oldest first. */
const backward = (times: Cron, until: Date, count: number): Date[] => times.previousRuns(count, new Date(until.getTime() + 1)).toReversed();

const justBefore = (instant: Date): Date => new Date(instant.getTime() - 1);

/** What is wrong with a schedule, as a sentence; `undefined`: nothing. */
export function scheduleProblem({ cron, timeZone }: Schedule): string | undefined {
  const [ofCron, ofZone] = [cronProblem(cron), timeZoneProblem(timeZone)];
  if (ofCron !== undefined) return `"${cron}" ${ofCron}`;
  return ofZone === undefined ? undefined : `"${timeZone}" ${ofZone}`;
}

// Each completes a sentence: "`cron` …".

export function cronProblem(cron: string): string | undefined {
  const fields = 'write minute, hour, day of month, month and day of week, such as "0 9 * * 1-5", or six fields with seconds in front';
  const count = cron.trim().split(/\s+/).length;
  if (!cron.trim().startsWith('@') && count !== 5 && count !== 6)
    return `is not a cron expression (it has ${count} of 5 or 6 fields): ${fields}`;
  try {
    // From a fixed day, so that the answer is always the same: without a year, what comes ever comes again.
    if (nextDue({ cron, timeZone: 'UTC' }, new Date(0)) !== undefined) return undefined;
  } catch (error) {
    return `is not a cron expression (${reasonOf(error)}): ${fields}`;
  }
  return 'names a day that never comes: correct its day of month and month';
}

export function timeZoneProblem(timeZone: string): string | undefined {
  return isTimeZone(timeZone) ? undefined : 'is not a time zone that is known here: write an IANA name, such as "Europe/Berlin" or "UTC"';
}

/** Offsets such as `+02:00` are none: they know no summer time, and whoever writes one seldom means that. */
function isTimeZone(timeZone: string): boolean {
  if (!/^[A-Za-z]/.test(timeZone)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The library counts days and months from 0 in what it says about them. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .replace(/^CronPattern: /, '')
    .replace(/^Invalid value for (\w+): .*$/, 'its $1 is out of range')
    .replace(/\.$/, '');
}

/** Never started: it only computes. */
const compile = ({ cron, timeZone }: Schedule): Cron =>
  new Cron(cron, { timezone: timeZone, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard', paused: true });
