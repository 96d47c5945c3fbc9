import type { JsonObject } from '@sluice/kernel';
import type { NodeCase } from './node-cases.js';

const fired = (says: string, config: JsonObject, input: JsonObject): NodeCase => ({
  says,
  config,
  input,
  gives: { kind: 'done', handle: 'out', output: input },
});

/** Each `input` is what a run at that time begins with: a trigger puts out the run's input. */
export const triggerScheduleCases: readonly NodeCase[] = [
  fired(
    'Puts out the time for which the run was due, in UTC.',
    { cron: '0 9 * * 1-5' },
    { scheduledFor: '2027-03-26T09:00:00.000Z', timeZone: 'UTC', cron: '0 9 * * 1-5' },
  ),
  fired(
    'Goes by the clocks of its time zone: nine in Berlin is another hour of UTC in summer.',
    { cron: '0 9 * * *', timeZone: 'Europe/Berlin' },
    { scheduledFor: '2027-03-29T07:00:00.000Z', timeZone: 'Europe/Berlin', cron: '0 9 * * *' },
  ),
  fired(
    'Runs when the clocks have changed if they leave its time out.',
    { cron: '30 2 * * *', timeZone: 'Europe/Berlin' },
    { scheduledFor: '2027-03-28T01:00:00.000Z', timeZone: 'Europe/Berlin', cron: '30 2 * * *' },
  ),
  fired(
    'With six fields the first one is seconds.',
    { cron: '*/20 * * * * *' },
    { scheduledFor: '2027-03-26T09:00:40.000Z', timeZone: 'UTC', cron: '*/20 * * * * *' },
  ),
  fired(
    'Knows the last day of a month.',
    { cron: '0 0 L * *' },
    { scheduledFor: '2028-02-29T00:00:00.000Z', timeZone: 'UTC', cron: '0 0 L * *' },
  ),
  fired(
    'With `catchUp: one`, as without it, says which times passed without a run while nothing could run.',
    { cron: '0 * * * *', catchUp: 'one' },
    {
      scheduledFor: '2027-03-26T12:00:00.000Z',
      timeZone: 'UTC',
      cron: '0 * * * *',
      skipped: { first: '2027-03-26T09:00:00.000Z', last: '2027-03-26T11:00:00.000Z' },
    },
  ),
  {
    says: 'Takes no expression of another form: seven fields, a date, or fewer than five.',
    config: { cron: '0 9 * *' },
    gives: { refused: 'invalid_config' },
  },
  { says: 'Refuses a day that never comes.', config: { cron: '0 0 30 2 *' }, gives: { refused: 'invalid_config' } },
  {
    says: 'Needs the name of a time zone: an offset knows no summer time.',
    config: { cron: '0 9 * * *', timeZone: '+02:00' },
    gives: { refused: 'invalid_config' },
  },
  {
    says: 'Must be written out: it is planned when the workflow is published, before any run.',
    config: { cron: '{{ env.cron }}' },
    gives: { refused: 'invalid_config' },
  },
];
