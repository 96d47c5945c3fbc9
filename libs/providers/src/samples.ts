import { createHmac } from 'node:crypto';
import type { Json } from '@sluice/kernel';
import type { Channel, SampleCall } from './adapter.js';
import type { HmacScheme } from './signatures.js';

/** What a sample says, wherever its provider lets people say something. */
export const sampleText = 'This is a test by Sluice.';

export const jsonBody = (value: Json): Buffer => Buffer.from(JSON.stringify(value));

/** The secret that samples are signed with: any that is accepted will do. */
export const sampleSecret = ({ secrets }: Channel): string | undefined => secrets.signingSecrets.find((secret) => secret !== '');

/** The header's value that `verifyHmac` takes. */
export const hmacOf = ({ algorithm, encoding, prefix }: HmacScheme, key: string | Buffer, signed: Buffer): string =>
  `${prefix}${createHmac(algorithm, key).update(signed).digest(encoding)}`;

/** A JSON body that is signed as it is. */
export function hmacSample(
  channel: Channel,
  scheme: HmacScheme,
  value: Json,
  headers: Readonly<Record<string, string>> = {},
): SampleCall | undefined {
  const secret = sampleSecret(channel);
  if (secret === undefined) return undefined;
  const body = jsonBody(value);
  return { headers: { 'content-type': 'application/json', ...headers, [scheme.header]: hmacOf(scheme, secret, body) }, body };
}

export const secondsOf = (at: Date): number => Math.floor(at.getTime() / 1_000);
