import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { blobIn, type BlobReference, isJsonObject, type Json } from '@sluice/kernel';
import { NodeFailure } from '@sluice/nodes';
import { ServiceDatabase } from '@sluice/platform-database';

/** Values whose JSON is longer are kept apart. */
const inlineBytesMax = 64 * 1024;
/** Nothing that a node puts out may be longer. */
const outputBytesMax = 8 * 1024 * 1024;
const keptBytesMax = 64 * 1024 * 1024;

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
export function isLargerThan(bytes: number, value: Json): boolean {
  let left = bytes;
  const fits = (part: Json): boolean => {
    if (isJsonObject(part)) {
      for (const [name, member] of Object.entries(part)) {
        left -= name.length + 3;
        if (!fits(member)) return false;
      }
      return left >= 0;
    }
    if (typeof part === 'object' && part !== null) return part.every((item) => fits(item));
    left -= typeof part === 'string' ? part.length + 2 : 1;
    return left >= 0;
  };
  return !fits(value);
}

/** A value as it is stored: itself, or what stands for it. Throws NodeFailure for one that is too large to keep. */
export function keep(value: Json): Kept {
  const kept = isLargerThan(outputBytesMax, value) ? undefined : stored(value);
  if (kept !== undefined && kept.bytes <= outputBytesMax) return kept;
  const message = `The output has over ${outputBytesMax} bytes, more than are kept. Select what is needed.`;
  throw new NodeFailure('output_too_large', message, { retryable: false });
}

/** The same for what came in and is as large as it is. */
export function stored(value: Json): Kept {
  const text = JSON.stringify(value);
  const length = Buffer.byteLength(text);
  if (length <= inlineBytesMax) return { value: storable(value, text), bytes: length };
  const bytes = Buffer.from(storableText(text));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { value: { $blob: { sha256, bytes: bytes.length } }, bytes: bytes.length, blob: { sha256, bytes } };
}

/** Where large values are found. */
export interface BlobSource {
  /** The value with what stands for large ones replaced, also in the members of an object: joins are made of outputs. */
  resolve(tenantId: string, value: Json): Json | Promise<Json>;
  /** What is about to be written can be read from here on. */
  remember(tenantId: string, blob: Blob): void;
}

/** Large values by their hash, which never change: some are kept in memory. */
@Injectable()
export class Blobs implements BlobSource {
  private readonly kept = new Map<string, { readonly value: Json; readonly bytes: number }>();
  private keptBytes = 0;

  constructor(private readonly database: ServiceDatabase) {}

  remember(tenantId: string, { sha256, bytes }: Blob): void {
    this.add(`${tenantId}/${sha256}`, JSON.parse(bytes.toString()), bytes.length);
  }

  resolve(tenantId: string, value: Json): Json | Promise<Json> {
    if (typeof value !== 'object' || value === null) return value;
    const whole = blobIn(value);
    if (whole !== undefined) return this.read(tenantId, whole, value);
    if (!isJsonObject(value) || !Object.values(value).some((member) => blobIn(member) !== undefined)) return value;
    const each = async (member: Json): Promise<Json> => {
      const reference = blobIn(member);
      return reference === undefined ? member : this.read(tenantId, reference, member);
    };
    return Promise.all(Object.entries(value).map(async ([name, member]) => [name, await each(member)] as const)).then(
      Object.fromEntries<Json>,
    );
  }

  /** What is not there is taken for what it says. */
  private read(tenantId: string, { sha256 }: BlobReference, otherwise: Json): Json | Promise<Json> {
    const key = `${tenantId}/${sha256}`;
    const found = this.kept.get(key);
    if (found !== undefined) return found.value;
    return this.database.pool
      .query<{ bytes: Buffer }>({ name: 'read-blob', text: 'SELECT bytes FROM blobs WHERE tenant_id = $1 AND sha256 = $2' }, [
        tenantId,
        Buffer.from(sha256, 'hex'),
      ])
      .then(({ rows: [row] }) => {
        if (row === undefined) return otherwise;
        const value: Json = JSON.parse(row.bytes.toString());
        this.add(key, value, row.bytes.length);
        return value;
      });
  }

  private add(key: string, value: Json, bytes: number): void {
    const known = this.kept.get(key);
    this.kept.delete(key);
    this.kept.set(key, { value, bytes });
    if (known === undefined) this.keptBytes += bytes;
    for (const [oldest, entry] of this.kept) {
      if (this.keptBytes <= keptBytesMax || oldest === key) break;
      this.kept.delete(oldest);
      this.keptBytes -= entry.bytes;
    }
  }
}
