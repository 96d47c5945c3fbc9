import { isLargerThan, type Json, stored } from '@sluice/kernel';
import { NodeFailure } from '@sluice/nodes';
import { Blobs, keep } from './blobs.js';

const text = 'x'.repeat(1_000_000);

it('B-15: what is longer as JSON than any text can be is refused without being written', () => {
  const before = process.resourceUsage().maxRSS;
  const value = Object.fromEntries(Array.from({ length: 900 }, (_, n) => [`v${n}`, [text]]));
  expect(() => keep(value)).toThrow(NodeFailure);
  expect(() => keep(value)).toThrow(/over 8388608 bytes/);
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(100 * 1024); // KiB
});

it('B-15: one that is kept is kept whole, from 64 KiB on by reference', () => {
  expect(keep(['a', 1, null])).toEqual({ value: ['a', 1, null], bytes: 12 });
  const items = Array.from({ length: 50_000 }, (_, n) => n);
  const { value, blob } = keep(items);
  expect(value).toEqual({ $blob: { sha256: blob?.sha256, bytes: blob?.bytes.length } });
  expect(JSON.parse(blob?.bytes.toString() ?? '')).toEqual(items);
});

it.each([[''], ['text'], [[]], [{}], [[[1], 'a', { b: [null, true, -1.5] }]], [{ a: { b: 'c' }, d: [0] }]])(
  'never takes a value for larger than its JSON is: %j',
  (value) => expect(isLargerThan(JSON.stringify(value).length, value)).toBe(false),
);

describe('what stands for a large value', () => {
  const long = stored(text);
  const blobs = new Blobs({ pool: { query: () => Promise.resolve({ rows: [] }) } } as unknown as ConstructorParameters<typeof Blobs>[0]);
  if (long.blob !== undefined) blobs.remember('t', long.blob);

  it.each<readonly [string, Json, Json]>([
    ['itself', long.value, text],
    ['a member', { kind: 'message', text: long.value }, { kind: 'message', text }],
    ['a member of an event in a join', { in: { text: long.value }, ask: { a: 1 } }, { in: { text }, ask: { a: 1 } }],
    [
      'nothing that is further in, or in a list',
      { a: { b: { c: long.value } }, d: [long.value] },
      { a: { b: { c: long.value } }, d: [long.value] },
    ],
  ])('B-15: is replaced by it: %s', async (_where, value, expected) => expect(await blobs.resolve('t', value)).toEqual(expected));

  it('is no other tenant’s, and stays where there is no value', async () => {
    expect(await blobs.resolve('u', { text: long.value })).toEqual({ text: long.value });
  });

  it('costs a value without any nothing', () => {
    const value = { a: { b: { c: 1 } }, d: [1] };
    expect(blobs.resolve('t', value)).toBe(value);
  });
});
