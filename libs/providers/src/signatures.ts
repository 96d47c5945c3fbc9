import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ProviderRequest, Verification } from './adapter.js';

/** How a provider writes an HMAC into a header. `header` is lower-case. */
export interface HmacScheme {
  readonly header: string;
  /** What stands before the digest, e.g. `sha256=`; case counts */
  readonly prefix: string;
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly encoding: 'hex' | 'base64';
}

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

  const matches = active.map((secret) => timingSafeEqual(createHmac(scheme.algorithm, secret).update(signed).digest(), digest));
  return matches.includes(true) ? { ok: true } : { ok: false, reason: 'signature_mismatch' };
}

/** Compares digests of both sides, so that neither content nor length leaks; an empty token never matches. */
export function tokensMatch(given: string, expected: string): boolean {
  return expected !== '' && timingSafeEqual(sha256(given), sha256(expected));
}

/** Every value of a header or query parameter: none, one, or all of a repeated one. */
export const valuesOf = (values: string | readonly string[] | undefined): readonly string[] =>
  typeof values === 'string' ? [values] : (values ?? []);

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** Node's decoders skip what they do not understand; writing the bytes back shows that nothing was skipped. */
function readDigest(value: string, { prefix, encoding, algorithm }: HmacScheme): Buffer | undefined {
  if (!value.startsWith(prefix)) return undefined;
  const text = encoding === 'hex' ? value.slice(prefix.length).toLowerCase() : value.slice(prefix.length);
  const digest = Buffer.from(text, encoding);
  return digest.length === digestBytes[algorithm] && digest.toString(encoding) === text ? digest : undefined;
}
