import { cachedMs, ReadCache } from './read-cache.js';

const row = { key: 'acme /api/workflows/1', about: ['acme:workflow_summary:1', 'acme:workflow_detail:1'], minPosition: undefined };
const list = { key: 'acme /api/workflows', about: ['acme:workflow_summary'], minPosition: undefined };
const answer = (text: string) => () => Promise.resolve(text);

function cacheWith(...questions: (typeof row)[]): ReadCache {
  const cache = new ReadCache();
  for (const question of questions) cache.keep(question, 10, answer(question.key));
  return cache;
}

it('gives the same answer to the same question', async () => {
  const cache = cacheWith(row, list);
  expect(await cache.find(row)?.answer).toBe(row.key);
  expect(cache.find(row)?.position).toBe(10);
  expect(cache.find({ ...row, key: 'other /api/workflows/1' })).toBeUndefined();
});

it.each([
  ['its row', 'acme:workflow_detail:1', [list]],
  ['any row of a list', 'acme:workflow_summary:2', [row]],
  ['its table', 'acme:workflow_detail', [list]],
  ['the table of both', 'acme:workflow_summary', []],
  ['anything', '*', []],
  ['another tenant’s row', 'other:workflow_summary:1', [row, list]],
  ['another table', 'acme:channel_summary:1', [row, list]],
])('a hint about %s drops what it changes and nothing else', (_, key, left) => {
  const cache = cacheWith(row, list);
  cache.drop([key]);
  expect([row, list].filter((question) => cache.find(question) !== undefined)).toEqual(left);
});

it('never gives an older position than asked for', () => {
  const cache = cacheWith(row);
  expect(cache.find({ ...row, minPosition: 10 })).toBeDefined();
  expect(cache.find({ ...row, minPosition: 11 })).toBeUndefined();
});

it('a hint in the middle of a read drops what it will answer', async () => {
  const cache = new ReadCache();
  let finish = (_: string): void => {};
  const { answer: asked } = cache.keep(row, 10, () => new Promise((resolve) => (finish = resolve)));
  cache.drop(['acme:workflow_summary:1']);
  finish('old');
  expect(await asked).toBe('old');
  expect(cache.find(row)).toBeUndefined();
});

it('a late answer does not push out a newer one', async () => {
  const cache = new ReadCache();
  let fail = (_: Error): void => {};
  const { answer: first } = cache.keep(row, 10, () => new Promise((_, reject) => (fail = reject)));
  cache.keep(row, 11, answer('new'));
  fail(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
  expect(await cache.find(row)?.answer).toBe('new');
});

it('keeps no failure', async () => {
  const cache = new ReadCache();
  await expect(cache.keep(row, 10, () => Promise.reject(new Error('not found'))).answer).rejects.toThrow('not found');
  expect(cache.find(row)).toBeUndefined();
});

it('without a hint an answer is two seconds old at most', () => {
  const cache = cacheWith(row);
  const now = performance.now();
  expect(cache.find(row, now + cachedMs - 1_000)).toBeDefined();
  expect(cache.find(row, now + cachedMs)).toBeUndefined();
  expect(cachedMs).toBe(2_000);
});

it('is bounded: in answers, in their size, in all', async () => {
  const cache = new ReadCache();
  const numbered = (n: number) => ({ ...row, key: `k${n}` });
  const kept = () => Array.from({ length: 700 }, (_, n) => numbered(n)).filter((question) => cache.find(question) !== undefined).length;
  for (let n = 0; n < 700; n += 1) cache.keep(numbered(n), 10, answer('x'));
  expect(kept()).toBe(500);
  await cache.keep(row, 10, answer('x'.repeat(300_000))).answer;
  expect(cache.find(row)).toBeUndefined();
  await Promise.all(Array.from({ length: 200 }, (_, n) => cache.keep(numbered(n), 10, answer('x'.repeat(200_000))).answer));
  expect(kept()).toBeLessThan(100);
});
