import type { Json } from '@sluice/kernel';
import fc from 'fast-check';
import { hostileEvent, isPlain, parseBody } from './hostile.js';

const parsed = (text: string | Buffer) => parseBody(Buffer.from(text));
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const hostile = (reason: string) => expect.objectContaining({ kind: 'hostile', reason });

function cleanedOf(text: string | Buffer): string {
  const body = parsed(text);
  if (body.kind !== 'hostile') throw new Error(`not hostile: ${body.kind}`);
  return body.cleaned;
}

describe('parseBody', () => {
  it('reads JSON, with a byte order mark too', () => {
    expect(parsed('{"a":[1,"ç👋",null]}')).toEqual({ kind: 'json', value: { a: [1, 'ç👋', null] } });
    expect(parsed('\uFEFF{}')).toEqual({ kind: 'json', value: {} });
  });

  it('gives what JSON.parse gives for anything that JSON.stringify writes', () => {
    const json = fc.jsonValue({ maxDepth: 8, stringUnit: 'binary' });
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/\d{16}/.test(text));
        const body = parsed(text);
        if (body.kind === 'json') expect(body.value).toEqual(JSON.parse(text));
        else expect(text).toMatch(/\\u(0000|d[89a-f])/);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['{"id":123456789012345,"a":["1234567890123456789"]}', true],
    ['{"id":1234567890123456789}', false],
    ['{"n":1e400}', false],
    ['\uFEFF{"id":1}', false],
  ])('gives what its text says plainly: %s', (text, expected) => {
    const body = Buffer.from(text);
    expect(isPlain(body)).toBe(expected);
    if (expected) expect(parseBody(body)).toEqual({ kind: 'json', value: JSON.parse(text) });
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parsed(Buffer.from(bytes))),
      { numRuns: 500 },
    );
    const almostJson = fc.string({ unit: fc.constantFrom(...'[]{}":,\\u0d8fe19 ') });
    fc.assert(
      fc.property(almostJson, (text) => void parsed(text)),
      { numRuns: 500 },
    );
  });

  it.each(['', ' ', '{', '{"object":"instagram","entry":[', '{"a":1}}', 'a=b', '"\\ud83', '"\\uzzzz"', '"\u0000"', '\u0000', '[1,]'])(
    'calls %j malformed',
    (text) => expect(parsed(text)).toEqual({ kind: 'malformed' }),
  );

  it('B-02: refuses nesting beyond 64 levels before parsing it', () => {
    expect(parsed(nested(64)).kind).toBe('json');
    expect(parsed(nested(65))).toEqual(hostile('too_deep'));
    expect(parsed(nested(100_000))).toEqual(hostile('too_deep'));
    expect(parsed('{"a":'.repeat(65) + '1' + '}'.repeat(65))).toEqual(hostile('too_deep'));
  });

  it('B-02: counts no brackets inside strings, and none that were closed again', () => {
    expect(parsed(JSON.stringify('['.repeat(200))).kind).toBe('json');
    expect(parsed(`["\\"${'['.repeat(200)}","\\\\"]`).kind).toBe('json');
    expect(parsed(`[${Array.from({ length: 200 }, () => '[]').join()}]`).kind).toBe('json');
  });

  it('B-03: keeps __proto__ and its kind as inert own keys', () => {
    const body = parsed('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"id":12345678901234567890}');
    const value = body.kind === 'json' ? body.value : null;
    expect(Object.keys(value ?? {})).toEqual(['__proto__', 'constructor', 'id']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it.each([
    ['"\\u0000"', 'nul_character'],
    ['{"a\\u0000":1}', 'nul_character'],
    ['"\\ud83d"', 'lone_surrogate'],
    ['"\\uD83D and more"', 'lone_surrogate'],
    ['"\\ude0d\\ud83d"', 'lone_surrogate'],
    ['"\\ud83d\\ud83d\\ude0d"', 'lone_surrogate'],
    ['{"\\udfff":1}', 'lone_surrogate'],
  ])('B-04: calls %s hostile', (text, reason) => expect(parsed(text)).toEqual(hostile(reason)));

  it.each(['"\\\\u0000"', '"\\\\ud83d"', '"\\ud83d\\ude0d"', '"\\uD83D\\uDE0D"', '"\\ufffe"', '"\\u0001"', '"0000"'])(
    'B-04: has nothing against %s',
    (text) => expect(parsed(text)).toEqual({ kind: 'json', value: JSON.parse(text) }),
  );

  it('B-04: rounds no id and loses no huge number', () => {
    const numbers: [string, Json][] = [
      ['12345678901234567890', '12345678901234567890'],
      ['-9007199254740993', '-9007199254740993'],
      ['9007199254740991', 9007199254740991],
      ['1e400', '1e400'],
      ['-1E400', '-1E400'],
      ['1e5', 100_000],
      ['0.12345678901234567890', 0.12345678901234568],
      ['1793611795800', 1793611795800],
    ];
    for (const [text, value] of numbers) expect(parsed(`{"id":[${text}]}`)).toEqual({ kind: 'json', value: { id: [value] } });
  });

  it('B-04: the last of several equal keys counts', () => expect(parsed('{"a":1,"a":2}')).toEqual({ kind: 'json', value: { a: 2 } }));

  it('B-05: calls JSON with invalid UTF-8 hostile, other encodings malformed', () => {
    const cutEmoji = Buffer.concat([Buffer.from('{"text":"'), Buffer.from('😍').subarray(0, 3), Buffer.from('"}')]);
    expect(parsed(cutEmoji)).toEqual({ kind: 'hostile', reason: 'invalid_utf8', cleaned: '{"text":"\uFFFD"}' });
    expect(parsed(Buffer.from('\uFEFF{"a":1}', 'utf16le'))).toEqual({ kind: 'malformed' });
    expect(parsed(Buffer.from([0x1f, 0x8b, 0x08, 0x00]))).toEqual({ kind: 'malformed' });
  });
});

describe('the cleaned copy', () => {
  it('is JSON that jsonb takes, changed where it had to be', () => {
    expect(cleanedOf('{"a":"\\u0000 \\\\u0000 \\ud83d \\ud83d\\ude0d \\n"}')).toBe('{"a":"\\ufffd \\\\u0000 \\ufffd \\ud83d\\ude0d \\n"}');
  });

  it('holds no NUL, even where the body was not parsed', () => expect(cleanedOf(`${nested(65)}\u0000`)).toBe(`${nested(65)}\uFFFD`));

  it('is at most 64 KiB and cuts no character in two', () => {
    for (const text of [nested(100_000), `${'['.repeat(65)}"${'😍'.repeat(50_000)}`, `${'['.repeat(66)}"${'\u0000'.repeat(100_000)}`]) {
      const cleaned = cleanedOf(text);
      expect(Buffer.byteLength(cleaned)).toBeLessThanOrEqual(64 * 1024);
      expect(cleaned.isWellFormed()).toBe(true);
      expect(cleaned.endsWith('\uFFFD') && !text.includes('\u0000')).toBe(false);
    }
  });

  it('is safe for Postgres whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const cleaned = cleanedOf(Buffer.concat([Buffer.from('['.repeat(65)), bytes]));
        expect(cleaned.isWellFormed() && !cleaned.includes('\u0000')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('hostileEvent', () => {
  const eventOf = (text: string, account: string | null = '1784') => {
    const body = Buffer.from(text);
    const result = parseBody(body);
    return result.kind === 'hostile' ? hostileEvent('instagram', account, body, result) : undefined;
  };

  it('is one unknown event that triggers nothing and says why', () => {
    expect(eventOf('"\\u0000"')).toEqual({
      kind: 'unknown',
      action: 'unknown',
      dedupeKey: expect.stringMatching(/^instagram:1784:body:[0-9a-f]{64}$/),
      accountId: '1784',
      customerId: null,
      direction: 'in',
      occurredAt: null,
      triggers: false,
      ignoredBecause: 'nul_character',
      raw: '"\\ufffd"',
    });
  });

  it('is keyed by the body: redelivered it is the same event, other bytes are another', () => {
    expect(eventOf('"\\u0000"')?.dedupeKey).toBe(eventOf('"\\u0000"')?.dedupeKey);
    expect(eventOf('"\\u0000"')?.dedupeKey).not.toBe(eventOf('"\\u0000 "')?.dedupeKey);
    expect(eventOf('"\\u0000"', null)?.dedupeKey).toMatch(/^instagram::body:/);
  });
});
