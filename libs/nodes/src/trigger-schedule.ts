import { DEFAULT_HANDLE } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import type { TriggerNodeType } from './node-type.js';
import type { CatchUp, Schedule } from './schedule.js';

const CATCH_UP_MAX = 100;

export const triggerSchedule: TriggerNodeType = {
  type: 'trigger.schedule',
  kind: 'trigger',
  title: 'Schedule',
  description:
    'Starts a run at each time that a cron expression names. Its output is `{scheduledFor, timeZone, cron}`: the time for which the run ' +
    'was due, not the one at which it began; with `skipped: {first, last}` when times before it passed without a run.',
  configSchema: {
    title: 'Schedule',
    type: 'object',
    properties: {
      cron: {
        title: 'Times',
        description:
          'Minute, hour, day of month, month, day of week; with seconds in front if there are six. `L` is the last day of a month, `5#L` ' +
          'its last Friday, `1#2` its second Monday, `15W` the weekday nearest to the 15th. Day of month or day of week suffices when both ' +
          'are given; with `+` before the day of week both must hold.',
        type: 'string',
        literal: true,
        format: 'cron',
        maxLength: 200,
        examples: ['0 9 * * 1-5', '*/15 * * * *', '0 0 L * *', '@daily'],
      },
      timeZone: {
        title: 'Time zone',
        description:
          'An IANA name. A time that a change of clocks leaves out runs when the clocks have changed; one that comes twice runs once, unless ' +
          'the expression has a `*` or a step among seconds, minutes and hours.',
        type: 'string',
        literal: true,
        format: 'time-zone',
        maxLength: 64,
        default: 'UTC',
        examples: ['Europe/Berlin', 'UTC'],
      },
      catchUp: {
        title: 'Catch up',
        description:
          'What becomes of times that passed, by more than a minute, while nothing could run: they are left out (`skip`), the newest runs ' +
          '(`one`), or each (`all`), oldest first.',
        type: 'string',
        literal: true,
        enum: ['skip', 'one', 'all'],
        default: 'one',
      },
      catchUpMax: {
        title: 'Catch up at most',
        description: 'With `all`: how many runs begin at once. Of more, the newest run.',
        type: 'integer',
        literal: true,
        minimum: 1,
        maximum: 1_000,
        default: CATCH_UP_MAX,
      },
    },
    required: ['cron'],
    additionalProperties: false,
    examples: [
      { cron: '0 9 * * 1-5', timeZone: 'Europe/Berlin' },
      { cron: '0 3 * * *', catchUp: 'all', catchUpMax: 7 },
    ],
  },
  handles: () => [DEFAULT_HANDLE],
};

/** What a config says that can be published, with what it leaves unsaid. */
export function scheduleIn({ cron, timeZone, catchUp, catchUpMax }: JsonObject): Schedule & { readonly catchUp: CatchUp } {
  return {
    cron: String(cron),
    timeZone: typeof timeZone === 'string' ? timeZone : 'UTC',
    catchUp: {
      mode: catchUp === 'skip' || catchUp === 'all' ? catchUp : 'one',
      max: typeof catchUpMax === 'number' ? catchUpMax : CATCH_UP_MAX,
    },
  };
}
