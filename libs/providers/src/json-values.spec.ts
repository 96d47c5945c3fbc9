import { idOf, timeOf } from './json-values.js';

describe('timeOf', () => {
  const instant = Date.parse('2026-11-02T09:29:55.800Z');

  it.each([
    ['milliseconds', instant, instant],
    ['milliseconds as text', String(instant), instant],
    ['seconds', 1793611797, 1793611797000],
    ['seconds as text', '1793611797', 1793611797000],
    ['fractions of seconds', 1793611797.25, 1793611797250],
    ['ISO 8601', '2026-11-02T09:29:55.800Z', instant],
    ['ISO 8601 with an offset, as Facebook writes it', '2026-11-02T10:29:55+0100', instant - 800],
  ])('reads %s', (_what, value, ms) => expect(timeOf(value)).toBe(ms));

  it.each([0, -1, 1e18, Number.NaN, '', 'yesterday', '1793611797abc', '1e12', '2026-13-02T00:00:00Z', null, true, {}, [1], undefined])(
    'finds none in %j',
    (value) => expect(timeOf(value)).toBeUndefined(),
  );
});

describe('idOf', () => {
  it('is always a string', () => {
    expect(idOf('17841465550001234')).toBe('17841465550001234');
    expect(idOf(17841465550001)).toBe('17841465550001');
  });

  it.each(['', 1.5, null, true, {}, [], undefined, 'x'.repeat(513)])('finds none in %j', (value) => expect(idOf(value)).toBeUndefined());
});
