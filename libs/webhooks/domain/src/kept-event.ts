import { type Blob, blobOf, type BlobReference, inlineBytesMax, isLargerThan } from '@sluice/kernel';
import type { TriggerEvent } from './webhook-events.js';

/** What of an event may be of any length; all else is ids and words. */
export const bulkyMembers = ['text', 'payload', 'content', 'attachments', 'emoji', 'replyTo', 'ref'] as const;
export type BulkyMember = (typeof bulkyMembers)[number];

/** All of them together are less than what an event may have in place. */
const memberBytesMax = 8 * 1024;

/** Stands where a large member was: its JSON lies apart. */
export interface KeptApart {
  readonly $blob: BlobReference;
}

/** An event as rows and the log have it: of one over 64 KiB the large members are kept apart, so that nobody who reads many reads those. */
export type KeptEvent = Omit<TriggerEvent, BulkyMember> & { readonly [Member in BulkyMember]?: TriggerEvent[Member] | KeptApart };

/**
 * Whether the JSON of what a body of so many bytes said has more than is kept in place. What is certainly small is not written to find that
 * out: JSON makes at most six bytes of one of the body, by an escape, and 25 of a number.
 */
export const isLarge = (value: unknown, bodyBytes: number): boolean =>
  bodyBytes > inlineBytesMax / 8 &&
  isLargerThan(inlineBytesMax / 32, value) &&
  (isLargerThan(inlineBytesMax, value) || Buffer.byteLength(JSON.stringify(value)) > inlineBytesMax);

/**
 * @param bodyBytes of the delivery that brought it
 * @param payloadText the JSON of its payload, if there is one already: a large one is not written anew
 */
export function keptEvent(
  event: TriggerEvent,
  bodyBytes: number,
  payloadText: () => Buffer | undefined = () => undefined,
): { readonly event: KeptEvent; readonly blobs: readonly Blob[] } {
  const blobs: Blob[] = [];
  if (!isLarge(event, bodyBytes)) return { event, blobs };
  const apart: Partial<Record<BulkyMember, KeptApart>> = {};
  for (const name of bulkyMembers) {
    if (event[name] === undefined) continue;
    const text = (name === 'payload' ? payloadText() : undefined) ?? JSON.stringify(event[name]);
    if (Buffer.byteLength(text) <= memberBytesMax) continue;
    const blob = blobOf(text);
    blobs.push(blob);
    apart[name] = { $blob: { sha256: blob.sha256, bytes: blob.bytes.length } };
  }
  return { event: { ...event, ...apart }, blobs };
}
