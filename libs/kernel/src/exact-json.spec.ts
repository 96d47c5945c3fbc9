import { parseExact } from './exact-json.js';

describe('JSON whose numbers are read exactly', () => {
  it.each<[string, unknown]>([
    ['{"id":9007199254740993}', { id: '9007199254740993' }],
    ['[-12345678901234567890]', ['-12345678901234567890']],
    ['{"id":9007199254740991}', { id: 9007199254740991 }],
    ['{"far":1e999}', { far: '1e999' }],
    ['{"share":0.12345678901234567890}', { share: 0.12345678901234568 }],
    ['{"text":"9007199254740993"}', { text: '9007199254740993' }],
    ['{"a":[1,2.5,null,true]}', { a: [1, 2.5, null, true] }],
    ['12345678901234567', '12345678901234567'],
  ])('%s', (text, value) => expect(parseExact(text)).toEqual(value));

  it('takes nothing else than JSON.parse does', () => {
    expect(() => parseExact('{"a":12345678901234567,}')).toThrow(SyntaxError);
    expect(() => parseExact('')).toThrow(SyntaxError);
  });
});
