import { scanExpression } from './scan.js';

const endsAt = (text: string) => {
  const { end, closed } = scanExpression(text, 0);
  return closed ? text.slice(0, end) : 'open';
};

describe('an expression ends at the first }} that is not part of it', () => {
  it.each([
    ['a.b }} rest', 'a.b '],
    ['a}}}}', 'a'],
    ['"}}" & x }} y', '"}}" & x '],
    [`'it''}}' }}`, `'it''}}' `],
    ['"\\"}}" }}', '"\\"}}" '],
    ['`}}`.x }}', '`}}`.x '],
    ['{"a": {"b": 1}} }}', '{"a": {"b": 1}} '],
    ['{"a":{"b":{}}}}}', '{"a":{"b":{}}}'],
    ['/* }} */ a }}', '/* }} */ a '],
    ['$match(x, /\\}}/) }}', 'open'], // to JSONata, too, this regular expression has no end: brackets in it must balance
    ['$match(x, /\\}\\}/) }}', '$match(x, /\\}\\}/) '],
    ['$match(x, /[/]{{}}/i) }}', '$match(x, /[/]{{}}/i) '],
    ['$match(x, /"/) & "}}" }}', '$match(x, /"/) & "}}" '],
    ['a / b / "}}" }}', 'a / b / "}}" '],
    ['(a) / 2 }} / }}', '(a) / 2 '],
    ['items{k: v} }}', 'items{k: v} '],
    ['a"b }}', 'a"b '], // JSONata reads a quote inside a name as part of it
    ['* / 2 }} /', '* / 2 '],
    ['$f(?, 1) }}', '$f(?, 1) '],
    ['a[0] / 2 }} /', 'a[0] / 2 '],
    ['1"}}" }}', '1"}}" '],
    ['foo( }}', 'foo( '], // JSONata then says what is missing
  ])('%s', (text, expression) => expect(endsAt(text)).toBe(expression));

  it.each(['a', '"}}', '`}}', '/* }}', '{"a": 1}}'])('%s has no end', (text) => expect(endsAt(text)).toBe('open'));
});
