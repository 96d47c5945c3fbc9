import type { Paced } from './pace.js';
import { Paces, type SharedPaces } from './paces.js';

const second = { key: 'account', calls: 10, perMs: 1_000 };
const granted: Paced = { taken: true, waitMs: 0 };
const alone = { index: 0, of: 2 };

/** Answers as it is told; `undefined`: never. */
function shared(answers: (() => Promise<Paced>)[]) {
  let asked = 0;
  const paces: SharedPaces = { ask: () => answers[asked++]?.() ?? Promise.reject(new Error('away')), close: () => {} };
  return { paces, asked: () => asked };
}
const never = () => new Promise<Paced>(() => {});

it('T-14 without any Redis one process has the whole budget', async () => {
  const paces = new Paces(() => 1_000);
  const answers = await Promise.all(Array.from({ length: 12 }, () => paces.take('a', [second], 1_000)));
  expect(answers.filter(({ taken }) => taken)).toHaveLength(11);
  expect(await paces.take('b', [second], 0)).toEqual(granted);
  expect(await paces.take('a', [], 0)).toEqual(granted);
});

it('T-14 goes by what Redis says while it answers, and by its turns when it refuses', async () => {
  const { paces } = shared([() => Promise.resolve({ taken: false, waitMs: 700 }), () => Promise.reject(new Error('READONLY'))]);
  const both = new Paces(() => 1_000, { paces, turn: () => Promise.resolve(alone) });
  expect(await both.take('a', [second], 0)).toEqual({ taken: false, waitMs: 700 });
  // The second from 1000 to 2000 is the other one's.
  expect(await both.take('a', [second], 500)).toEqual({ taken: false, waitMs: 1_000 });
  expect(await both.take('a', [second], 1_500)).toEqual({ taken: true, waitMs: 1_000 });
  expect(await both.take('a', [second], 1_500)).toEqual({ taken: true, waitMs: 1_100 });
});

it('T-14 one that does not answer holds up one call for a moment, and no other until it answers', async () => {
  const late = Promise.withResolvers<Paced>();
  const { paces, asked } = shared([() => late.promise, () => Promise.resolve(granted)]);
  const both = new Paces(() => 0, { paces, turn: () => Promise.resolve(alone) });
  expect(await both.take('a', [second], 1_000)).toEqual(granted);
  expect(await both.take('a', [second], 1_000)).toEqual({ taken: true, waitMs: 100 });
  expect(asked()).toBe(1);
  late.resolve(granted);
  await late.promise;
  await new Promise((resolve) => setImmediate(resolve));
  expect(await both.take('a', [second], 1_000)).toEqual(granted);
  expect(asked()).toBe(2);
});

it('T-14 sends nothing alone while the others may not know of it', async () => {
  const { paces } = shared([never]);
  const both = new Paces(() => 0, { paces, turn: () => Promise.resolve(undefined) });
  expect(await both.take('a', [second], 1_000)).toEqual({ taken: false, waitMs: 5_000 });
});
