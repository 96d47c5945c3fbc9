import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ProviderRequest, Verification } from './adapter.js';

/** How a provider writes an HMAC into a header. `header` is lower-case. */
export interface HmacScheme {
  readonly header: string;
  /** What stands before the digest, e.g. `sha256=`; case counts */
  readonly prefix: string;
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly encoding: DigestEncoding;
}

export type DigestEncoding = 'hex' | 'base64' | 'base64url';

const digestBytes = { sha1: 20, sha256: 32, sha512: 64 } as const;

/**
 * True for the HMAC of `signed` under any of the active secrets. All secrets are tried, in constant time each, so the
 * answer's time tells neither how much of a digest matched nor which secret did. An empty secret signs nothing.
 */
export function verifyHmac(
  headers: ProviderRequest['headers'],
  signed: Buffer,
  scheme: HmacScheme,
  secrets: readonly string[],
): Verification {
  const values = valuesOf(headers[scheme.header]);
  const [value] = values;
  if (value === undefined) return { ok: false, reason: 'signature_missing' };
  if (values.length > 1) return { ok: false, reason: 'signature_repeated' };

  const digest = readDigest(value, scheme);
  if (digest === undefined) return { ok: false, reason: 'signature_malformed' };

  const active = secrets.filter((secret) => secret !== '');
  if (active.length === 0) return { ok: false, reason: 'secret_missing' };

  return anyHmacMatches(scheme.algorithm, signed, active, [digest]) ? { ok: true } : { ok: false, reason: 'signature_mismatch' };
}

/** True if one of the digests is the HMAC of `signed` under one of the keys, where a provider sends several at once. */
export function anyHmacMatches(
  algorithm: HmacScheme['algorithm'],
  signed: Buffer,
  keys: readonly (string | Buffer)[],
  digests: readonly Buffer[],
): boolean {
  const matches = keys.flatMap((key) => {
    const expected = createHmac(algorithm, key).update(signed).digest();
    return digests.map((digest) => sameBytes(expected, digest));
  });
  return matches.includes(true);
}

/** In constant time; that two lengths differ is no secret. */
export const sameBytes = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

/** What is signed is often more than the body, e.g. a time before it. */
export const bytesOf = (...parts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));

/** Compares digests of both sides, so that neither content nor length leaks; an empty token never matches. */
export function tokensMatch(given: string | Buffer, expected: string): boolean {
  return expected !== '' && timingSafeEqual(sha256(given), sha256(expected));
}

/** Every value of a header or query parameter: none, one, or all of a repeated one. A channel may name one as what all objects have. */
export const valuesOf = (values: string | readonly string[] | undefined): readonly string[] =>
  typeof values === 'string' ? [values] : Array.isArray(values) ? values : [];

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest();

/**
 * Hex of another length is no digest. Base64 of another length is read and will not match: 64 hex digits, too, are base64, and
 * whoever sends those signed with the right secret and wrote it down wrong.
 */
function readDigest(value: string, { prefix, encoding, algorithm }: HmacScheme): Buffer | undefined {
  const digest = value.startsWith(prefix) ? decoded(value.slice(prefix.length), encoding) : undefined;
  return encoding === 'hex' && digest?.length !== digestBytes[algorithm] ? undefined : digest;
}

/** Node's decoders skip what they do not understand; writing the bytes back shows that nothing was skipped. */
export function decoded(value: string, encoding: DigestEncoding): Buffer | undefined {
  const text = encoding === 'hex' ? value.toLowerCase() : encoding === 'base64url' ? value.replace(/=+$/, '') : value;
  const bytes = Buffer.from(text, encoding);
  return bytes.length > 0 && bytes.toString(encoding) === text ? bytes : undefined;
}
