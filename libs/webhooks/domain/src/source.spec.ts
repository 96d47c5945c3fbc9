import fc from 'fast-check';
import { absorb, type Counted, differences, look, lookAt, noFigures, type Source, type SourceEvent } from './source.js';

const start = Date.parse('2026-11-23T08:00:00.000Z');
const [second, minute, hour] = [1_000, 60_000, 3_600_000];
const fresh: Source = { id: 'f', sourceId: 's', figures: noFigures, streamVersion: 0 };
const nothing: Counted = {
  acceptedCalls: 0,
  firstAcceptedAt: null,
  lastAcceptedAt: null,
  events: { accepted: 0, ignored: 0, duplicate: 0, conflicting: 0 },
  rejected: {},
  lastRejectedAt: null,
  lastRejection: null,
};
const time = (ms: number) => new Date(start + ms);
const calls = (ms: number, count = 1): Counted => ({
  ...nothing,
  acceptedCalls: count,
  firstAcceptedAt: time(ms).toISOString(),
  lastAcceptedAt: time(ms).toISOString(),
  events: { ...nothing.events, accepted: count },
});
const refused = (ms: number, count: number, reason = 'signature_mismatch'): Counted => ({
  ...nothing,
  rejected: { [reason]: count },
  lastRejectedAt: time(ms).toISOString(),
  lastRejection: reason,
});

/** What happens to a source, by what is counted and when, and looked at as often as it asks for. */
function story(counts: readonly (readonly [atMs: number, counted: Counted])[], untilMs: number) {
  let source = fresh;
  const events: (SourceEvent & { readonly atMs: number })[] = [];
  const take = (atMs: number, looked: ReturnType<typeof look>) => {
    source = looked.source;
    events.push(...looked.events.map((event) => ({ ...event, atMs })));
  };
  const lookUntil = (ms: number) => {
    for (let due = lookAt(source); due !== undefined && due.getTime() <= start + ms; due = lookAt(source)) {
      take(due.getTime() - start, look(source, due));
    }
  };
  for (const [atMs, counted] of counts) {
    lookUntil(atMs);
    take(atMs, absorb(source, counted, time(atMs)));
  }
  lookUntil(untilMs);
  return { source, events, alerts: events.filter(({ type }) => type !== 'webhook.source.figures') };
}
const every = (gapMs: number, count: number, fromMs = 0) =>
  Array.from({ length: count }, (_, n) => [fromMs + n * gapMs, calls(fromMs + n * gapMs)] as const);
const alertsOf = (...told: Parameters<typeof story>) => story(...told).alerts.map(({ type, atMs }) => [type, atMs]);

describe('figures', () => {
  it('are told at most once a minute, and all of them in the end', () => {
    const { events, source } = story(every(second, 600), hour);
    const times = events.map(({ atMs }) => atMs);
    expect(events.every(({ type }) => type === 'webhook.source.figures')).toBe(true);
    expect(times.length).toBeLessThanOrEqual(12);
    expect(times.every((at, n) => n === 0 || at - (times[n - 1] ?? 0) >= minute)).toBe(true);
    expect(events.at(-1)?.payload).toMatchObject({ acceptedCalls: 600, events: { accepted: 600 }, usualGapMs: second });
    expect(source.figures.changed).toBe(false);
  });

  it('tell refused calls by reason, with the last one', () => {
    const { events } = story(
      [
        [0, refused(0, 2)],
        [minute, refused(minute, 3, 'malformed_json')],
      ],
      hour,
    );
    expect(events.at(-1)?.payload).toMatchObject({
      rejected: { signature_mismatch: 2, malformed_json: 3 },
      lastRejection: 'malformed_json',
      lastRejectedAt: time(minute).toISOString(),
      lastAcceptedAt: null,
    });
  });

  it('each event of a source has a version of its own', () => {
    const { events, source } = story([...every(second, 60), [2 * minute, refused(2 * minute, 50)], [9 * hour, calls(9 * hour)]], 10 * hour);
    expect(source.streamVersion).toBe(events.length);
  });
});

describe('silence', () => {
  it('is told once, after an hour at least, and its end once', () => {
    const counts = [...every(second, 100), [3 * hour, calls(3 * hour)] as const];
    expect(alertsOf(counts, 3.5 * hour)).toEqual([
      ['webhook.source.silent', 99 * second + hour],
      ['webhook.source.recovered', 3 * hour],
    ]);
  });

  it('is ten usual gaps where those are long', () => {
    expect(alertsOf(every(hour, 50), 300 * hour)).toEqual([['webhook.source.silent', 59 * hour]]);
  });

  it('is not told of a source of which little is known', () => {
    expect(alertsOf(every(second, 20), 1_000 * hour)).toEqual([]);
    expect(alertsOf([], 1_000 * hour)).toEqual([]);
  });

  it('a shop that is closed at night is silent in its first night only', () => {
    const days = [0, 1, 2, 3, 4].flatMap((day) => every(5 * minute, 12 * 12, day * 24 * hour));
    const silent = alertsOf(days, 5 * 24 * hour - hour).filter(([type]) => type === 'webhook.source.silent');
    expect(silent).toHaveLength(1);
  });

  it('whatever came, it is told once for each recovery', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 20 * hour }), { minLength: 1, maxLength: 120 });
    fc.assert(
      fc.property(gaps, (all) => {
        let at = 0;
        const counts = all.map((gap) => {
          at += gap;
          return [at, calls(at)] as const;
        });
        const types = story(counts, at + 500 * hour).alerts.map(({ type }) => type);
        types.forEach((type, n) => expect(type).toBe(n % 2 === 0 ? 'webhook.source.silent' : 'webhook.source.recovered'));
      }),
      { numRuns: 50 },
    );
  });
});

describe('signature failures', () => {
  it('are told once when they jump, however long that lasts, and once when they end', () => {
    const counts = Array.from({ length: 30 }, (_, n) => [n * minute, refused(n * minute, 5)] as const);
    const alerts = alertsOf(counts, 5 * hour);
    expect(alerts.map(([type]) => type)).toEqual(['webhook.source.signature_failures', 'webhook.source.recovered']);
    expect(alerts[0]?.[1]).toBe(minute);
  });

  it('few of them, or few among many calls, are no jump', () => {
    expect(alertsOf([[0, refused(0, 9)]], hour)).toEqual([]);
    expect(
      alertsOf(
        [
          [0, calls(0, 1_000)],
          [second, refused(second, 100)],
        ],
        minute,
      ),
    ).toEqual([]);
    expect(
      alertsOf(
        [
          [0, refused(0, 100, 'malformed_json')],
          [second, refused(second, 100, 'quota')],
        ],
        hour,
      ),
    ).toEqual([]);
  });
});

describe('what came twice', () => {
  const kept = { id: '1', channelId: 'c', text: 'yes', payload: { a: 1, b: [2] }, receivedAt: 'x', occurredAt: 'y', triggers: true };

  it('differs where it says something else', () => {
    expect(differences(kept, { ...kept, text: 'no', ref: 'r' })).toEqual(['ref', 'text']);
    expect(differences(kept, { ...kept, payload: { a: 1, b: [3] } })).toEqual(['payload']);
  });

  it('does not where only its receipt does, or the order of members', () => {
    expect(differences(kept, { ...kept, id: '2', receivedAt: 'z', occurredAt: 'z', triggers: false, payload: { b: [2], a: 1 } })).toEqual(
      [],
    );
    expect(differences(null, kept)).toEqual([]);
  });
});
