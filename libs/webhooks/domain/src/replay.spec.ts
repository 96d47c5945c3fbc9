import { deciderSpec } from '@sluice/testing';
import fc from 'fast-check';
import {
  advance,
  cancel,
  evolveReplay,
  isReplayOrder,
  pause,
  type Replay,
  replayBatch,
  type ReplayEvent,
  ReplayIsOver,
  resume,
  startReplay,
  unstartedReplay,
} from './replay.js';

const initial = unstartedReplay('018f3b5e-0000-7000-8000-00000000000d');
const given = deciderSpec<Replay, ReplayEvent>(evolveReplay, initial);
const started = startReplay(
  initial,
  {
    name: 'Monday',
    filter: { channelId: 'c', dateFrom: '2026-11-23T00:00:00.000Z', dateTo: '2026-11-24T00:00:00.000Z' },
    version: 'newest',
    ratePerSecond: 5,
    reason: 'the shop was closed',
  },
  12,
  'ada',
);
const byAda = (decide: (replay: Replay, by: string) => ReplayEvent[]) => (replay: Replay) => decide(replay, 'ada');
const handed = (events: number, drained: boolean) => (replay: Replay) => advance(replay, events, drained);
const after = (...events: ReplayEvent[]) => events.reduce(evolveReplay, initial);

it('counts what was handed on, and completes when there is no more', () => {
  const first = advance(after(...started), 5, false);
  given(...started)
    .when(handed(5, false))
    .then({ type: 'replay.progressed', payload: { done: 5 } });
  given(...started, ...first)
    .when(handed(7, true))
    .then({ type: 'replay.completed', payload: { done: 12 } });
  given(...started)
    .when(handed(0, false))
    .thenNothing();
});

it('is paused and resumed once each', () => {
  const paused = pause(after(...started), 'ada');
  given(...started)
    .when(byAda(pause))
    .then({ type: 'replay.paused' });
  given(...started, ...paused)
    .when(byAda(pause))
    .thenNothing();
  given(...started, ...paused)
    .when(byAda(resume))
    .then({ type: 'replay.resumed' });
  given(...started)
    .when(byAda(resume))
    .thenNothing();
});

it('is over when it is cancelled or completed', () => {
  const cancelled = cancel(after(...started), 'ada');
  given(...started, ...cancelled)
    .when(byAda(cancel))
    .thenNothing();
  given(...started, ...cancelled)
    .when(byAda(resume))
    .thenThrows(ReplayIsOver);
  given(...started, ...advance(after(...started), 0, true))
    .when(byAda(cancel))
    .thenThrows(ReplayIsOver);
});

describe('the rate', () => {
  it('is kept whenever somebody looks: never more in a time than the rate allows, and one second of backlog', () => {
    const looks = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1_000, noNaN: true }), looks, (rate, pauses) => {
        let now = 0;
        let due = 0;
        let events = 0;
        for (const ms of pauses) {
          now += ms;
          if (due > now) continue;
          const batch = replayBatch(rate, now - due);
          events += batch.events;
          due = now + batch.nextInMs;
        }
        expect(events).toBeLessThanOrEqual((now / 1_000) * rate + 1 + 1e-6);
      }),
    );
  });

  it('is reached by whoever looks twice a second', () => {
    let due = 0;
    let events = 0;
    for (let now = 0; now < 60_000; now += 500) {
      if (due > now) continue;
      const batch = replayBatch(20, now - due);
      events += batch.events;
      due = now + batch.nextInMs;
    }
    expect(events).toBeGreaterThan(20 * 58);
  });
});

it('a task says which replay it is of, or none', () => {
  expect(isReplayOrder({ replayId: initial.id, version: 'same' })).toBe(true);
  expect([null, {}, { replayId: 7 }].some(isReplayOrder)).toBe(false);
});
