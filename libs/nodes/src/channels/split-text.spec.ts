import fc from 'fast-check';
import { type TextLimit, textParts } from './several-messages.js';
import { lengthOf, splitText } from './split-text.js';

const family = '👨‍👩‍👧‍👦';

it.each<[string, string, number, string[]]>([
  ['what fits is left as it is', ' a b ', 5, [' a b ']],
  ['between paragraphs', 'One two.\n\nThree. Four', 15, ['One two.', 'Three. Four']],
  ['between lines', 'One two.\nThree. Four', 15, ['One two.', 'Three. Four']],
  ['between sentences', 'One two. Three four', 12, ['One two.', 'Three four']],
  ['behind the quotes of a sentence', '"One two." Three four', 13, ['"One two."', 'Three four']],
  ['between sentences without spaces', '一二。三四五', 4, ['一二。', '三四五']],
  ['between words, where no sentence fills half of a part', 'A. Bbbb cccc dddd', 13, ['A. Bbbb cccc', 'dddd']],
  ['at a word that ends just there', 'aaaa bbbb', 4, ['aaaa', 'bbbb']],
  ['inside a word that is too long', 'aaaabbbbcc', 4, ['aaaa', 'bbbb', 'cc']],
  ['white space alone is no part', `${' '.repeat(9)}a`, 4, ['a']],
  ['white space at the end is no part', `aaaa${' '.repeat(9)}`, 4, ['aaaa']],
])('is cut %s', (_where, text, max, parts) => expect(splitText(text, max, 'characters')).toEqual(parts));

it('counts bytes where the provider does', () => {
  expect(splitText('ä'.repeat(500), 1000, 'bytes')).toHaveLength(1);
  expect(splitText('ä'.repeat(501), 1000, 'bytes').map((part) => part.length)).toEqual([500, 1]);
  expect(splitText('👋'.repeat(251), 1000, 'bytes').map((part) => lengthOf(part, 'bytes'))).toEqual([1000, 4]);
});

it('leaves what people see as one character in one piece', () => {
  expect(splitText(`aa${family}`, 26, 'bytes')).toEqual(['aa', family]);
  expect(splitText('cafe\u0301s', 5, 'bytes')).toEqual(['caf', 'e\u0301s']);
  expect(splitText('🇩🇪🇫🇷', 5, 'characters')).toEqual(['🇩🇪', '🇫🇷']);
});

it('cuts one that is too long alone, but no code point', () => {
  expect(splitText(family, 8, 'bytes').join('')).toBe(family);
  expect(splitText(`e${'\u0301'.repeat(9)}`, 6, 'bytes').every((part) => part.isWellFormed())).toBe(true);
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: fc.constantFrom('a', ' ', '\n', '.', '。', 'ä', '👋', family, '\u0301', '\r\n'), maxLength: 200 }),
);

it.each(['bytes', 'characters'] as const)('any text is the same again, in parts that fit, in %s', (unit) => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 4, max: 60 }), (text, max) => {
      const parts = splitText(text, max, unit);
      let at = 0;
      for (const part of parts) {
        expect(lengthOf(part, unit)).toBeLessThanOrEqual(max);
        expect(part).not.toBe('');
        const found = text.indexOf(part, at);
        expect(text.slice(at, found).trim()).toBe('');
        at = found + part.length;
      }
      expect(text.slice(at).trim()).toBe('');
    }),
    { numRuns: 300 },
  );
});

describe('of a text that becomes several messages', () => {
  const limit: TextLimit = { provider: 'Telegram', max: 4096, unit: 'characters', partsMax: 5 };
  const words = (length: number) => 'lorem ipsum '.repeat(Math.ceil(length / 12)).slice(0, length - 1) + '.';

  it('cuts between words what would make too many of them cut between paragraphs', () => {
    const text = Array.from({ length: 6 }, () => words(2_100)).join('\n\n');
    expect(splitText(text, 4096, 'characters').length).toBeGreaterThan(5);
    const parts = textParts(text, limit, {});
    expect(parts).toHaveLength(4);
    expect(parts.join(' ').split(/\s+/)).toEqual(text.split(/\s+/));
  });

  it('cuts inside of words where nothing else fits', () => {
    const text = Array.from({ length: 9 }, () => 'a'.repeat(55)).join(' ');
    expect(textParts(text, { ...limit, max: 101 }, {})).toHaveLength(5);
  });

  it('refuses what does not fit either', () => {
    expect(() => textParts('a'.repeat(4096 * 5 + 1), limit, {})).toThrow('Telegram takes at most 5 messages of 4096');
  });

  it.each(['bytes', 'characters'] as const)('never refuses one that fills all messages but one, in %s', (unit) => {
    const max = 100;
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'ä', '.', '!'), minLength: 1, maxLength: 4 });
    const gap = fc.constantFrom(' ', ' ', '\n', '\n\n', '. ');
    const text = fc
      .array(fc.tuple(word, gap), { minLength: 50, maxLength: 120 })
      .map((pairs) => pairs.flat().join(''))
      .filter((one) => lengthOf(one, unit) <= max * 4);
    fc.assert(
      fc.property(text, (one) => {
        const parts = textParts(one, { ...limit, max, unit }, {});
        expect(parts.length).toBeLessThanOrEqual(5);
        expect(parts.every((part) => lengthOf(part, unit) <= max)).toBe(true);
        expect(parts.join('').replaceAll(/\s/g, '')).toBe(one.replaceAll(/\s/g, ''));
      }),
      { numRuns: 300 },
    );
  });
});

it('takes no longer than it should for a long text without a good place', () => {
  const started = performance.now();
  expect(splitText('"'.repeat(40_000), 4_000, 'characters')).toHaveLength(10);
  expect(performance.now() - started).toBeLessThan(2_000);
});
