import type { JsonObject } from '@sluice/kernel';
import { checkGraph } from './check-graph.js';
import { type CatchUp, cronProblem, dueBetween, nextDue, scheduleProblem, timeZoneProblem } from './schedule.js';
import { scheduleIn } from './trigger-schedule.js';
import { triggerScheduleCases } from './trigger-schedule.cases.js';

const berlin = 'Europe/Berlin';
const newYork = 'America/New_York';
const brief = (instant: Date): string => instant.toISOString().replace(':00.000Z', 'Z');

/** The instants after a moment, and not after the other, one by one. */
function instants(cron: string, timeZone: string, after: string, until: string): string[] {
  const found: string[] = [];
  const end = new Date(until);
  for (let at = nextDue({ cron, timeZone }, new Date(after)); at && at <= end; at = nextDue({ cron, timeZone }, at)) found.push(brief(at));
  return found;
}

describe('N-09 when clocks go forward', () => {
  it.each<[string, string, string, string, string[]]>([
    ['runs once, at the end of the gap', '30 2 * * *', berlin, '2027-03-28', ['2027-03-28T01:00Z']],
    ['runs once, at the end of the gap', '30 2 * * *', newYork, '2027-03-14', ['2027-03-14T07:00Z']],
    ['does not run twice when two times are left out', '0,30 2 * * *', berlin, '2027-03-28', ['2027-03-28T01:00Z']],
    ['does not run twice when the time after the gap is due as well', '0 2-3 * * *', berlin, '2027-03-28', ['2027-03-28T01:00Z']],
    ['has nothing to run in the gap', '*/20 2 * * *', berlin, '2027-03-28', []],
  ])('%s: %s in %s', (_what, cron, timeZone, day, expected) => {
    expect(instants(cron, timeZone, `${day}T00:00:00Z`, `${day}T12:00:00Z`)).toEqual(expected);
  });

  it('keeps an even pace through it', () => {
    expect(instants('*/30 * * * *', berlin, '2027-03-28T00:00:00Z', '2027-03-28T02:00:00Z')).toEqual([
      '2027-03-28T00:30Z',
      '2027-03-28T01:00Z',
      '2027-03-28T01:30Z',
      '2027-03-28T02:00Z',
    ]);
  });
});

describe('N-09 when clocks go back', () => {
  it.each<[string, string, string, string, string[]]>([
    ['runs once, the first time', '30 2 * * *', berlin, '2027-10-31', ['2027-10-31T00:30Z']],
    ['runs once, the first time', '30 1 * * *', newYork, '2027-11-07', ['2027-11-07T05:30Z']],
    ['runs a list once', '0,30 2 * * *', berlin, '2027-10-31', ['2027-10-31T00:00Z', '2027-10-31T00:30Z']],
    ['goes on with steps', '*/30 2 * * *', berlin, '2027-10-31', ['00:00', '00:30', '01:00', '01:30'].map((time) => `2027-10-31T${time}Z`)],
  ])('%s: %s in %s', (_what, cron, timeZone, day, expected) => {
    const midnight = new Date(`${day}T00:00:00Z`).getTime();
    expect(instants(cron, timeZone, new Date(midnight - 1).toISOString(), `${day}T12:00:00Z`)).toEqual(expected);
  });

  it('keeps an even pace through it', () => {
    expect(instants('15 * * * *', berlin, '2027-10-31T00:00:00Z', '2027-10-31T03:00:00Z')).toEqual([
      '2027-10-31T00:15Z',
      '2027-10-31T01:15Z',
      '2027-10-31T02:15Z',
    ]);
  });

  it('runs once even when asked between the two', () => {
    expect(instants('30 2 * * *', berlin, '2027-10-31T00:45:00Z', '2027-11-01T12:00:00Z')).toEqual(['2027-11-01T01:30Z']);
  });
});

