import { isUtf8 } from 'node:buffer';
import { exactNumber, type Json } from '@sluice/kernel';
import type { CanonicalEvent } from './adapter.js';
import { dedupeKey, sha256 } from './dedupe-key.js';
import { depthMax } from './json-values.js';

export type HostileReason = 'too_deep' | 'nul_character' | 'lone_surrogate' | 'invalid_utf8';

/** Correctly signed, but nothing that a jsonb column or a recursive function could take. */
export interface HostileBody {
  readonly kind: 'hostile';
  readonly reason: HostileReason;
  /** The beginning of the body, fit for `text` and, as a JSON string, for `jsonb` */
  readonly cleaned: string;
}

export type ParsedBody = { readonly kind: 'json'; readonly value: Json } | { readonly kind: 'malformed' } | HostileBody;

/**
 * Whether the body's own text, read plainly, gives the value that `parseBody` gave: it has no number that had to become a string, and nothing
 * before its JSON.
 */
export const isPlain = (body: Buffer): boolean => body[0] !== 0xef && !scan(body).longNumber;

const cleanedBytesMax = 64 * 1024;

/**
 * Reads a verified body. Malformed is what is not JSON in any reading: the provider is told (400). Hostile is JSON whose text
 * Postgres refuses (`\u0000`, half an emoji, escaped or as bytes) or that is nested too deep: refusing it would only make the
 * provider send it again and again, so it is kept as one event, see `hostileEvent`. Integers beyond 2^53 and numbers beyond a
 * double become strings: they are ids, and an id must not be rounded. `__proto__` stays an own key, as `JSON.parse` makes it.
 */
export function parseBody(body: Buffer): ParsedBody {
  const found = scan(body);
  if (found.tooDeep) return hostile('too_deep', body);

  let value: Json;
  try {
    const text = body.toString('utf8').replace(/^\uFEFF/, '');
    value = found.longNumber ? JSON.parse(text, exactNumber) : JSON.parse(text);
  } catch {
    return { kind: 'malformed' };
  }
  if (found.nul) return hostile('nul_character', body);
  if (found.loneSurrogate) return hostile('lone_surrogate', body);
  if (!isUtf8(body)) return hostile('invalid_utf8', body);
  return { kind: 'json', value };
}

/** The one event of a hostile body. The same bytes are the same event; which happenings they report nobody can say. */
export function hostileEvent(provider: string, accountId: string | null, body: Buffer, { reason, cleaned }: HostileBody): CanonicalEvent {
  return {
    kind: 'unknown',
    action: 'unknown',
    dedupeKey: dedupeKey(provider, accountId ?? '', 'body', sha256(body)),
    accountId,
    customerId: null,
    direction: 'in',
    occurredAt: null,
    triggers: false,
    ignoredBecause: reason,
    raw: cleaned,
  };
}

export const hostile = (reason: HostileReason, body: Buffer): HostileBody => ({ kind: 'hostile', reason, cleaned: cleanedCopy(body) });

interface Findings {
  tooDeep: boolean;
  nul: boolean;
  loneSurrogate: boolean;
  /** Some number might not survive as a double: worth the slower parse, which is about seven times slower */
  longNumber: boolean;
}

const quote = 0x22;
const backslash = 0x5c;
const letterU = 0x75;
const letterE = 0x65;

/** One pass over the bytes before anything recursive sees them. Does not judge the syntax: `JSON.parse` does. */
function scan(body: Buffer): Findings {
  const found: Findings = { tooDeep: false, nul: false, loneSurrogate: false, longNumber: false };
  let depth = 0;
  let digits = 0;
  let inString = false;

  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at] ?? 0;
    if (inString) {
      if (byte === quote) inString = false;
      else if (byte === backslash) at += escapeLength(body, at, found) - 1;
      continue;
    }
    if (byte >= 0x30 && byte <= 0x39) {
      digits += 1;
      if (digits > 15) found.longNumber = true;
      continue;
    }
    if ((byte | 0x20) === letterE && digits > 0) found.longNumber = true;
    digits = 0;
    if (byte === quote) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > depthMax) return { ...found, tooDeep: true };
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return found;
}

/** How many bytes the escape at `at` takes; a pair of surrogates counts as one escape. */
function escapeLength(body: Buffer, at: number, found: Findings): number {
  if (body[at + 1] !== letterU) return 2;
  const unit = codeUnit(body, at);
  if (unit === 0) found.nul = true;
  if (unit < 0xd800 || unit > 0xdfff) return 6;
  const next = body[at + 6] === backslash && body[at + 7] === letterU ? codeUnit(body, at + 6) : 0;
  if (unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) return 12;
  found.loneSurrogate = true;
  return 6;
}

/** The code unit of the `\uXXXX` at `at`; -1 if it is none, which `JSON.parse` will refuse. */
function codeUnit(body: Buffer, at: number): number {
  let unit = 0;
  for (let index = at + 2; index < at + 6; index += 1) {
    const byte = body[index] ?? 0;
    const letter = byte | 0x20;
    if (byte >= 0x30 && byte <= 0x39) unit = unit * 16 + byte - 0x30;
    else if (letter >= 0x61 && letter <= 0x66) unit = unit * 16 + letter - 0x57;
    else return -1;
  }
  return unit;
}

const pairOrEscape = /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u([0-9a-fA-F]{4})|\\[^]/g;

function cleanedCopy(body: Buffer): string {
  const cleaned = firstBytes(body)
    .replaceAll('\u0000', '\uFFFD')
    .replace(pairOrEscape, (escape, hex?: string) => (hex !== undefined && /^(0000|d[89a-f]..)$/i.test(hex) ? '\\ufffd' : escape));
  return firstBytes(Buffer.from(cleaned));
}

/** Never cuts a character in two: `stream` holds back an incomplete one at the end. Invalid bytes become U+FFFD. */
const firstBytes = (bytes: Buffer) => new TextDecoder().decode(bytes.subarray(0, cleanedBytesMax), { stream: true });
