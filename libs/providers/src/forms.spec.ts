import fc from 'fast-check';
import { formPairs, isForm, parseForm, parsePayloadForm } from './forms.js';

const parsed = (text: string | Buffer) => parseForm(Buffer.from(text));
const json = (value: unknown) => ({ kind: 'json', value });

it.each([
  ['nothing', '', {}],
  ['names and values', 'a=1&b=2', { a: '1', b: '2' }],
  ['values decoded and not trimmed', 'a=+x%2By%20&b=%C3%A9', { a: ' x+y ', b: 'é' }],
  ['UTF-8 that was not encoded', 'a=é', { a: 'é' }],
  ['empty values', 'a=&b', { a: '', b: '' }],
  ['repeated names', 'a=1&b=2&a=1', { a: ['1', '1'], b: '2' }],
  ['percent signs that encode nothing', 'a=100%&b=%zz', { a: '100%', b: '%zz' }],
])('reads %s', (_what, text, value) => expect(parsed(text)).toEqual(json(value)));

it('makes own keys of all names', () => {
  const read = parsed('__proto__=x&constructor=y');
  expect(read.kind === 'json' && Object.keys(read.value ?? {})).toEqual(['__proto__', 'constructor']);
  expect(Reflect.get({}, 'x')).toBeUndefined();
});

it.each([
  ['an encoded NUL', 'a=%00', 'nul_character'],
  ['a NUL', 'a=\u0000', 'nul_character'],
  ['half a character', 'a=%C3', 'invalid_utf8'],
  ['an encoded surrogate', 'a=%ED%A0%80', 'invalid_utf8'],
  ['Latin-1', Buffer.from('a=\u00e9', 'latin1'), 'invalid_utf8'],
])('takes %s for hostile', (_what, text, reason) => {
  const read = parsed(text);
  expect(read).toMatchObject({ kind: 'hostile', reason });
  expect(read.kind === 'hostile' && read.cleaned.includes('\u0000')).toBe(false);
});

it('reads what URLSearchParams wrote', () => {
  const pair = fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      expect(formPairs(Buffer.from(new URLSearchParams(pairs).toString()))).toEqual(pairs);
    }),
    { numRuns: 100 },
  );
});

it('never throws', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => expect(['json', 'hostile']).toContain(parsed(Buffer.from(bytes)).kind)));
});

it('finds the JSON in a field `payload`', () => {
  const payload = (text: string) => parsePayloadForm(Buffer.from(text));
  expect(payload('payload=%7B%22a%22%3A%22%2B%22%7D')).toEqual(json({ a: '+' }));
  expect(payload('command=%2Fx')).toEqual(json({ command: '/x' }));
  expect(payload('payload=1&payload=2')).toEqual(json({ payload: ['1', '2'] }));
  expect(payload('payload=oops')).toEqual({ kind: 'malformed' });
  expect(payload('payload=%7B%22a%22%3A%22%5Cu0000%22%7D')).toMatchObject({ kind: 'hostile', reason: 'nul_character' });
  expect(payload('payload=%22%FF%22')).toMatchObject({ kind: 'hostile', reason: 'invalid_utf8' });
});

it.each([
  ['application/x-www-form-urlencoded', true],
  ['Application/X-WWW-Form-Urlencoded; charset=utf-8', true],
  ['application/json', false],
  ['application/x-www-form-urlencoded-not', false],
  [undefined, false],
])('knows a form by its content type: %s', (type, expected) => expect(isForm({ headers: { 'content-type': type } })).toBe(expected));