describe('N-09 the calendar', () => {
  it.each<[string, string, string, string]>([
    ['a leap day', '0 0 29 2 *', '2026-01-01T00:00:00Z', '2028-02-29T00:00Z'],
    ['no leap day in 2100', '0 0 29 2 *', '2096-03-01T00:00:00Z', '2104-02-29T00:00Z'],
    ['after 2038-01-19', '0 9 * * 1#1', '2038-01-20T00:00:00Z', '2038-02-01T09:00Z'],
    ['after 2038-01-19, to the second', '14 3 19 1 *', '2038-01-19T03:13:59Z', '2038-01-19T03:14Z'],
    ['the last day of a short month', '0 0 L * *', '2027-02-01T00:00:00Z', '2027-02-28T00:00Z'],
    ['the last day of a leap February', '0 0 L * *', '2028-02-01T00:00:00Z', '2028-02-29T00:00Z'],
    ['the last Friday', '0 0 * * 5#L', '2027-04-01T00:00:00Z', '2027-04-30T00:00Z'],
    ['day of month or day of week', '0 0 13 * 5', '2027-01-09T00:00:00Z', '2027-01-13T00:00Z'],
    ['both of them, with +', '0 0 13 * +5', '2027-01-09T00:00:00Z', '2027-08-13T00:00Z'],
    ['names', '0 0 * JAN mon', '2027-01-01T00:00:00Z', '2027-01-04T00:00Z'],
    ['a nickname', '@monthly', '2027-01-01T00:00:00Z', '2027-02-01T00:00Z'],
  ])('knows %s: %s', (_what, cron, after, expected) => {
    expect(nextDue({ cron, timeZone: 'UTC' }, new Date(after))?.toISOString().replace(':00.000Z', 'Z')).toBe(expected);
  });

  it('gives the instant after, never the same one', () => {
    const everyMinute = { cron: '* * * * *', timeZone: 'UTC' };
    expect(nextDue(everyMinute, new Date('2027-01-01T11:59:59.999Z'))).toEqual(new Date('2027-01-01T12:00:00Z'));
    expect(nextDue(everyMinute, new Date('2027-01-01T12:00:00.000Z'))).toEqual(new Date('2027-01-01T12:01:00Z'));
    expect(nextDue(everyMinute, new Date('2027-01-01T12:00:00.001Z'))).toEqual(new Date('2027-01-01T12:01:00Z'));
  });

  it('gives nothing for a day that never comes', () => {
    expect(nextDue({ cron: '0 0 31 4 *', timeZone: 'UTC' }, new Date('2027-01-01T00:00:00Z'))).toBeUndefined();
  });
});

