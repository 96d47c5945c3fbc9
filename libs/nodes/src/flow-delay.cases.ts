import type { NodeCase } from './node-cases.js';

export const flowDelayCases: readonly NodeCase[] = [
  {
    says: 'Waits for a number of milliseconds, then goes on by `out` with its input.',
    config: { ms: 90_000 },
    gives: { kind: 'wait', until: '2026-06-01T12:01:30.000Z' },
  },
  {
    says: 'Waits until a time.',
    config: { until: '2026-06-01T18:00:00+02:00' },
    gives: { kind: 'wait', until: '2026-06-01T16:00:00.000Z' },
  },
  {
    says: 'Takes either from an expression; a text that reads like a number will do.',
    config: { ms: '{{ input.minutes * 60000 }}' },
    input: { minutes: 5 },
    gives: { kind: 'wait', until: '2026-06-01T12:05:00.000Z' },
  },
  {
    says: 'Goes on at once when the time has passed.',
    config: { until: '{{ input.startsAt }}' },
    input: { startsAt: '2026-05-31T09:00:00Z' },
    gives: { kind: 'done', handle: 'out', output: { startsAt: '2026-05-31T09:00:00Z' } },
  },
  {
    says: 'Fails for a time without a time zone, which would be another moment elsewhere.',
    config: { until: '{{ input.startsAt }}' },
    input: { startsAt: '2026-06-02T09:00:00' },
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Fails when its expression finds nothing: it cannot know how long to wait.',
    config: { until: '{{ input.startsAt }}' },
    input: {},
    gives: { fails: 'config_invalid' },
  },
  { says: 'Waits at most 366 days.', config: { until: '2028-01-01T00:00:00Z' }, gives: { fails: 'config_invalid' } },
  {
    says: 'Takes `ms` or `until`, not both.',
    config: { ms: 90_000, until: '2026-06-01T18:00:00+02:00' },
    gives: { refused: 'invalid_config' },
  },
];
