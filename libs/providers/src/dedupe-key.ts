import { createHash } from 'node:crypto';
import { isJsonObject, type Json } from '@sluice/kernel';
import { depthMax } from './json-values.js';

/** A btree entry of Postgres holds at most some 2700 bytes. */
const keyBytesMax = 1024;

/**
 * Joins the parts with `:`. All but the last are escaped, so that other parts never give the same key, whatever an id holds;
 * the last may be any text, e.g. a payload. A key too long for an index is replaced by its hash.
 */
export function dedupeKey(...parts: readonly (string | number)[]): string {
  const key = parts.map((part, index) => (index < parts.length - 1 ? escaped(String(part)) : String(part))).join(':');
  return Buffer.byteLength(key) <= keyBytesMax ? key : `${escaped(String(parts[0]))}:sha256-${sha256(key)}`;
}

/** Equal for equal JSON, in whatever order its keys stand. */
export const fingerprint = (value: Json): string => sha256(canonical(value, 0));

export const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

const escaped = (part: string) => part.replaceAll('%', '%25').replaceAll(':', '%3A');

/** Stops at the depth that `parseBody` lets through: deeper values cannot come in, and must not overflow the stack if they do. */
function canonical(value: Json, depth: number): string {
  if (depth > depthMax) return '…';
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonical(item, depth + 1)).join()}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member, depth + 1)}`).join()}}`;
}