describe('catching up', () => {
  const hourly = { cron: '0 * * * *', timeZone: 'UTC' };
  const due = (catchUp: Partial<CatchUp>, until: string, schedule = hourly) => {
    const { run, skipped } = dueBetween(schedule, new Date('2027-01-01T08:30:00Z'), new Date(until), { mode: 'one', max: 100, ...catchUp });
    return { run: run.map(brief), ...(skipped === undefined ? {} : { skipped: [brief(skipped.first), brief(skipped.last)] }) };
  };
  const at = (...hours: number[]) => hours.map((hour) => `2027-01-01T${String(hour).padStart(2, '0')}:00Z`);

  it.each<[string, Partial<CatchUp>, string, ReturnType<typeof due>]>([
    ['nothing is due before its time', { mode: 'one' }, '2027-01-01T08:59:59.999Z', { run: [] }],
    ['what is due runs at its time', { mode: 'one' }, '2027-01-01T09:00:00Z', { run: at(9) }],
    ['`skip` runs what is up to a minute late', { mode: 'skip' }, '2027-01-01T09:01:00Z', { run: at(9) }],
    ['`skip` runs nothing that is later', { mode: 'skip' }, '2027-01-01T09:01:00.001Z', { run: [], skipped: [...at(9), ...at(9)] }],
    ['`skip` runs what is due now, not what was missed', { mode: 'skip' }, '2027-01-01T12:00:10Z', { run: at(12), skipped: at(9, 11) }],
    ['`skip` leaves out all of them', { mode: 'skip' }, '2027-01-01T12:30:00Z', { run: [], skipped: at(9, 12) }],
    ['`one` runs what is late', { mode: 'one' }, '2027-01-01T09:59:00Z', { run: at(9) }],
    ['`one` runs the newest of several', { mode: 'one' }, '2027-01-01T12:30:00Z', { run: at(12), skipped: at(9, 11) }],
    ['`one` does not count what is due now as another one', { mode: 'one' }, '2027-01-01T12:00:10Z', { run: at(12), skipped: at(9, 11) }],
    ['`all` runs each, oldest first', { mode: 'all' }, '2027-01-01T12:30:00Z', { run: at(9, 10, 11, 12) }],
    ['`all` runs exactly as many as it may', { mode: 'all', max: 4 }, '2027-01-01T12:30:00Z', { run: at(9, 10, 11, 12) }],
    ['`all` runs the newest of too many', { mode: 'all', max: 2 }, '2027-01-01T12:30:00Z', { run: at(11, 12), skipped: at(9, 10) }],
  ])('%s', (_what, catchUp, until, expected) => {
    expect(due(catchUp, until)).toEqual(expected);
  });

  it.each(['skip', 'one', 'all'] as const)('`%s` runs every one of what comes oftener than anybody looks', (mode) => {
    const everySecond = { cron: '* * * * * *', timeZone: 'UTC' };
    expect(due({ mode }, '2027-01-01T08:30:03.500Z', everySecond)).toEqual({
      run: ['2027-01-01T08:30:01.000Z', '2027-01-01T08:30:02.000Z', '2027-01-01T08:30:03.000Z'],
    });
  });

  it.each(['skip', 'one', 'all'] as const)('`%s` takes no longer for ten years of seconds', (mode) => {
    const everySecond = { cron: '* * * * * *', timeZone: 'UTC' };
    const started = performance.now();
    const { run, skipped } = due({ mode }, '2037-01-01T00:00:00.500Z', everySecond);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(run.at(-1)).toBe('2037-01-01T00:00Z');
    expect(run).toHaveLength({ skip: 60, one: 1, all: 100 }[mode]);
    expect(skipped?.[0]).toBe('2027-01-01T08:30:01.000Z');
  });

  it('N-09 catches up over a change of clocks without running an instant twice', () => {
    const { run } = dueBetween(
      { cron: '30 2 * * *', timeZone: berlin },
      new Date('2027-10-29T12:00:00Z'),
      new Date('2027-11-02T12:00:00Z'),
      { mode: 'all', max: 100 },
    );
    expect(run.map(brief)).toEqual(['2027-10-30T00:30Z', '2027-10-31T00:30Z', '2027-11-01T01:30Z', '2027-11-02T01:30Z']);
  });

  it.each([
    ['2027-03-12T00:00:00Z', '2027-03-16T00:00:00Z'],
    ['2027-03-26T00:00:00Z', '2027-04-05T00:00:00Z'],
    ['2027-10-29T00:00:00Z', '2027-11-09T00:00:00Z'],
  ])('looks back over the same instants as forward, each of them once: from %s to %s', (after, until) => {
    for (const timeZone of [berlin, newYork, 'Australia/Lord_Howe']) {
      for (const cron of ['30 2 * * *', '0,30 2 * * *', '0 2-4 * * *', '7 */8 * * *']) {
        const due = (max: number) => dueBetween({ cron, timeZone }, new Date(after), new Date(until), { mode: 'all', max });
        const { run } = due(1_000);
        expect(new Set(run.map(Number)).size).toBe(run.length);
        expect(due(run.length - 1)).toEqual({ run: run.slice(1), skipped: { first: run[0], last: run[0] } });
      }
    }
  });
});

