import { isJsonObject } from './json.js';

/** Stands for a large value in rows, events and answers: `{"$blob": {"sha256": "…", "bytes": 70000}}`. Its JSON text lies in a table of its own. */
export interface BlobReference {
  readonly sha256: string;
  /** Of the JSON text */
  readonly bytes: number;
}

/** What a value stands for; undefined for one that is itself. */
export function blobIn(value: unknown): BlobReference | undefined {
  if (!isJsonObject(value)) return undefined;
  const { $blob, ...others } = value;
  if (!isJsonObject($blob) || Object.keys(others).length > 0) return undefined;
  const { sha256, bytes } = $blob;
  return typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256) && typeof bytes === 'number' ? { sha256, bytes } : undefined;
}

/** The large values that an event's payload refers to, as members, or as members of those: what joins put together. */
export function blobsIn(payload: unknown): BlobReference[] {
  if (!isJsonObject(payload)) return [];
  return Object.values(payload).flatMap((value) => {
    if (!isJsonObject(value)) return [];
    const whole = blobIn(value);
    return whole === undefined ? Object.values(value).flatMap((part) => blobIn(part) ?? []) : [whole];
  });
}
