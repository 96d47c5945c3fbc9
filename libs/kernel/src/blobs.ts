import { createHash } from 'node:crypto';
import { isJsonObject, type Json } from './json.js';

/** Values whose JSON is longer are kept apart. */
export const inlineBytesMax = 64 * 1024;

export interface Blob {
  readonly sha256: string;
  readonly bytes: Buffer;
}

const unstorable = /\\u0000|\\ud[89a-f][0-9a-f]{2}/i;

/** The same with what Postgres refuses replaced: it keeps no NUL and no half of an emoji. JSON.stringify writes either as an escape. */
export function storable<Value>(value: Value, text = JSON.stringify(value)): Value {
  return unstorable.test(text) ? JSON.parse(storableText(text)) : value;
}

const storableText = (text: string): string =>
  unstorable.test(text) ? text.replaceAll(/(?<!\\)((?:\\\\)*)(?:\\u0000|\\ud[89a-f][0-9a-f]{2})/gi, '$1\ufffd') : text;

export interface Kept {
  readonly value: Json;
  /** Of its JSON */
  readonly bytes: number;
  /** To be written with whatever refers to it */
  readonly blob?: Blob;
}

/**
 * Whether the JSON of a value certainly has more bytes than this. Asked before it is written: a value that names the same text a thousand times
 * is small here and larger than any text can be there.
 */
export function isLargerThan(bytes: number, value: unknown): boolean {
  let left = bytes;
  const fits = (part: unknown): boolean => {
    if (isJsonObject(part)) {
      for (const [name, member] of Object.entries(part)) {
        left -= name.length + 3;
        if (!fits(member)) return false;
      }
      return left >= 0;
    }
    if (Array.isArray(part)) return part.every((item: unknown) => fits(item));
    left -= typeof part === 'string' ? part.length + 2 : 1;
    return left >= 0;
  };
  return !fits(value);
}

/** A value as it is stored, as large as it is: itself, or what stands for it. */
export function stored(value: Json): Kept {
  const text = JSON.stringify(value);
  const length = Buffer.byteLength(text);
  if (length <= inlineBytesMax) return { value: storable(value, text), bytes: length };
  const blob = blobOf(text);
  const { sha256, bytes } = blob;
  return { value: { $blob: { sha256, bytes: bytes.length } }, bytes: bytes.length, blob };
}

/** JSON text that is kept apart; as bytes, such as may be stored. */
export function blobOf(text: string | Buffer): Blob {
  const bytes = typeof text === 'string' ? Buffer.from(storableText(text)) : text;
  return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes };
}