describe('what is wrong with a schedule', () => {
  it.each(['* * * * *', '0 9 * * 1-5', '  0\t9 * * *  ', '*/10 * * * * *', '@hourly', '0 0 29 2 +MON', '0 0 * * FRI#L', '0 0 15W * ?'])(
    'nothing with %j',
    (cron) => expect(cronProblem(cron)).toBeUndefined(),
  );

  it.each([
    ['', 'it has 1 of 5 or 6 fields'],
    ['daily', 'it has 1 of 5 or 6 fields'],
    ['2027-01-01T00:00:00', 'it has 1 of 5 or 6 fields'],
    ['0 0 0 1 1 * 2030', 'it has 7 of 5 or 6 fields'],
    ['60 * * * *', 'its minute is out of range'],
    ['0 0 0 * *', 'its day is out of range'],
    ['0 0 * * 1#6', 'nth weekday out of range'],
    ['* * * * MOO', 'configuration entry 5 (MOO) contains illegal characters'],
    ['*/0 * * * *', 'Syntax error, illegal stepping: 0'],
    ['@reboot', '@reboot is not supported'],
    ['@never', 'is not a cron expression'],
    ['0 0 31 4,6,9,11 *', 'names a day that never comes'],
  ])('%j: %s', (cron, problem) => expect(cronProblem(cron)).toContain(problem));

  it('N-09 a zone that is not known here', () => {
    for (const timeZone of ['UTC', berlin, 'europe/berlin', 'Etc/GMT-2', 'Asia/Kathmandu'])
      expect(timeZoneProblem(timeZone)).toBeUndefined();
    for (const timeZone of ['', 'Z', '+02:00', 'Berlin', 'Europe/Atlantis']) expect(timeZoneProblem(timeZone)).toContain('IANA name');
    expect(scheduleProblem({ cron: '@daily', timeZone: 'Europe/Atlantis' })).toContain('IANA name');
    expect(() => nextDue({ cron: '@daily', timeZone: 'Europe/Atlantis' }, new Date())).toThrow('Europe/Atlantis');
  });
});

describe('trigger.schedule', () => {
  it('has defaults for what its config leaves unsaid', () => {
    expect(scheduleIn({ cron: '@daily' })).toEqual({ cron: '@daily', timeZone: 'UTC', catchUp: { mode: 'one', max: 100 } });
    expect(scheduleIn({ cron: '@daily', timeZone: berlin, catchUp: 'all', catchUpMax: 7 })).toEqual({
      cron: '@daily',
      timeZone: berlin,
      catchUp: { mode: 'all', max: 7 },
    });
  });

  const codesOf = (config: JsonObject) =>
    checkGraph({ nodes: [{ id: 'it', type: 'trigger.schedule', config }], edges: [] }).map(({ code }) => code);
  const [begun, refused] = [true, false].map((begins) => triggerScheduleCases.filter(({ gives }) => 'output' in gives === begins));

  it.each(begun ?? [])('begins as it is documented: $says', ({ config, input, gives }) => {
    expect(codesOf(config)).toEqual([]);
    const { catchUp, ...schedule } = scheduleIn(config);
    const { scheduledFor, skipped } = Object(input);
    const from = new Date(new Date(skipped?.first ?? scheduledFor).getTime() - 1);
    const due = dueBetween(schedule, from, new Date(scheduledFor), catchUp);
    const output = { ...schedule, scheduledFor: due.run[0], ...(due.skipped === undefined ? {} : { skipped: due.skipped }) };
    expect(gives).toEqual({ kind: 'done', handle: 'out', output: JSON.parse(JSON.stringify(output)) });
  });

  it.each(refused ?? [])('is refused as it is documented: $says', ({ config, gives }) => {
    expect(gives).toEqual({ refused: codesOf(config)[0] });
  });
});
