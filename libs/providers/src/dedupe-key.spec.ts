import fc from 'fast-check';
import { dedupeKey, fingerprint } from './dedupe-key.js';

describe('dedupeKey', () => {
  it('reads like its parts', () => expect(dedupeKey('instagram', '1784', 'edit', 'mid', 2)).toBe('instagram:1784:edit:mid:2'));

  it('leaves the last part as it is', () => expect(dedupeKey('referral', '1', 'promo:100%')).toBe('referral:1:promo:100%'));

  it('differs wherever the parts differ', () => {
    const part = fc.string({ unit: fc.constantFrom('a', ':', '%', '3', 'A'), maxLength: 4 });
    const parts = fc.array(part, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(dedupeKey(...a) === dedupeKey(...b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 500 },
    );
  });

  it('fits an index, and differs all the same', () => {
    const long = (end: string) => dedupeKey('instagram', '1784', 'postback', 'é'.repeat(100_000) + end);
    expect(Buffer.byteLength(long('a'))).toBeLessThan(200);
    expect(long('a')).not.toBe(long('b'));
  });
});

describe('fingerprint', () => {
  it('is of the value, not of the order of its keys', () => {
    expect(fingerprint({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(fingerprint({ b: [{ d: 3, c: 2 }], a: 1 }));
    expect(fingerprint({ a: [1, 2] })).not.toBe(fingerprint({ a: [2, 1] }));
    expect(fingerprint([['a'], 'b'])).not.toBe(fingerprint(['a', ['b']]));
    expect(fingerprint('1')).not.toBe(fingerprint(1));
  });

  it('does not overflow the stack', () => {
    expect(fingerprint(JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)))).toMatch(/^[0-9a-f]{64}$/);
  });
});
