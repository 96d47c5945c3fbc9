/** How a provider counts the length of a text: bytes in UTF-8, or units of UTF-16, of which an emoji has two or more. */
export type LengthUnit = 'bytes' | 'characters';

export const lengthOf = (text: string, unit: LengthUnit): number => (unit === 'bytes' ? Buffer.byteLength(text) : text.length);

/** Where a text is best cut, best first: before what matches. A cut that leaves the part half empty is no good one, but between words it is. */
export type Cuts = readonly { readonly at: RegExp; readonly least: number }[];

const goodCuts: Cuts = [
  { at: /\n[^\S\n]*\n/g, least: 0.5 },
  { at: /\n/g, least: 0.5 },
  { at: /\s(?<=[.!?…]["'”’)\]»]{0,3}\s)|(?<=[。！？])(?=\S)/g, least: 0.5 },
  { at: /\s/g, least: 0 },
];

/** The nicest way first, each with fuller and so fewer parts than the one before: as is best, between words alone, at the limit. */
export const waysToCut: readonly Cuts[] = [goodCuts, goodCuts.slice(-1), []];

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

/**
 * Parts of at most `max`, in order; together they are the text again, but for the white space where it was cut. By default cut between paragraphs,
 * lines, sentences or words where that fills at least half of a part; never inside a character as people see it, unless one alone is
 * too long, and never inside a code point. `max` must have room for a code point: 4 bytes, 2 units.
 */
export function splitText(text: string, max: number, unit: LengthUnit, cuts = goodCuts): readonly string[] {
  const parts: string[] = [];
  let rest = text;
  while (lengthOf(rest, unit) > max) {
    const cut = cutOf(rest, longestPrefix(rest, max, unit), cuts);
    parts.push(rest.slice(0, cut).trimEnd());
    rest = rest.slice(cut).trimStart();
  }
  return [...parts, rest].filter((part) => part !== '');
}

/** The end of the longest prefix of at most `max` that ends between two code points. */
function longestPrefix(text: string, max: number, unit: LengthUnit): number {
  let [end, length] = [0, 0];
  for (const codePoint of text) {
    length += lengthOf(codePoint, unit);
    if (length > max) break;
    end += codePoint.length;
  }
  return end;
}

function cutOf(text: string, end: number, cuts: Cuts): number {
  // What follows the longest prefix belongs to the question: a space there makes the prefix whole words.
  const seen = text.slice(0, end + 1);
  for (const { at, least } of cuts) {
    const last = [...seen.matchAll(at)].findLast(({ index }) => index > end * least && index <= end);
    if (last) return last.index;
  }
  const start = graphemes.segment(text).containing(end)?.index ?? end;
  return start > 0 ? start : end;
}
