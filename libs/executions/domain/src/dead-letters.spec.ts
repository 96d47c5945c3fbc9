import {
  afterFailure,
  type DeadLetter,
  deadLettered,
  discarded,
  failuresMax,
  isSuspect,
  retried,
  spread,
  suspectGroups,
} from './dead-letters.js';

const letter: DeadLetter = {
  id: '018f3b5e-0000-7000-8000-00000000000d',
  taskId: 7,
  kind: 'effect',
  reason: 'crash_loop',
  executionId: '018f3b5e-0000-7000-8000-00000000000e',
  nodeId: 'call',
};
const { id: aggregateId, ...subject } = letter;

it('a dead letter says what it is about, why it died, and who decided', () => {
  const error = { code: 'crash_loop', message: 'It stopped its worker 3 times.' };
  expect(deadLettered(letter, error)).toEqual({ type: 'task.dead_lettered', aggregateId, payload: { ...subject, error } });
  expect(retried(letter, 'ada')).toEqual({ type: 'task.retried', aggregateId, payload: { ...subject, by: 'ada' } });
  expect(discarded(letter, 'ada')).toEqual({ type: 'task.discarded', aggregateId, payload: { ...subject, by: 'ada' } });
});

it('what fails is tried again later and later, and given up at the tenth time', () => {
  const pauses = (random: number) =>
    Array.from({ length: failuresMax }, (_, index) => afterFailure(index + 1, random)).map((after) =>
      after.givenUp ? 'given up' : after.delayMs,
    );
  expect(pauses(0)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 'given up']);
  expect(pauses(0.5).slice(0, 3)).toEqual([750, 1_500, 3_000]);
  expect(afterFailure(failuresMax + 5, 0)).toEqual({ givenUp: true });
});

it('what its worker died with is worked on in small groups, and alone when the next death would be its last', () => {
  const of = (crashes: number, count: number) => Array.from({ length: count }, () => ({ crashes }));
  const sizes = (tasks: { crashes: number }[]) => suspectGroups(tasks).map((group) => [group[0]?.crashes, group.length]);
  expect(sizes([...of(2, 2), ...of(1, 45)])).toEqual([
    [1, 20],
    [1, 20],
    [1, 5],
    [2, 1],
    [2, 1],
  ]);
  expect(sizes([])).toEqual([]);
  expect([0, 1, 2, 3].map((crashes) => isSuspect({ crashes }))).toEqual([false, true, true, false]);
});

it('many are begun at a rate, or at once', () => {
  expect(spread(4, 2)).toEqual([0, 500, 1_000, 1_500]);
  expect(spread(3, undefined)).toEqual([0, 0, 0]);
  const begins = spread(1_000, 50);
  for (const from of begins) expect(begins.filter((at) => at >= from && at < from + 1_000).length).toBeLessThanOrEqual(50);
});
