import type { Json, JsonObject } from '@sluice/kernel';
import { bodyOf } from './http-body.js';

const written = (config: JsonObject, body: Json) => {
  const made = bodyOf(config, body);
  return made && [made.contentType, made.bytes.toString()];
};
const failing = (problem: string) => expect.objectContaining({ code: 'config_invalid', message: problem, options: { retryable: false } });

describe('the body of http.request', () => {
  it('is none when there is none', () => expect(bodyOf({ bodyType: 'json', contentType: 'a/b' }, undefined)).toBeUndefined());

  it.each<[JsonObject, Json, string, string]>([
    [{}, 'a', 'text/plain; charset=utf-8', 'a'],
    [{}, { a: 1 }, 'application/json', '{"a":1}'],
    [{}, null, 'application/json', 'null'],
    [{ bodyType: 'json' }, 'a', 'application/json', '"a"'],
    [{ bodyType: 'text' }, 7, 'text/plain; charset=utf-8', '7'],
    [{ bodyType: 'text' }, null, 'text/plain; charset=utf-8', ''],
    [{ bodyType: 'text', contentType: 'application/json' }, '{"a":1}', 'application/json', '{"a":1}'],
    [{ contentType: 'application/vnd.api+json' }, { a: 1 }, 'application/vnd.api+json', '{"a":1}'],
    [{ bodyType: 'form' }, { a: 'x y&z', n: 1, ok: true, none: null }, 'application/x-www-form-urlencoded', 'a=x+y%26z&n=1&ok=true'],
    [{ bodyType: 'form' }, { tag: ['new', 'paid', null], empty: [] }, 'application/x-www-form-urlencoded', 'tag=new&tag=paid'],
    [{ bodyType: 'form' }, {}, 'application/x-www-form-urlencoded', ''],
  ])('%j makes of %j %s: %s', (config, body, type, text) => {
    expect(written(config, body)).toEqual([type, text]);
  });

  it.each(['/+8AAQ==', '_-8AAQ', ' /+8A\r\n AQ= = '])('is the bytes that Base64 stands for: %j', (body) => {
    expect(bodyOf({ bodyType: 'binary' }, body)).toEqual({
      contentType: 'application/octet-stream',
      bytes: Buffer.from([0xff, 0xef, 0, 1]),
    });
  });

  it.each<[JsonObject, Json, string]>([
    [{ bodyType: 'xml' }, 'a', '`bodyType` must be one of json, form, text, binary'],
    [{ bodyType: 'form' }, 'a=1', '`body` must be an object, not a string'],
    [{ bodyType: 'form' }, { a: { b: 1 } }, '`body.a` must be a text, a number, true or false, or a list of them'],
    [{ bodyType: 'form' }, { a: [[1]] }, '`body.a` must be a text, a number, true or false, or a list of them'],
    [{ bodyType: 'text' }, { a: 1 }, '`body` must be a text, not an object'],
    [{ bodyType: 'binary' }, 'no Base64!', '`body` must be Base64 when `bodyType` is "binary"'],
    [{ bodyType: 'binary' }, 'AAAAA', '`body` must be Base64 when `bodyType` is "binary"'],
    [{ bodyType: 'binary' }, '', '`body` has no value: its expression found nothing'],
    [{ contentType: 'a\r\nx-b: c' }, 'a', '`contentType` must not have line breaks'],
    [{ bodyType: 'text' }, 'ä'.repeat(524_289), '`body` is over the limit of 1048576 bytes'],
  ])('%j refuses what is not of its type (%#)', (config, body, problem) => {
    expect(() => bodyOf(config, body)).toThrow(failing(problem));
  });

  it('counts the bytes that are sent, not their Base64', () => {
    expect(bodyOf({ bodyType: 'binary' }, Buffer.alloc(1_048_576).toString('base64'))?.bytes).toHaveLength(1_048_576);
  });
});
