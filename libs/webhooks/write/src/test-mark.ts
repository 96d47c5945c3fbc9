import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EncryptionKey } from '@sluice/channels-domain';

/**
 * Says of a delivery that we made it ourselves. Nobody else can: it is sealed with the installation's key, for this channel and these bytes.
 * Whoever leaves it away has an ordinary delivery.
 */
export const testHeader = 'x-sluice-test';

export function testMark([key]: readonly EncryptionKey[], channelId: string, body: Buffer): string {
  if (key === undefined) throw new RangeError('there is no encryption key');
  return markBy(key, channelId, body);
}

/** Any key will do: they may be changing. */
export function isTest(header: unknown, keys: readonly EncryptionKey[], channelId: string, body: Buffer): boolean {
  if (typeof header !== 'string') return false;
  const given = Buffer.from(header);
  return keys.some((key) => {
    const expected = Buffer.from(markBy(key, channelId, body));
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
}

const markBy = ({ key }: EncryptionKey, channelId: string, body: Buffer): string =>
  createHmac('sha256', key).update(`sluice.test-delivery\0${channelId}\0`).update(body).digest('base64url');
